import { GatewayError } from "../../core/errors.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import type { ProviderDeps } from "../method.ts";
import { codeOfProblem } from "./account-state.ts";
import { createDirectory, type Directory, type FoundAnswer } from "./directory.ts";
import { formPage } from "./form.ts";
import { attributesOf, identityOf } from "./identity.ts";
import type { LdapProvider, Lookup } from "./port.ts";
import { recheck, vouched } from "./recheck.ts";
import { type LdapSettings, urlOf } from "./settings.ts";

/** A directory as a way to log in: `formUrl` is where its login form is. Nothing is connected before the first login. */
export function createLdapProvider(deps: ProviderDeps & { readonly ldap: LdapSettings; readonly formUrl: string }): LdapProvider {
  const { settings, ldap, clock } = deps;
  const { id: provider, attributes, groupNames, groupsPrefix = null } = settings;
  const mapping: ClaimMapping = { ...deps, provider, attributes, groupNames, groupsPrefix };
  const directory = createDirectory({
    ...deps,
    settings: ldap,
    providerId: provider,
    attributes: { subject: settings.attributes.subject, groups: settings.attributes.groups ?? "memberOf", wanted: attributesOf(mapping) },
    groupNames: settings.groupNames,
  });
  const nextRecheck = () => (ldap.recheckMs === 0 ? null : clock() + ldap.recheckMs);
  const lookup = (found: FoundAnswer): Lookup => {
    if (found.kind === "none") return found;
    const { entry } = found.person;
    return found.kind === "problem" ? { ...found, entry } : { kind: "ok", identity: identityOf(found.person, mapping), entry };
  };

  return {
    id: settings.id,
    name: settings.name,
    kind: "ldap",
    emailDomains: settings.emailDomains,
    remembersNothing: true,
    canLookUp: ldap.bind !== null,
    nextRecheck,
    begin: ({ state, loginHint }) =>
      Promise.resolve({
        go: {
          kind: "page",
          status: 200,
          page: formPage({ provider: settings, action: deps.formUrl, state, login: loginHint ?? "", problem: null }),
        },
        memory: {},
      }),
    logIn: async (login, password, spend) => {
      const answer = await directory.verify(login, password, spend);
      if (answer.kind === "refused") throw new GatewayError("login.credentials", answer.detail);
      if (answer.kind === "problem") throw new GatewayError(codeOfProblem[answer.problem], answer.detail);
      if (answer.graceLogins !== null) {
        deps.log.warn(
          { provider: settings.id, left: answer.graceLogins },
          "a password has expired and was accepted as one of its last logins",
        );
      }
      const principal = { ...identityOf(answer.person, mapping), authenticatedAt: clock(), acr: ldap.acr };
      return vouched(principal, nextRecheck());
    },
    lookUp: async (login) => lookup(await directory.find(login)),
    lookUpSubject: async (subject) => lookup(await directory.findSubject(subject)),
    refresh: (session) =>
      recheck(session, async () => lookup(await directory.findSubject(session.principal.subject)), { clock, nextRecheck }),
    health: () => healthOf(directory),
    probe: () => probe(directory, ldap),
    close: () => undefined,
  };
}

function healthOf({ pool }: Directory): { readonly ok: boolean; readonly detail: string } {
  const report = pool.servers.report();
  const detail = report.map(({ server, detail: said }) => `${urlOf(server)}: ${said}`).join("; ");
  return { ok: report.some(({ ok }) => ok), detail };
}

/** Asks each server by itself: one that is down must show although another answers. */
async function probe(directory: Directory, ldap: LdapSettings): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const reports = await Promise.all(ldap.servers.map(async (server) => ({ server, ...(await directory.inspect(server)) })));
  const detail = reports.map(({ server, detail: said }) => `${urlOf(server)}: ${said}`).join("; ");
  return { ok: reports.some(({ ok }) => ok), detail };
}
