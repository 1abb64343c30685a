import { beforeAll, describe, expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { type ResponseExpectations, type VerifiedAnswer, verifyResponse } from "../../src/login/saml/messages/response.ts";
import { createJudge, factsOf, type Judge } from "../support/node-saml-judge.ts";
import {
  aKey,
  anAssertion,
  aResponse,
  attribute,
  exclusive,
  expecting,
  type Parts,
  type Signing,
  type SignOptions,
  sign,
} from "../support/saml-documents.ts";
import { encryptAssertion } from "../support/saml-idp-crypto.ts";
import { makeSamlKey } from "../support/saml-keys.ts";
import { mutate, type Random, seeded } from "../support/xml-mutations.ts";

// A signed answer, changed at random some ten thousand times. The verdict is one sentence: what is accepted says exactly what was signed.
// The seed is new in each run and named in every failure; VESTIBULE_FUZZ_SEED plays one again, VESTIBULE_FUZZ_COUNT asks for more.

const seed = Number(process.env.VESTIBULE_FUZZ_SEED ?? Date.now() % 1_000_000_007);
const count = Number(process.env.VESTIBULE_FUZZ_COUNT ?? 15_000);
/** Of the accepted ones, in each variant: the judge takes ten times as long. */
const judged = 60;

const key = aKey();
const inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const parts: Parts = {
  attributes: attribute("email", "alice@acme.example") + attribute("groups", "staff", "R&amp;D &lt;née&gt;", "admins"),
};
const forms: Readonly<Record<string, SignOptions>> = {
  exclusive: { canonicalisation: exclusive, transforms: [enveloped, exclusive] },
  inclusive: { canonicalisation: inclusive, transforms: [enveloped] },
};

let ours: Awaited<ReturnType<typeof makeSamlKey>>;
let expected: ResponseExpectations;
beforeAll(async () => {
  ours = await makeSamlKey("gateway");
  expected = expecting(key, { decryption: { keys: [ours.key], allowLegacy: false } });
});

interface Variant {
  readonly genuine: string;
  change(random: Random): string;
}
function plain(signing: Signing, form: SignOptions): Variant {
  // Signed in its place: the inclusive form covers the declarations around it, too.
  const inPlace = signing === "response" ? aResponse(parts) : sign(aResponse(parts), "_assertion", key, form);
  const genuine = signing === "assertion" ? inPlace : sign(inPlace, "_response", key, form);
  return { genuine, change: (random) => mutate(genuine, random) };
}
/** Anybody can encrypt to us: what is inside is as hostile as what is outside. */
function encrypted(what: "inside" | "outside"): Variant {
  const assertion = sign(anAssertion(parts), "_assertion", key);
  const wrap = (inner: string) => aResponse(parts, encryptAssertion(inner, ours.certificate));
  const genuine = wrap(assertion);
  return { genuine, change: (random) => (what === "outside" ? mutate(genuine, random) : wrap(mutate(assertion, random))) };
}

const variants: readonly { readonly name: string; readonly make: () => Variant }[] = [
  ...Object.entries(forms).flatMap(([form, options]) =>
    (["response", "assertion", "both"] as const).map((signing) => ({
      name: `${form} canonicalisation, signed ${signing}`,
      make: () => plain(signing, options),
    })),
  ),
  { name: "an encrypted assertion, changed from outside", make: () => encrypted("outside") },
  { name: "an encrypted assertion, changed before it was encrypted", make: () => encrypted("inside") },
];

describe.each(variants)("$name", ({ name, make }) => {
  test("what is accepted says exactly what was signed, and the judge reads it alike", { timeout: 300_000 }, async () => {
    const { genuine, change } = make();
    const facts = verifyResponse(genuine, expected);
    const random = seeded(seed ^ hash(name));
    const accepted = new Set<string>();
    for (let round = 0; round < count; round += 1) {
      const xml = change(random);
      const answer = verdict(xml);
      if (answer === null) continue;
      expect(JSON.stringify(answer), `seed ${seed}, round ${round}:\n${xml}`).toBe(JSON.stringify(facts));
      if (xml !== genuine) accepted.add(xml);
    }
    // Without changes that are harmless and let through the verdict would be about nothing.
    expect(accepted.size).toBeGreaterThan(count / 200);
    await expectAlike(createJudge({ idp: key.public, decryption: ours.key }), facts, [genuine, ...[...accepted].slice(0, judged)]);
  });
});

/** The facts, null when the document is refused in the foreseen way. */
function verdict(xml: string): VerifiedAnswer | null {
  try {
    return verifyResponse(xml, expected);
  } catch (error) {
    if (error instanceof GatewayError && error.code.startsWith("saml.")) return null;
    throw new Error(`seed ${seed}: not a refusal but an accident, by\n${xml}`, { cause: error });
  }
}

/** It need not read everything that we read (it refuses some that is well-formed); what it reads, it reads as the same. */
async function expectAlike(judge: Judge, facts: VerifiedAnswer, documents: readonly string[]): Promise<void> {
  const readings = await Promise.all(documents.map(async (xml) => ({ xml, reading: await judge.read(xml) })));
  const read = readings.flatMap(({ xml, reading }) => ("facts" in reading ? [{ xml, facts: reading.facts }] : []));
  for (const { xml, facts: theirs } of read) expect(theirs, xml).toBe(factsOf(facts));
  expect(read.length, JSON.stringify(readings.map(({ reading }) => reading).slice(0, 3))).toBeGreaterThan(documents.length / 4);
}

const hash = (text: string) => [...text].reduce((sum, character) => (Math.imul(sum, 31) + (character.codePointAt(0) ?? 0)) | 0, 7);
