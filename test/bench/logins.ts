import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { freePorts } from "../support/free-port.ts";
import { startRecordingUpstream } from "../support/recording-upstream.ts";
import { startRedis } from "../support/redis.ts";
import { type SamlIdp, startSamlIdp } from "../support/saml-idp.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";
import { largestAnswer } from "./largest-answer.ts";
import { type MeasuredServer, startServer } from "./measured-server.ts";

// `npm run bench:logins`: logins per second by OpenID Connect and by SAML, from the first page to the application's own, and where
// the time goes; then how long the largest answer that is accepted keeps the gateway from doing anything else.

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "8" },
    atOnce: { type: "string", default: "8" },
    /** To see that everything runs: no promise is checked. */
    smoke: { type: "boolean", default: false },
  },
});
const say = (text: string) => void process.stdout.write(text);
const longestStallMs = 50;
process.exitCode = await bench();

interface World {
  readonly server: MeasuredServer;
  readonly wiki: string;
  readonly auth: string;
  readonly oidc: FakeOidc;
  readonly idp: SamlIdp;
}
/** One login; `step` is told each answer of the gateway with the time it took. */
type Journey = (world: World, visitor: Visitor, step: Step) => Promise<void>;
type Step = (name: string, ms: number) => void;

async function bench(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "vestibule-logins-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const world = await startWorld(folder, (stop) => stops.unshift(stop));
    say(`${values.atOnce} logins at once, sessions in Redis, providers and load on the same machine\n`);
    for (const [name, journey] of [["OpenID Connect", byOidc] as const, ["SAML", bySaml] as const]) await measure(name, journey, world);
    const { bytes, receiveMs, concludeMs } = await largestAnswer();
    say(`\nthe largest accepted answer (${Math.round(bytes / 1024)} KiB): verified in ${receiveMs.toFixed(1)} ms, `);
    say(`its identity mapped in ${concludeMs.toFixed(1)} ms\n`);
    if (values.smoke || Math.max(receiveMs, concludeMs) <= longestStallMs) return 0;
    say(`not good: the event loop stands still for more than ${longestStallMs} ms\n`);
    return 1;
  } finally {
    for (const stop of stops) await stop();
  }
}

async function measure(name: string, journey: Journey, world: World): Promise<void> {
  const steps = new Map<string, number>();
  const end = performance.now() + Number(values.seconds) * 1_000;
  let logins = 0;
  // Warm up: compiled code, the provider's documents.
  for (let round = 0; round < 20; round += 1) await journey(world, newVisitor(), () => {});
  const [began, before] = [performance.now(), world.server.usage()];
  const work = async () => {
    while (performance.now() < end) {
      await journey(world, newVisitor(), (step, ms) => steps.set(step, (steps.get(step) ?? 0) + ms));
      logins += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(values.atOnce) }, work));
  const seconds = (performance.now() - began) / 1_000;
  const cpuMs = (world.server.usage().cpuMicros - before.cpuMicros) / 1_000 / logins;
  const all = [...steps.values()].reduce((sum, ms) => sum + ms, 0);
  say(`\n${name}: ${(logins / seconds).toFixed(0)} logins/s, ${cpuMs.toFixed(1)} ms of the gateway's CPU each\n`);
  for (const [step, ms] of steps)
    say(`  ${step.padEnd(44)} ${((100 * ms) / all).toFixed(0).padStart(3)} %  ${(ms / logins).toFixed(1)} ms\n`);
}

async function timed<T>(step: Step, name: string, work: Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work;
  step(name, performance.now() - began);
  return result;
}

/** To the provider's address. */
async function begin({ wiki, auth }: World, visitor: Visitor, provider: string, step: Step): Promise<string> {
  const back = encodeURIComponent(`${wiki}/page`);
  const asked = await visitor.visit(`${auth}/_vestibule/login?provider=${provider}&return=${back}`);
  const wish = await timed(step, "the app's host binds the browser", visitor.visit(asked.location ?? ""));
  const go = await timed(step, "the request to the provider", visitor.visit(wish.location ?? ""));
  return go.location ?? "";
}

/** From the session on the auth host to the application's page. */
async function arrive(visitor: Visitor, location: string | null, step: Step): Promise<void> {
  const claimed = await timed(step, "the app's host proves its browser", visitor.visit(location ?? ""));
  const confirmed = await timed(step, "the auth host confirms that browser", visitor.visit(claimed.location ?? ""));
  const entered = await timed(step, "the ticket becomes the host's cookie", visitor.visit(confirmed.location ?? ""));
  const page = await timed(step, "the application's page", visitor.visit(entered.location ?? ""));
  if (page.status !== 200) throw new Error(`a login ended with ${page.status} at ${page.url.href}: ${page.body.slice(0, 300)}`);
}

async function byOidc(world: World, visitor: Visitor, step: Step): Promise<void> {
  const answer = await visitor.visit(await begin(world, visitor, "oidc", step));
  const name = "the answer: code, tokens, ID token, session";
  const made = await timed(step, name, visitor.visit(answer.location ?? ""));
  await arrive(visitor, made.location, step);
}

async function bySaml(world: World, visitor: Visitor, step: Step): Promise<void> {
  const asked = new URL(await begin(world, visitor, "saml", step));
  const form = world.idp.answerFields("alice", { inResponseTo: `_${asked.searchParams.get("RelayState")}` });
  const posted = newVisitor().visit(world.idp.behaviour.sp.acsUrl, { form });
  const parked = await timed(step, "the answer: signature, checks, replay, parking", posted);
  const made = await timed(step, "the browser is known: identity, session", visitor.visit(parked.location ?? ""));
  await arrive(visitor, made.location, step);
}

async function startWorld(folder: string, onStop: (stop: () => Promise<unknown>) => void): Promise<World> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const auth = `http://auth.localhost:${port}`;
  const saml = `${auth}/_vestibule/saml/saml`;
  const upstream = await startRecordingUpstream();
  onStop(upstream.close);
  const redis = await startRedis();
  onStop(redis.stop);
  const oidc = await startFakeOidc();
  onStop(oidc.close);
  const sp = { entityId: `${saml}/metadata`, acsUrl: `${saml}/acs`, sloUrl: `${saml}/slo`, certificate: null };
  const idp = await startSamlIdp({ sp });
  onStop(idp.close);
  const configuration = join(folder, "logins.yaml");
  await writeFile(
    configuration,
    `version: 1
listen: [{ address: 127.0.0.1:${port} }]
admin: { address: 127.0.0.1:${adminPort} }
insecure: { plainHttp: true, httpProviders: true, literalSecrets: true }
limits: { loginsPerAddress: 1000000, loginsPerAddressAtOnce: 10000 }
auth: { origin: "${auth}" }
sessions: { store: { redis: { url: "${redis.url}" } }, perUser: 10000, secret: ["a secret of the benchmark, good for nothing else at all"] }
providers:
  oidc:
    oidc: { issuer: ${oidc.issuer}, clientId: ${oidc.clientId}, clientAuth: none }
  saml:
    saml: { metadata: "${idp.metadataUrl}" }
apps:
  - { host: wiki.localhost, upstream: ${upstream.url}, sharedSubjects: true, access: [{ allow: { groups: [staff] } }] }
`,
  );
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const server = await startServer(process.execPath, [main, "serve", "--config", configuration], port, join(folder, "logins.log"));
  onStop(server.stop);
  return { server, wiki: `http://wiki.localhost:${port}`, auth, oidc, idp };
}
