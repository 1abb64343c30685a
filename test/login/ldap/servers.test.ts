import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeAuthority, type TestAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { directoryOf, ldapSettings, serverOf } from "../../support/ldap-directory.ts";
import { baseEntries, person, startSlapd, suffix, type TestSlapd } from "../../support/slapd.ts";

let authority: TestAuthority;
let slapd: TestSlapd;
let second: TestSlapd;
beforeAll(async () => {
  authority = await makeAuthority();
  const ldif = baseEntries + person("alice");
  [slapd, second] = await Promise.all([startSlapd({ ldif, authority }), startSlapd({ ldif, authority })]);
}, 30_000);
afterAll(async () => {
  await slapd?.stop();
  await second?.stop();
});

const tls = () => ({ ca: authority.certificate, serverName: null });

test("ldaps with its own authority signs in", async () => {
  const directory = directoryOf(ldapSettings(slapd, { servers: [serverOf(slapd.tlsUrl)], tls: tls() }));
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
});

test("StartTLS with its own authority signs in", async () => {
  const directory = directoryOf(ldapSettings(slapd, { startTls: true, tls: tls() }));
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
  expect(slapd.log()).toContain("STARTTLS");
});

test.each([
  { when: "an authority that is not trusted", ca: null, serverName: null, starttls: false, says: /certificate/i },
  { when: "a certificate for another name", ca: "own", serverName: "dc1.acme.example", starttls: false, says: /dc1\.acme\.example/ },
  { when: "an authority that is not trusted, by StartTLS", ca: null, serverName: null, starttls: true, says: /certificate/i },
  {
    when: "a certificate for another name, by StartTLS",
    ca: "own",
    serverName: "dc1.acme.example",
    starttls: true,
    says: /dc1\.acme\.example/,
  },
])("$when is refused before anything is sent", async ({ ca, serverName, starttls, says }) => {
  const before = (await slapd.settledLog()).length;
  const directory = directoryOf(
    ldapSettings(slapd, {
      servers: [serverOf(starttls ? slapd.url : slapd.tlsUrl)],
      startTls: starttls,
      tls: { ca: ca === null ? null : authority.certificate, serverName },
    }),
  );
  await expect(directory.verify("alice", "alice-secret")).rejects.toMatchObject({ code: "ldap.tls", message: expect.stringMatching(says) });
  expect((await slapd.settledLog()).slice(before)).not.toMatch(/BIND dn="[^"]/);
});

test("a server that sends more than its answer before TLS begins is left (StartTLS response injection)", async () => {
  const success = Buffer.from("300c02010178070a010004000400", "hex");
  // A bind response for a message still to be sent: read as if it had come through TLS, it would sign anyone in.
  const forged = Buffer.from("300c02010261070a010004000400", "hex");
  const got: Buffer[] = [];
  const server = await listen((socket) => {
    socket.once("data", () => socket.write(Buffer.concat([success, forged])));
    socket.on("data", (bytes) => got.push(bytes));
  });
  const directory = directoryOf(ldapSettings(slapd, { servers: [server.at], startTls: true, tls: tls() }));
  await expect(directory.verify("alice", "alice-secret")).rejects.toMatchObject({ code: "ldap.tls", message: /more than the answer/ });
  expect(Buffer.concat(got)).toHaveLength(31);
  await server.close();
});

test("a server that refuses StartTLS gets no password", async () => {
  const got: Buffer[] = [];
  const server = await listen((socket) => {
    socket.on("data", (bytes) => {
      got.push(bytes);
      socket.write(Buffer.from("300c02010178070a010204000400", "hex"));
    });
  });
  const directory = directoryOf(ldapSettings(slapd, { servers: [server.at], startTls: true, tls: tls() }));
  await expect(directory.verify("alice", "alice-secret")).rejects.toMatchObject({ code: "ldap.tls", message: /refuses StartTLS/ });
  expect(Buffer.concat(got)).toHaveLength(31);
  await server.close();
});

test("a server that is down is passed over, and used again once it is back", async () => {
  const port = await freePort();
  let now = Date.now();
  const settings = ldapSettings(slapd, { servers: [{ host: "127.0.0.1", port, tls: false }, serverOf(slapd.url)] });
  const directory = directoryOf(settings, { clock: () => now });
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
  expect(directory.pool.servers.report().map(({ ok }) => ok)).toEqual([false, true]);

  const back = await listen((socket) => {
    const forward = connectTo(second.port, socket);
    socket.pipe(forward).pipe(socket);
  }, port);
  now += 6_000;
  await directory.verify("alice", "alice-secret");
  await eventually(() => expect(directory.pool.servers.report().map(({ ok }) => ok)).toEqual([true, true]));
  const binds = async () => (await second.settledLog()).match(/BIND dn="uid=alice[^"]*" method/g)?.length ?? 0;
  const before = await binds();
  await directory.verify("alice", "alice-secret");
  expect(await binds()).toBe(before + 1);
  await back.close();
});

test("a server that accepts and never answers leaves time for the next", async () => {
  const silent = await listen(() => undefined);
  const directory = directoryOf(ldapSettings(slapd, { servers: [silent.at, serverOf(slapd.url)], timeoutMs: 2_000 }));
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
  await silent.close();
});

test("a directory that is silent everywhere is told as unreachable, and is used again afterwards", async () => {
  const directory = directoryOf(ldapSettings(second, { timeoutMs: 1_000 }));
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
  second.pause();
  try {
    await expect(directory.verify("alice", "alice-secret")).rejects.toMatchObject({ code: "ldap.unreachable" });
  } finally {
    second.resume();
  }
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
});

test("logins that find no connection free in time are told so, and none is lost", async () => {
  const silent = await listen(() => undefined);
  const directory = directoryOf(ldapSettings(slapd, { servers: [silent.at], timeoutMs: 300 }));
  const outcomes = await Promise.allSettled(Array.from({ length: 600 }, () => directory.verify("alice", "alice-secret")));
  const codes = new Set(outcomes.map((outcome) => (outcome.status === "rejected" ? (outcome.reason as { code: string }).code : "ok")));
  expect([...codes].sort()).toEqual(["ldap.busy", "ldap.unreachable"]);
  expect(directory.pool.connections()).toEqual({ service: 0, visitors: 0 });
  await silent.close();
});

test("an idle connection that the server closed is replaced without the visitor noticing", async () => {
  const directory = directoryOf(ldapSettings(second));
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
  await second.restart();
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
});

test("a service account that is refused is named, and not tried again at once", async () => {
  const { makeSecret } = await import("../../../src/core/secret.ts");
  const bind = { dn: `cn=vestibule,ou=services,${suffix}`, password: makeSecret("old-secret") };
  const directory = directoryOf(ldapSettings(slapd, { bind }));
  const refusals = async () => (await slapd.settledLog()).match(/err=49/g)?.length ?? 0;
  const before = await refusals();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const verify = directory.verify("alice", "alice-secret");
    await expect(verify).rejects.toMatchObject({ code: "ldap.service-account", message: /cn=vestibule/ });
  }
  expect((await refusals()) - before).toBe(1);
});

test("a server that sends on and on is cut off", async () => {
  let sent = 0;
  const flood = await listen((socket) => {
    // A search entry that announces 64 MiB.
    socket.once("data", () => {
      socket.write(Buffer.from("308404000000020102", "hex"));
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536))) sent += 65_536;
        if (!socket.destroyed) socket.once("drain", more);
      };
      more();
    });
  });
  const directory = directoryOf(ldapSettings(slapd, { servers: [flood.at], userDn: `uid={login},${suffix}`, bind: null }));
  await expect(directory.verify("alice", "alice-secret")).rejects.toMatchObject({ code: "ldap.unreachable" });
  expect(sent).toBeLessThan(32 * 1024 * 1024);
  await flood.close();
});

async function listen(onSocket: (socket: Socket) => void, port = 0) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const at = { host: "127.0.0.1", port: typeof address === "object" && address !== null ? address.port : 0, tls: false };
  return {
    at,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function connectTo(port: number, peer: Socket): Socket {
  const socket = new (peer.constructor as typeof Socket)();
  socket.on("error", () => peer.destroy());
  return socket.connect(port, "127.0.0.1");
}

test("a server whose answer comes byte by byte, and never ends, takes no longer than the time that was given", async () => {
  const bells = new Set<NodeJS.Timeout>();
  const trickle = await listen((socket) => {
    const bytes = Buffer.from("308404000000020102", "hex");
    let sent = 0;
    const bell = setInterval(() => {
      if (socket.destroyed) clearInterval(bell);
      else socket.write(bytes.subarray(sent % bytes.length, (sent % bytes.length) + 1));
      sent += 1;
    }, 5);
    bells.add(bell);
    socket.once("close", () => clearInterval(bell));
  });
  const directory = directoryOf(ldapSettings(slapd, { servers: [trickle.at], timeoutMs: 300 }));
  await expect(directory.verify("alice", "alice-secret")).rejects.toMatchObject({ code: "ldap.unreachable" });
  expect(directory.pool.connections()).toEqual({ service: 0, visitors: 0 });
  for (const bell of bells) clearInterval(bell);
  await trickle.close();
});

test("whatever bytes a server answers with, no one is let in and nothing breaks", async () => {
  // A bind that went well (message 1), changed in some places, cut off or followed by anything.
  const good = Buffer.from("300c02010161070a010004000400", "hex");
  const random = (most: number) => Math.floor(Math.random() * most);
  let answers = 0;
  const odd = await listen((socket) => {
    socket.on("data", () => {
      const changed = Buffer.from(good);
      // The result code is never success: a server that says so is believed.
      changed[9] = 1 + random(255);
      for (let at = 0; at < 1 + random(4); at += 1) changed[[0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13][random(12)] ?? 0] = random(256);
      answers += 1;
      if (random(2) === 0) socket.write(changed.subarray(0, 1 + random(changed.length)));
      else socket.write(Buffer.concat([changed, Buffer.from(Array.from({ length: random(64) }, () => random(256)))]));
      if (random(2) === 0) socket.end();
    });
  });
  const settings = ldapSettings(slapd, { servers: [odd.at], userDn: `uid={login},${suffix}`, bind: null, timeoutMs: 200 });
  // On a busy machine some give up before they are answered: then there are more of them.
  while (answers <= 100) {
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => directoryOf(settings).verify("alice", "alice-secret")));
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") expect(outcome.value.kind).not.toBe("ok");
      else expect(outcome.reason).toMatchObject({ code: expect.stringMatching(/^ldap\./) });
    }
  }
  await odd.close();
});
