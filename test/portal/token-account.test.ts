import { expect, test } from "vitest";
import { createControlBrowser, type Reply } from "../support/control-browser.ts";
import { createControlRig } from "../support/control-rig.ts";

const auth = "https://auth.acme.example";
const page = `${auth}/_vestibule/sessions`;
const field = (reply: Reply, name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(reply.body)?.[1] ?? "";

/** A browser that is signed in with two accounts, Google's the later, on its own page of sessions. */
async function world() {
  const rig = createControlRig({ personalTokens: { lifetimeMs: 3_600_000, perUser: 5 } });
  const browser = createControlBrowser(rig);
  await browser.go("https://wiki.acme.example/");
  rig.now += 1_000;
  const named = new URL((await browser.ask("https://tools.acme.example/")).location ?? "");
  named.searchParams.set("provider", "google");
  await browser.go(named.href);
  const shown = await browser.ask(page);
  const { sessions } = await rig.store.list({}, { cursor: null, limit: 9 });
  const keyOf = (provider: string) => sessions.find(({ principal }) => principal.provider === provider)?.handle ?? "";
  const make = async (fields: Readonly<Record<string, string>>) => {
    const body = new URLSearchParams({ guard: field(shown, "guard"), name: "laptop", ...fields }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: auth };
    return browser.ask(page, { method: "POST", headers, body });
  };
  const made = () => rig.audited.flatMap((event) => (event.event === "personal-token" ? [event.principal.provider] : []));
  return { rig, shown, keyOf, make, made };
}

test.each(["entra", "google"])("a personal token is made for the account that was chosen: %s", async (provider) => {
  const { shown, keyOf, make, made } = await world();
  for (const id of ["entra", "google"]) expect(shown.body).toContain(`value="${keyOf(id)}"`);
  expect((await make({ account: keyOf(provider) })).status).toBe(200);
  expect(made()).toEqual([provider]);
});

test("a personal token is made for the account of the latest login when none was chosen", async () => {
  const { make, made } = await world();
  await make({});
  expect(made()).toEqual(["google"]);
});

test("an account that signed out meanwhile, or that is somebody else's, gets no personal token, and no other account gets it instead", async () => {
  const { rig, keyOf, make, made } = await world();
  const account = keyOf("entra");
  const stranger = await rig.store.create({
    ...{ providerSession: null, logoutHandle: null, tokens: null, refreshAt: null, endsAtLatest: null },
    principal: { ...((await rig.store.read(account))?.principal ?? expect.fail("no session")), subject: "stranger" },
  });
  await rig.store.end(account, "logout");
  for (const key of [account, stranger.key]) expect((await make({ account: key })).status).toBe(400);
  expect(made()).toEqual([]);
});
