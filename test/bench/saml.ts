import { SAML } from "@node-saml/node-saml";
import { makeSamlKey } from "../support/saml-keys.ts";
import { acsUrl, answerOf, audience, bigProvider, issuer } from "./largest-answer.ts";

// `npm run bench:saml`: the processor time that one SAML answer costs, verified by the gateway and by @node-saml/node-saml, in the same
// process and on the same documents. Both check both signatures; the gateway checks everything else besides. It feeds the README.

const sizes = [4, 27, 100, 250];
const rounds = 15;
const say = (text: string) => void process.stdout.write(text);

const key = await makeSamlKey("bench");
const own = bigProvider(key.certificate);
const other = new SAML({
  issuer: audience,
  audience,
  callbackUrl: acsUrl,
  idpIssuer: issuer,
  idpCert: key.certificate,
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: true,
});

// What the compiler learns from, for both alike.
for (let round = 0; round < 10; round += 1) {
  const warmUp = { SAMLResponse: Buffer.from(answerOf(key, 27 * 1024)).toString("base64") };
  await own.receive(new URLSearchParams(warmUp));
  await other.validatePostResponseAsync(warmUp);
}
say(`processor time per SAML answer, median of ${rounds}, response and assertion signed (RSA 2048), Node ${process.version}\n\n`);
say("| answer | the gateway | @node-saml/node-saml | ratio |\n| --- | --- | --- | --- |\n");
for (const size of sizes) {
  const documents = Array.from({ length: rounds }, () => Buffer.from(answerOf(key, size * 1024)).toString("base64"));
  const [ours, theirs] = [
    await median(documents, (answer) => own.receive(new URLSearchParams({ SAMLResponse: answer }))),
    await median(documents, (answer) => other.validatePostResponseAsync({ SAMLResponse: answer })),
  ];
  const bytes = Buffer.from(documents[0] ?? "", "base64").length;
  say(`| ${Math.round(bytes / 1024)} KiB | ${ours.toFixed(1)} ms | ${theirs.toFixed(1)} ms | ${(theirs / ours).toFixed(0)} |\n`);
}
own.close();

/** A document is verified once, as in life. */
async function median(documents: readonly string[], verify: (answer: string) => Promise<unknown>): Promise<number> {
  const costs: number[] = [];
  for (const document of documents) {
    const before = process.cpuUsage();
    await verify(document);
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / 1000);
  }
  return costs.toSorted((a, b) => a - b)[Math.floor(costs.length / 2)] ?? Number.NaN;
}
