import type { GatewayError } from "../../src/core/errors.ts";
import type { BrowserStep, LoginRequest, LogoutNotice, Vouched } from "../../src/core/ports/login-provider.ts";
import type { Parting, Principal, Tokens } from "../../src/core/session.ts";
import type { OidcProvider } from "../../src/login/oidc/method.ts";
import { aPrincipal } from "./policy-builders.ts";

/** What a test can make a provider do, and what was asked of it. */
export interface ProviderScript {
  /** Thrown by the next calls of `begin` / `finish` while set. */
  beginFails: GatewayError | null;
  finishFails: GatewayError | null;
  principal: Partial<Principal>;
  providerSession: string | null;
  tokens: Tokens | null;
  leaveUrl: string | null;
  leaveFails: GatewayError | null;
  /** How the browser is sent there. */
  byForm: boolean;
  /** What a logout token or front-channel message means; null = rejected. */
  notice: LogoutNotice | null;
  memory: Readonly<Record<string, string>>;
  readonly begun: LoginRequest[];
  readonly finished: { readonly answer: URLSearchParams; readonly state: string; readonly memory: Readonly<Record<string, string>> }[];
  readonly left: { readonly session: Parting; readonly state: string }[];
}

export interface ScriptedProvider extends OidcProvider {
  readonly script: ProviderScript;
}

/** A provider whose word is taken for verified: `https://<id>.idp.example/authorize?state=…` is where it sends browsers. */
export function scriptedProvider(
  id: string,
  rejectToken: () => GatewayError,
  change: { readonly emailDomains?: readonly string[] } = {},
): ScriptedProvider {
  const script: ProviderScript = {
    beginFails: null,
    finishFails: null,
    principal: {},
    providerSession: `${id}-sid`,
    tokens: null,
    leaveUrl: null,
    leaveFails: null,
    byForm: false,
    notice: null,
    memory: { nonce: "n".repeat(43), verifier: "v".repeat(43) },
    begun: [],
    finished: [],
    left: [],
  };
  const accept = (): LogoutNotice => {
    if (script.notice === null) throw rejectToken();
    return script.notice;
  };
  return {
    script,
    id,
    name: `Provider ${id}`,
    kind: "oidc",
    responseMode: "query",
    publicKeys: () => ({ keys: [] }),
    emailDomains: change.emailDomains ?? [],
    begin: async (request) => {
      script.begun.push(request);
      if (script.beginFails !== null) throw script.beginFails;
      return { go: wayTo(id, script, request), memory: script.memory };
    },
    finish: async (answer, state, memory, request): Promise<Vouched> => {
      script.finished.push({ answer, state, memory });
      if (script.finishFails !== null) throw script.finishFails;
      const acr = request.acr[0] ?? null;
      return {
        principal: aPrincipal({ provider: id, acr, ...script.principal }),
        providerSession: script.providerSession,
        logoutHandle: null,
        tokens: script.tokens,
        refreshAt: null,
        endsAtLatest: null,
      };
    },
    refresh: async () => ({ kind: "refused", why: "not scripted" }),
    leave: async (session, state) => {
      script.left.push({ session, state });
      if (script.leaveFails !== null) throw script.leaveFails;
      return script.leaveUrl === null ? null : { kind: "redirect", url: `${script.leaveUrl}?state=${encodeURIComponent(state)}` };
    },
    acceptLogoutToken: async () => accept(),
    acceptFrontchannelLogout: () => accept(),
    verifyBearer: async () => {
      throw rejectToken();
    },
    health: () => ({ ok: true, detail: "scripted" }),
    probe: async () => ({ ok: true, detail: "scripted" }),
    close: () => undefined,
  };
}

function wayTo(id: string, { byForm }: ProviderScript, { state, loginHint }: LoginRequest): BrowserStep {
  const url = `https://${id}.idp.example/authorize`;
  const fields = { state, ...(loginHint === null ? {} : { login_hint: loginHint }) };
  return byForm ? { kind: "form", action: url, fields } : { kind: "redirect", url: `${url}?${new URLSearchParams(fields)}` };
}
