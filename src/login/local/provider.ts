import { GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { LoginProvider, RefreshOutcome, Vouched } from "../../core/ports/login-provider.ts";
import type { Principal, Session } from "../../core/session.ts";
import { emailDomain } from "../../lib/names.ts";
import { parseNetworks } from "../../lib/networks.ts";
import type { ProviderDeps } from "../method.ts";
import { type Accounts, createAccounts } from "./accounts.ts";
import type { RelyingParty } from "./passkeys.ts";
import { createPasswordVerifier } from "./passwords.ts";
import { localOf } from "./schema.ts";
import { createUsersFile, type LocalUser, type UsersFile } from "./users-file.ts";

/** How soon a session notices that its account was disabled, removed or moved to other groups. */
const recheckMs = 60_000;

/** What a login proved: a password alone, or a second factor as well (RFC 8176 names the methods). */
export const strengths = {
  password: "urn:vestibule:pwd",
  totp: "urn:vestibule:mfa",
  recovery: "urn:vestibule:mfa",
  passkey: "urn:vestibule:mfa",
} as const;

/** Emergency accounts as a provider. */
export interface LocalProvider extends LoginProvider {
  readonly kind: "local";
  readonly accounts: Accounts;
  readonly file: UsersFile;
  readonly party: RelyingParty;
  readonly secondFactor: "required" | "optional";
  /** @throws GatewayError `local.network` for a client outside the configured networks */
  admit(client: string): void;
  vouch(login: string, user: LocalUser, by: keyof typeof strengths): Vouched;
}

/** Nothing is read before a person signs in, so a gateway starts without its file of emergency accounts. */
export function createLocalProvider(deps: ProviderDeps): LocalProvider {
  const { settings, clock, store, authOrigin, log } = deps;
  const local = localOf(settings.protocol);
  if (local === null) throw new GatewayError("gateway.internal", `${settings.id} is no provider of emergency accounts`);
  const networks = parseNetworks(local.networks);
  const isFor = (client: string) => local.networks.length === 0 || networks.has(client);
  const file = createUsersFile(local.file);
  const accounts = createAccounts({ provider: settings.id, file, passwords: createPasswordVerifier(), facts: store.facts, clock });
  const admit = (client: string) => {
    if (!isFor(client)) throw new GatewayError("local.network", `${client} is outside the networks of ${settings.id}`);
  };
  /** An address of a domain that another provider owns would pass for a person there. */
  const ownEmail = (email: string | null) => {
    const domain = email === null ? null : emailDomain(email);
    const owner = domain === null ? null : deps.ownerOfDomain(domain);
    const isForeign = owner !== null && owner !== settings.id;
    return domain === null || isForeign || deps.isUnproven?.(domain) === true ? null : email;
  };
  const principalOf = (login: string, user: LocalUser): Omit<Principal, "acr" | "authenticatedAt"> => ({
    provider: settings.id,
    subject: login,
    email: ownEmail(user.email),
    name: user.name ?? login,
    groups: { kind: "known", names: user.groups.map((group) => `${settings.groupsPrefix ?? ""}${settings.groupNames[group] ?? group}`) },
    extra: {},
    claims: {},
  });
  return {
    id: settings.id,
    name: settings.name,
    kind: "local",
    emailDomains: settings.emailDomains,
    onlyByName: true,
    isFor,
    accounts,
    file,
    party: { id: authOrigin.hostname, origin: formatOrigin(authOrigin), name: settings.name },
    secondFactor: local.secondFactor,
    admit,
    async begin({ incoming, state, loginHint }) {
      admit(incoming.client);
      const action = `/_vestibule/local/${encodeURIComponent(settings.id)}/password`;
      const page = { page: "password", provider: settings.name, action, fields: { state }, login: loginHint ?? "", problem: null } as const;
      return { go: { kind: "page", status: 200, page }, memory: {} };
    },
    vouch(login, user, by) {
      log.warn({ provider: settings.id, subject: login, by }, "an emergency account signed in");
      return {
        principal: { ...principalOf(login, user), acr: strengths[by], authenticatedAt: clock() },
        providerSession: null,
        logoutHandle: null,
        tokens: null,
        refreshAt: clock() + recheckMs,
        endsAtLatest: null,
      };
    },
    refresh: (session) => recheck(session),
    health: () => ({ ok: true, detail: "asked at login only" }),
    probe: () =>
      file.read().then(
        (users) => ({ ok: true, detail: `${Object.keys(users).length} accounts in ${local.file}` }),
        (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
      ),
    close: () => undefined,
  };

  /** A file that cannot be read ends nothing: it may be in the middle of being replaced. */
  async function recheck({ principal, tokens }: Session): Promise<RefreshOutcome> {
    try {
      const users = await file.read();
      const user = Object.hasOwn(users, principal.subject) ? users[principal.subject] : undefined;
      if (user === undefined || user.disabled) return { kind: "refused", why: "the account is disabled or gone" };
      return {
        kind: "renewed",
        principal: { ...principal, ...principalOf(principal.subject, user) },
        tokens,
        refreshAt: clock() + recheckMs,
      };
    } catch (error) {
      return { kind: "unavailable", why: error instanceof Error ? error.message : String(error), retryAt: clock() + recheckMs };
    }
  }
}
