import { execFile } from "node:child_process";
import { createServer, type Server } from "node:tls";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { freePort, freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { exchange } from "../support/planted.ts";
import { rigSecret, rigYaml } from "../support/rig.ts";
import { rigUrls } from "../support/rig-apps.ts";
import { makeSamlKey } from "../support/saml-keys.ts";
import { type SamlRig, samlSignIn, startSamlRig } from "../support/saml-rig.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";

/**
 * Mistakes between the gateway and its providers, each planted: one line for the login that failed, at warn, with the values and the
 * cure, and the same sentence in the provider's state. `planted-mistakes.test.ts` has those of the file and of the network.
 */
const failedLogins = (gateway: GatewayProcess) => gateway.logged((line) => line.audit === "login-failed");
const stateOf = async (adminPort: number, provider: string) => {
  const state = (await (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).json()) as {
    providers: Record<string, { ok: boolean; detail: string }>;
  };
  return state.providers[provider];
};

/** The one line about a failed login since `from`: whatever else has its request number is the access line. */
async function theLine(gateway: GatewayProcess, from: number): Promise<{ code: string; detail: string; level: string }> {
  const line = await eventually(() => {
    const found = failedLogins(gateway)[from];
    if (found === undefined) throw new Error(`no login failed:\n${gateway.lines.slice(-5).join("\n")}`);
    return found as { request: string; code: string; detail: string; level: string };
  });
  await eventually(() => {
    const access = gateway.logged(({ msg, request }) => msg === "request" && request === line.request);
    if (access.length === 0) throw new Error("the access line is not there yet");
  });
  expect(gateway.logged(({ request, msg }) => request === line.request && msg !== "request")).toHaveLength(1);
  expect(JSON.stringify(line)).not.toContain('"stack"');
  return line;
}

/** What a process needs to see another time of day: the variables that faketime itself would set. */
async function shiftedClock(shift: string): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)("faketime", ["-f", shift, "env"]);
  const preload = /^LD_PRELOAD=(.*)$/m.exec(stdout)?.[1] ?? "";
  return { LD_PRELOAD: preload, FAKETIME: shift, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}

const tlsServers: Server[] = [];
afterAll(() => {
  for (const server of tlsServers) server.close();
});

/** The issuer of a server whose certificate nobody here knows. */
async function tlsIssuer(names: string): Promise<string> {
  const { certificate, key } = await (await makeAuthority()).issue(names);
  const server = createServer({ cert: certificate, key });
  server.on("tlsClientError", () => undefined);
  tlsServers.push(server);
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `https://127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe("OpenID Connect", () => {
  let fake: FakeOidc;
  let gateway: GatewayProcess;
  let port = 0;
  let adminPort = 0;
  const yamlFor = (issuer: string) => {
    const at = { port, adminPort, issuer, wiki: "http://127.0.0.1:9", reports: "http://127.0.0.1:9" };
    return rigYaml(at).replace("clientId: vestibule", "clientId: gateway");
  };
  const env = { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: "client-secret" };
  beforeAll(async () => {
    fake = await startFakeOidc();
    [port = 0, adminPort = 0] = await freePorts(2);
    gateway = await startGatewayProcess({ yaml: yamlFor(fake.issuer), adminPort, env });
  });
  afterEach(() => {
    fake.script = {};
    fake.skewSeconds = 0;
  });
  afterAll(async () => {
    await gateway?.stop();
    await fake?.close();
  });

  test.each<{ mistake: string; plant: () => void; code: string; told: RegExp }>([
    {
      mistake: "the client secret is wrong",
      plant: () => {
        fake.script = { token: () => ({ status: 401, json: { error: "invalid_client", error_description: "Bad credentials" } }) };
      },
      code: "setup.client",
      told: /invalid_client: Bad credentials; compare clientId, clientSecret and clientAuth with the client at the provider \(here gateway, client_secret_basic\)/,
    },
    {
      mistake: "the provider's clock is behind, or ours is fast",
      plant: () => {
        fake.skewSeconds = -500;
      },
      code: "setup.clock",
      told: /expired \d+ s ago \(it says \d{4}-.*Z, here it is \d{4}-.*Z, tolerance 60 s\): this machine's clock is fast, or the provider's is slow; set the clocks of both machines by NTP/,
    },
    {
      mistake: "the provider's clock is fast, or ours is behind",
      plant: () => {
        fake.skewSeconds = 90;
      },
      code: "setup.clock",
      told: /iat lies \d+ s ahead .*this machine's clock is slow, or the provider's is fast; set the clocks of both machines by NTP/,
    },
    {
      mistake: "the tokens are for another client",
      plant: () => {
        fake.script = { idTokenClaims: (good) => ({ ...good, aud: "another-client" }) };
      },
      code: "setup.audience",
      told: /aud is another-client, this gateway is gateway; write under providers\.acme\.oidc the clientId/,
    },
    {
      mistake: "the provider calls itself otherwise in its tokens",
      plant: () => {
        fake.script = { idTokenClaims: (good) => ({ ...good, iss: "https://idp.acme.example" }) };
      },
      code: "setup.issuer",
      told: /iss is https:\/\/idp\.acme\.example, the configuration says http:\/\/127\.0\.0\.1:\d+; write the issuer as the provider states it/,
    },
  ])("$mistake: one line with the cure, and the provider's state until a login works", async ({ plant, code, told }) => {
    const from = failedLogins(gateway).length;
    plant();
    const page = await newVisitor().browse(`${rigUrls(port).wiki}/`);
    expect(page.body).toContain("not set up correctly");
    const line = await theLine(gateway, from);
    expect(line).toMatchObject({ code, level: "warn", detail: expect.stringMatching(told) });
    expect(await stateOf(adminPort, "acme")).toMatchObject({ ok: false, detail: line.detail });
    fake.script = {};
    fake.skewSeconds = 0;
    await newVisitor().browse(`${rigUrls(port).wiki}/`);
    expect((await stateOf(adminPort, "acme"))?.ok).toBe(true);
  });

  test("the redirect URI is not registered: the browser brings that word, so the log has it, and not the provider's state", async () => {
    const from = failedLogins(gateway).length;
    fake.script = {
      authorize: ({ state = "", iss = "" }) => ({
        state,
        iss,
        error: "invalid_request",
        error_description: "Invalid parameter: redirect_uri",
      }),
    };
    await newVisitor().browse(`${rigUrls(port).wiki}/`);
    expect(await theLine(gateway, from)).toMatchObject({
      code: "setup.redirect-uri",
      detail: expect.stringContaining(`register ${rigUrls(port).auth}/_vestibule/oidc/acme/callback there, to the letter`),
    });
    expect((await stateOf(adminPort, "acme"))?.ok).toBe(true);
  });

  test.each([
    {
      mistake: "a provider that is not there",
      issuer: async () => `http://127.0.0.1:${await freePort()}`,
      told: /discovery: 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\): nothing listens there: start it, or correct host and port/,
    },
    {
      mistake: "an issuer with a slash too many",
      issuer: async () => `${fake.issuer}/`,
      told: /the document is for issuer (http:\S+\d), the configuration says \1\/; write the issuer as the provider states it, to the letter/,
    },
    {
      mistake: "a name that is not in DNS",
      issuer: async () => "http://login.acme.invalid",
      told: /login\.acme\.invalid cannot be reached \((?:ENOTFOUND|EAI_AGAIN)\): its name does not resolve: correct it, or add it to DNS/,
    },
    {
      mistake: "an issuer with a realm that does not exist",
      issuer: async () => `${fake.issuer}/realms/acmee`,
      told: /answered 404 at http:\S+\/realms\/acmee\/\.well-known\/openid-configuration: is the issuer written as the provider has it\?/,
    },
    {
      mistake: "a provider whose certificate is of an authority of one's own",
      issuer: async () => tlsIssuer("IP:127.0.0.1"),
      told: /cannot be reached \((?:UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)\w+\): .*NODE_EXTRA_CA_CERTS=PATH/,
    },
    {
      mistake: "a provider that speaks no TLS on the port of its https issuer",
      issuer: async () => fake.issuer.replace("http:", "https:"),
      told: /cannot be reached \((?:EPROTO|ERR_SSL_\w+)\): it does not speak TLS on that port: write http:\/\/, or another port/,
    },
  ])("the start says at once: $mistake", async ({ issuer, told }) => {
    const [ownPort = 0, ownAdmin = 0] = await freePorts(2);
    const yaml = yamlFor(await issuer())
      .replaceAll(String(port), String(ownPort))
      .replaceAll(String(adminPort), String(ownAdmin));
    const own = await startGatewayProcess({ yaml, adminPort: ownAdmin, env });
    try {
      const line = await eventually(() => {
        const [found] = own.logged(({ msg }) => String(msg).startsWith("a provider cannot be used now"));
        if (found === undefined) throw new Error(own.lines.join("\n"));
        return found;
      });
      expect(line).toMatchObject({ level: "warn", provider: "acme", reason: expect.stringMatching(told) });
      expect((await stateOf(ownAdmin, "acme"))?.ok).toBe(false);
      expect(own.logged(({ level }) => level === "error")).toEqual([]);
    } finally {
      await own.stop();
    }
  });

  test("several instances that do not have the same secret, or the same store: each place where one cannot read the other asks for it", async () => {
    const [otherPort = 0, otherAdmin = 0] = await freePorts(2);
    const at = { port: otherPort, adminPort: otherAdmin, publicPort: port, issuer: fake.issuer };
    const text = rigYaml({ ...at, wiki: "http://127.0.0.1:9", reports: "http://127.0.0.1:9" }).replace(
      "clientId: vestibule",
      "clientId: gateway",
    );
    const asks = "where several instances run, do all have the same sessions.secret and sessions.store?";
    const hears = async (own: GatewayProcess, words: string) =>
      eventually(() => {
        if (!own.lines.some((line) => line.includes(words) && line.includes(asks))) throw new Error(own.lines.join("\n"));
      });
    const visitor = newVisitor();
    await visitor.browse(`${rigUrls(port).wiki}/`);
    const steps = ["/_vestibule/login?wish", "/oidc/acme/callback?", "/_vestibule/enter?"].map(
      (part) => new URL(visitor.trail.find((url) => url.includes(part)) ?? "http://none.invalid/"),
    );
    const ask = ({ host, pathname, search }: URL) =>
      exchange(otherPort, `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/html\r\n\r\n`);
    const other = await startGatewayProcess({
      yaml: text,
      adminPort: otherAdmin,
      env: { ...env, VESTIBULE_SECRET: `${rigSecret}-another` },
    });
    try {
      for (const step of steps) await ask(step);
      await hears(other, "the wanted page cannot be opened");
      await hears(other, "no login with this state is under way in this browser");
      await hears(other, "the ticket is used, expired or not ours");
    } finally {
      await other.stop();
    }
  });

  test("another auth.origin at another instance, or at a provider: who is sent here to sign in is not told of a mistyped app", async () => {
    await exchange(port, `GET /_vestibule/login?wish=x HTTP/1.1\r\nHost: login.acme.example:${port}\r\nAccept: text/html\r\n\r\n`);
    const words = `a step of a login came for login.acme.example:${port}, and auth.origin here is ${rigUrls(port).auth}: have all instances, and the redirect URIs at the providers, the same?`;
    await eventually(() => {
      if (!gateway.logged(({ level, msg }) => level === "warn" && msg === words).length)
        throw new Error(gateway.lines.slice(-3).join("\n"));
    });
  });

  test.each([
    {
      clock: "an hour behind",
      shift: "-1h",
      told: /iat lies 3[56]\d\d s ahead .*this machine's clock is slow, or the provider's is fast; set the clocks/,
    },
    {
      clock: "an hour ahead",
      shift: "+1h",
      told: /expired \d{4} s ago .*this machine's clock is fast, or the provider's is slow; set the clocks/,
    },
  ])("our own clock $clock: the login's line says so", async ({ shift, told }) => {
    const [ownPort = 0, ownAdmin = 0] = await freePorts(2);
    const yaml = yamlFor(fake.issuer).replaceAll(String(port), String(ownPort)).replaceAll(String(adminPort), String(ownAdmin));
    const own = await startGatewayProcess({ yaml, adminPort: ownAdmin, env: { ...env, ...(await shiftedClock(shift)) } });
    try {
      await newVisitor().browse(`${rigUrls(ownPort).wiki}/`);
      expect(await theLine(own, 0)).toMatchObject({ code: "setup.clock", level: "warn", detail: expect.stringMatching(told) });
    } finally {
      await own.stop();
    }
  });

  test("a proxy that is named and not used is told at the start", async () => {
    const [ownPort = 0, ownAdmin = 0] = await freePorts(2);
    const yaml = yamlFor(fake.issuer).replaceAll(String(port), String(ownPort)).replaceAll(String(adminPort), String(ownAdmin));
    const proxied = { ...env, HTTPS_PROXY: "http://proxy.acme.invalid:3128" };
    const own = await startGatewayProcess({ yaml, adminPort: ownAdmin, env: proxied });
    try {
      await eventually(() => {
        if (!own.lines.some((line) => line.includes("without NODE_USE_ENV_PROXY=1 nothing is sent there")))
          throw new Error(own.lines.join("\n"));
      });
    } finally {
      await own.stop();
    }
  });

  test("a start whose provider answers says nothing of it", async () => {
    await eventually(() => {
      if (fake.count("/.well-known/openid-configuration") === 0) throw new Error("not asked yet");
    });
    expect(gateway.logged(({ msg }) => String(msg).startsWith("a provider cannot be used"))).toEqual([]);
  });

  test("access lines: the login's session, the browser, and the rule that had allowed although the application is away", async () => {
    const visitor = newVisitor();
    await visitor.browse(`${rigUrls(port).reports}/`);
    const page = await visitor.visit(`${rigUrls(port).reports}/report`, { headers: { "user-agent": "Report reader 1.0" } });
    expect(page.status).toBe(502);
    const line = await eventually(() => {
      const [found] = gateway.logged(({ path }) => path === "/report");
      if (found === undefined) throw new Error("no access line");
      return found;
    });
    const login = gateway.logged(({ audit }) => audit === "login").at(-1);
    expect(line).toMatchObject({
      session: login?.session,
      agent: "Report reader 1.0",
      reason: "upstream.unreachable",
      rule: expect.stringMatching(/^apps\[1\]\.access\[0\]/),
    });
  });
});

describe("SAML", () => {
  let rig: SamlRig;
  beforeAll(async () => {
    rig = await startSamlRig();
  });
  afterAll(() => rig?.close());

  const cancel = async () => {
    const login = await newVisitor().browse(`${rig.urls.wiki}/`);
    const visitor = newVisitor();
    const answer = await visitor.visit(firstForm(login).action, { form: { login: "", password: "", cancel: "1" } });
    const form = firstForm(answer);
    await visitor.visit(form.action, { form: form.fields, headers: { "sec-fetch-site": "cross-site" } });
  };

  test.each<{ mistake: string; plant: () => void | Promise<void>; act?: () => Promise<void>; code: string; told: RegExp }>([
    {
      mistake: "the provider knows us under another entity id",
      plant: () => {
        rig.idp.behaviour.sp = { ...rig.idp.behaviour.sp, entityId: "urn:another" };
      },
      code: "saml.audience",
      told: /for urn:another, we are (http\S+\/metadata); write \1 as our entity id there, or the id that it uses as providers\.campus\.saml\.entityId/,
    },
    {
      mistake: "the provider signs with a key that its metadata does not have",
      plant: async () => {
        rig.idp.behaviour.key = await makeSamlKey("new");
      },
      code: "saml.signature",
      told: /give its present certificate \(providers\.campus\.saml\.metadata or idp\.certificates\)/,
    },
    {
      mistake: "the provider encrypts for a key that is not ours",
      plant: async () => {
        const { certificate } = await makeSamlKey("somebody");
        Object.assign(rig.idp.behaviour, { encrypt: true, sp: { ...rig.idp.behaviour.sp, certificate } });
      },
      code: "saml.decrypt",
      told: /give the provider the certificate of one of providers\.campus\.saml\.keys \(vestibule metadata campus\)/,
    },
    {
      mistake: "the provider does not like our request (status Requester)",
      plant: () => {
        rig.idp.behaviour.refusal = "Requester/RequestUnsupported";
      },
      act: cancel,
      code: "setup.request",
      told: /Requester.*RequestUnsupported.*; does it know http\S+\/metadata with our present key \(vestibule metadata campus\)/,
    },
  ])("$mistake: one line with the cure, and the provider's state until a login works", async ({ plant, act, code, told }) => {
    const from = failedLogins(rig.gateway).length;
    const good = { ...rig.idp.behaviour };
    // Encryption is asked for with our certificate known: only then the provider checks our signatures, too.
    await plant();
    const { certificate } = rig.idp.behaviour.sp;
    if (certificate === rig.ownKey.certificate || act !== undefined)
      await (act?.() ?? samlSignIn(newVisitor(), `${rig.urls.wiki}/`, "alice"));
    else await signInWith(certificate ?? "");
    const line = await theLine(rig.gateway, from);
    expect(line).toMatchObject({ code, level: "warn", detail: expect.stringMatching(told) });
    expect(await stateOf(rig.adminPort, "campus")).toMatchObject({ ok: false, detail: line.detail });
    Object.assign(rig.idp.behaviour, good);
    await samlSignIn(newVisitor(), `${rig.urls.wiki}/`, "alice");
    expect((await stateOf(rig.adminPort, "campus"))?.ok).toBe(true);
  });

  /** The provider takes our request with the key that it knows, and encrypts for another one. */
  async function signInWith(certificate: string): Promise<void> {
    const { sp } = rig.idp.behaviour;
    rig.idp.behaviour.sp = { ...sp, certificate: rig.ownKey.certificate };
    const login = await newVisitor().browse(`${rig.urls.wiki}/`);
    rig.idp.behaviour.sp = { ...sp, certificate };
    const visitor = newVisitor();
    const form = firstForm(login);
    const answer = firstForm(await visitor.visit(form.action, { form: { ...form.fields, login: "alice", password: "alice" } }));
    await visitor.visit(answer.action, { form: answer.fields, headers: { "sec-fetch-site": "cross-site" } });
  }

  test.each([
    {
      clock: "an hour behind",
      shift: "-1h",
      told: /IssueInstant of the Response lies 3[56]\d\d s in the future .*; set the clocks of both machines by NTP/,
    },
    {
      clock: "an hour ahead",
      shift: "+1h",
      told: /NotOnOrAfter of the SubjectConfirmation passed \d{4} s ago .*; set the clocks of both machines by NTP/,
    },
  ])("our own clock $clock: the login's line says so, and the provider's state", async ({ shift, told }) => {
    const own = await startSamlRig({ env: await shiftedClock(shift) });
    try {
      await samlSignIn(newVisitor(), `${own.urls.wiki}/`, "alice");
      expect(await theLine(own.gateway, 0)).toMatchObject({ code: "saml.clock-skew", level: "warn", detail: expect.stringMatching(told) });
      expect(await stateOf(own.adminPort, "campus")).toMatchObject({ ok: false, detail: expect.stringMatching(told) });
    } finally {
      await own.close();
    }
  });

  test("a stranger's bad answer says nothing about the provider", async () => {
    const from = failedLogins(rig.gateway).length;
    const good = rig.idp.behaviour.sp;
    rig.idp.behaviour.sp = { ...good, entityId: "urn:another" };
    const fields = rig.idp.answerFields("alice", { inResponseTo: "_made-up" });
    await newVisitor().visit(good.acsUrl, { form: fields, headers: { "sec-fetch-site": "cross-site" } });
    rig.idp.behaviour.sp = good;
    expect(await theLine(rig.gateway, from)).toMatchObject({ code: "saml.audience" });
    expect((await stateOf(rig.adminPort, "campus"))?.ok).toBe(true);
  });
});
