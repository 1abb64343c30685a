import fc from "fast-check";
import { expect, test } from "vitest";
import { compileIdentityHeaders, managedNames } from "../../src/upstream/headers/identity.ts";
import { anApp, aRoute, headerSettings, known, someSettings } from "../support/policy-builders.ts";

const ours = ["Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Proof_Of_Identity"];
const headers = headerSettings({ assertion: { header: "X-Proof_Of_Identity" } });
const managed = managedNames(someSettings([anApp({ routes: [aRoute({ headers })] })]));
const prepare = compileIdentityHeaders(headers, managed);

/** The name as some application may read it for the same one: CGI and WSGI know neither case nor the difference of `-` and `_`. */
const respelled = (name: string) =>
  fc
    .array(fc.nat({ max: 3 }), { minLength: name.length, maxLength: name.length })
    .map((turns) => [...name].map((char, at) => respell(char, turns[at] ?? 0)).join(""));
function respell(char: string, turn: number): string {
  if (char === "-" || char === "_") return turn % 2 === 0 ? "-" : "_";
  return turn % 2 === 0 ? char.toLowerCase() : char.toUpperCase();
}
const anyIdentity = fc.constantFrom(null, known(), known({ email: null, name: null }));
function removesOf(identity: ReturnType<typeof known> | null): (name: string) => boolean {
  const prepared = prepare(identity);
  if (prepared.kind !== "edit") throw new Error("refused");
  return prepared.edit.removes;
}

test("a caller's identity header is removed however it is spelled, whoever calls and whether we have a value or not", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ours).chain(respelled), anyIdentity, (name, identity) => {
      expect(removesOf(identity)(name)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("any other header stays, however close its name", () => {
  const letters = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz-_019");
  const aName = fc.string({ unit: letters, minLength: 1, maxLength: 20 }).map((name) => `a${name}`);
  fc.assert(
    fc.property(aName, anyIdentity, (name, identity) => {
      expect(removesOf(identity)(name)).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test("asking twice gives the same answer, whatever was asked between", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom(...ours).chain(respelled)), { maxLength: 30 }), (names) => {
      const removes = removesOf(null);
      expect(names.map(removes)).toEqual(names.map(removes));
    }),
  );
});
