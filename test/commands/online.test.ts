import { execFile } from "node:child_process";
import { join } from "node:path";
import { createServer } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../src/commands/check.ts";
import { makeSecret } from "../../src/core/secret.ts";
import { openRedis } from "../../src/sessions/redis/connection.ts";
import { env as configEnv } from "../config/environment.ts";
import { makeAuthority, type TestAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { type RunningOidcProvider, startOidcProvider } from "../support/oidc-provider.ts";
import { ownedFolder } from "../support/owned.ts";
import { recordingLog } from "../support/quiet.ts";
import { type RecordingUpstream, startRecordingUpstream } from "../support/recording-upstream.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { aConfig, runCommand } from "./run-command.ts";

const callback = "http://auth.localhost:8080/_vestibule/oidc/acme/callback";
let provider: RunningOidcProvider;
let upstream: RecordingUpstream;
let redis: TestRedis;
let authority: TestAuthority;
beforeAll(async () => {
  [provider, upstream, redis, authority] = await Promise.all([
    startOidcProvider({ clients: [{ client_id: "vestibule", client_secret: "right", redirect_uris: [callback] }], requirePushed: true }),
    startRecordingUpstream(),
    startRedis({ options: ["--requirepass", "open-sesame"] }),
    makeAuthority(),
  ]);
});
afterAll(async () => {
  await Promise.all([provider?.close(), upstream?.close(), redis?.stop()]);
});

interface World {
  readonly secret?: string;
  readonly origin?: string;
  readonly host?: string;
  readonly upstreamUrl?: string;
  readonly redisUrl?: string;
  readonly proxy?: string;
}

/** `check --online` of a file whose world is right but for what is given. */
async function online(world: World = {}) {
  const ran = await runCommand(check, ["-c", aConfig(onlineConfig(world)), "--online"], environment(world));
  return { ...ran, failed: ran.out.split("\n").filter((line) => line.startsWith("failed")) };
}

const environment = (world: World) => ({
  CLIENT_SECRET: world.secret ?? "right",
  REDIS_URL: world.redisUrl ?? `redis://:open-sesame@127.0.0.1:${redis.port}/0`,
});

const onlineConfig = (world: World) => `listen: [{ address: "127.0.0.1:8080" }]
insecure: { plainHttp: true, httpProviders: true }
auth: { origin: "${world.origin ?? "http://auth.localhost:8080"}" }
sessions: { store: { redis: { url: { env: REDIS_URL } } } }
providers: { acme: { oidc: { issuer: "${provider.issuer}", clientId: vestibule, clientSecret: { env: CLIENT_SECRET } } } }
apps: [{ host: ${world.host ?? "wiki.localhost"}, upstream: "${world.upstreamUrl ?? upstream.url}", access: [{ allow: { anyone: true } }]${world.proxy ?? ""} }]
`;

test("where all is right, all is ok: a pushed request proves id, secret and redirect URI, and Redis is written to", async () => {
  const { code, out, failed } = await online();
  expect(failed).toEqual([]);
  expect(out).toContain("a pushed request was taken: clientId, secret and redirect URI are right");
  expect(out).toMatch(/ok +sessions in redis: writes and reads/);
  expect(out).toMatch(/ok +name wiki\.localhost: this machine/);
  expect(out).toMatch(/redirect URI +http:\/\/auth\.localhost:8080\/_vestibule\/oidc\/acme\/callback/);
  expect(code).toBe(0);
});

test("a healthy Redis is healthy each time, although its connection is only being made", async () => {
  for (let round = 0; round < 3; round += 1) expect((await online()).failed).toEqual([]);
});

test("an application's socket file is connected to like a port", async () => {
  const folder = ownedFolder("vestibule-online-");
  const app = await startRecordingUpstream(undefined, { socketFile: join(folder, "app.sock") });
  const { out, failed } = await online({ upstreamUrl: app.url });
  await app.close();
  expect(failed).toEqual([]);
  expect(out).toMatch(`upstream ${app.url}: connected in`);
  const gone = await online({ upstreamUrl: app.url });
  expect(gone.failed).toEqual([expect.stringMatching(/upstream unix:.*app\.sock: connect ENOENT.*there is no such socket file/)]);
  expect(gone.code).toBe(1);
});

test.each([
  {
    when: "the client secret is wrong",
    world: { secret: "wrong" },
    told: /provider acme: .*invalid_client.*compare clientId, clientSecret and clientAuth/,
  },
  {
    when: "the redirect URI is not registered",
    world: { origin: "http://login.localhost:8080" },
    told: /provider acme: .*redirect.*http:\/\/login\.localhost:8080\/_vestibule\/oidc\/acme\/callback/,
  },
  {
    when: "an app's host is not in DNS",
    world: { host: "wiki.none.invalid" },
    told: /name wiki\.none\.invalid: does not resolve.*add it to DNS/,
  },
])("$when: the line names the cure", async ({ world, told }) => {
  const { code, failed } = await online(world);
  expect(failed).toEqual([expect.stringMatching(told)]);
  expect(code).toBe(1);
});

test("Redis with a wrong password, and no Redis at all, are told apart, and each with its cure", async () => {
  const wrong = await online({ redisUrl: `redis://:guess@127.0.0.1:${redis.port}/0` });
  expect(wrong.failed).toEqual([expect.stringMatching(/sessions in redis: .*WRONGPASS.*correct sessions\.store\.redis\.password/)]);
  expect(wrong.out).not.toContain("guess");
  const none = await online({
    redisUrl: `redis://:open-sesame@127.0.0.1:${redis.port}/0`.replace(String(redis.port), String(await freePort())),
  });
  expect(none.failed).toEqual([expect.stringMatching(/sessions in redis: .*ECONNREFUSED.*nothing listens there/)]);
}, 30_000);

test("Redis with TLS to a plain port, and plain to one with TLS: each says what to write, as the log of a start does", async () => {
  const pair = await authority.issue("IP:127.0.0.1");
  const [tlsPort, ...files] = [await freePort(), aConfig(pair.certificate), aConfig(pair.key)];
  const options = [
    "--tls-port",
    String(tlsPort),
    "--tls-cert-file",
    files[0] ?? "",
    "--tls-key-file",
    files[1] ?? "",
    "--tls-auth-clients",
    "no",
  ];
  const both = await startRedis({ options });
  try {
    const worlds = [
      {
        redisUrl: `rediss://127.0.0.1:${both.port}/0`,
        told: /it did not answer: if that port speaks no TLS, write redis:\/\/ \(and no tls\)/,
      },
      { redisUrl: `redis://127.0.0.1:${tlsPort}/0`, told: /it ended the connection at once: if that port speaks TLS, write rediss:\/\// },
      { redisUrl: `rediss://127.0.0.1:${tlsPort}/0`, told: /name the authority in sessions\.store\.redis\.tls\.ca/ },
    ];
    for (const { redisUrl, told } of worlds) {
      expect((await online({ redisUrl })).failed).toEqual([expect.stringMatching(told)]);
      const log = recordingLog();
      const settings = {
        target: { kind: "single", url: makeSecret(redisUrl) },
        username: null,
        password: null,
        tls: null,
        keyPrefix: "v:",
      } as const;
      const client = openRedis(settings, "commands", log);
      await eventually(() => expect(log.lines[0]).toMatchObject({ level: "warn", fields: { cure: expect.stringMatching(told) } }));
      client.disconnect();
    }
  } finally {
    await both.stop();
  }
}, 60_000);

test("a provider's certificate for another name: which names it has, and what to do", async () => {
  const pair = await authority.issue("DNS:login.acme.example");
  const server = createServer({ cert: pair.certificate, key: pair.key });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const issuer = `https://127.0.0.1:${(server.address() as { port: number }).port}`;
  try {
    const file = aConfig(onlineConfig({}).replace(provider.issuer, issuer));
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const env = { PATH: process.env.PATH, ...configEnv, ...environment({}), NODE_EXTRA_CA_CERTS: aConfig(authority.certificate) };
    const ran = await promisify(execFile)(process.execPath, [main, "check", "--online", "-c", file], { env }).catch((error) => error);
    expect(ran.stdout + ran.stderr).toMatch(
      /failed provider acme: .*its certificate is for another name: write the name that it has, or have one issued.*\(it is for DNS:login\.acme\.example\)/,
    );
  } finally {
    await new Promise((closed) => server.close(closed));
  }
}, 30_000);

test("an upstream's certificate of an unknown authority, of another name, and a dead upstream: each with its key", async () => {
  const pair = await authority.issue("DNS:app.internal");
  const server = createServer({ cert: pair.certificate, key: pair.key });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const port = (server.address() as { port: number }).port;
  try {
    expect((await online({ upstreamUrl: `https://127.0.0.1:${port}` })).failed).toEqual([
      expect.stringMatching(/upstream .*proxy\.tls\.ca: \{ file: PATH \}/),
    ]);
    const ca = aConfig(authority.certificate);
    expect((await online({ upstreamUrl: `https://127.0.0.1:${port}`, proxy: `, proxy: { tls: { ca: { file: ${ca} } } }` })).failed).toEqual(
      [expect.stringMatching(/upstream .*for another name.*proxy\.tls\.serverName/)],
    );
    expect(
      (
        await online({
          upstreamUrl: `https://127.0.0.1:${port}`,
          proxy: `, proxy: { tls: { serverName: app.internal, ca: { file: ${ca} } } }`,
        })
      ).failed,
    ).toEqual([]);
  } finally {
    await new Promise((closed) => server.close(closed));
  }
  expect((await online({ upstreamUrl: `http://127.0.0.1:${await freePort()}` })).failed).toEqual([
    expect.stringMatching(/upstream .*ECONNREFUSED.*nothing listens there/),
  ]);
}, 30_000);
