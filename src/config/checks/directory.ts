import type { Draft } from "../draft.ts";
import type { Report } from "../problems/report.ts";
import { methodOf } from "../schema/providers.ts";
import type { References } from "../values/references.ts";

/** People: what the directory needs of the rest of the file, and what needs a directory. */
export function checkDirectory(draft: Draft, references: References, report: Report): void {
  const { directory } = draft;
  const hasScim = [...draft.providers].filter(([, provider]) => provider !== null && provider.scim !== null);
  if (directory !== null && directory !== undefined) {
    checkStore(draft, directory, report);
    if (directory.provisioning === "scim" && hasScim.length === 0 && [...draft.providers.values()].every((provider) => provider !== null)) {
      report.problem(
        ["directory", "provisioning"],
        "only provisioned people may sign in, and no provider provisions any: give one of them scim: { tokens: [{ env: NAME }] }",
      );
    }
    for (const [role, { groups, managers }] of Object.entries(directory.roles)) {
      if (groups.length === 0 && !managers)
        report.problem(["directory", "roles", role], "nobody could have this role: write groups: [...] or managers: true");
    }
  }
  checkProviders(draft, references, report);
}

function checkStore({ sessions, workers }: Draft, { store, provisioning }: NonNullable<Draft["directory"]>, report: Report): void {
  const path = ["directory", "store"];
  if (store === "redis" && sessions !== null && sessions.store === "memory") {
    report.problem(
      path,
      "redis is the sessions' Redis, and sessions.store is memory: write { sqlite: { file: PATH } }, or keep sessions in Redis",
    );
  }
  if (store !== "memory") return;
  if (workers !== null && workers !== 1)
    report.problem(path, "each process would know other people: write { sqlite: { file: PATH } } or redis");
  if (provisioning !== "jit")
    report.warning(path, "people who were provisioned are forgotten at each restart: write { sqlite: { file: PATH } } or redis");
}

/** A token that can be guessed lets a stranger make people. */
const shortToken = 20;

function checkProviders(draft: Draft, references: References, report: Report): void {
  for (const [id, provider] of draft.providers) {
    if (provider === null) continue;
    const path = ["providers", id];
    if (provider.scim !== null) {
      if (draft.directory === null)
        report.problemAtKey([...path, "scim"], "provisioned people need a place: write directory: { store: … }");
      for (const [at, token] of provider.scim.tokens.entries()) {
        const { length } = references.secret(token).reveal();
        if (length > 0 && length < shortToken)
          report.warning([...path, "scim", "tokens", at], "this token is short: make one with openssl rand -base64 32");
      }
    }
    if (provider.graph !== null) checkGraph(methodOf(provider, "oidc"), [...path, "graph"], report);
    if (provider.domainProof === "dns" && provider.emailDomains.length === 0)
      report.warning([...path, "domainProof"], "there is nothing to prove: this provider has no emailDomains");
  }
}

/** Graph is a matter of one method, and this key stands beside it: what the method's own schema made of its part is looked into. */
function checkGraph(oidc: unknown, path: readonly string[], report: Report): void {
  if (oidc === undefined) report.problemAtKey(path, "Microsoft Graph is asked for OpenID Connect providers of Entra only");
  else if (typeof oidc === "object" && oidc !== null && "clientAuth" in oidc && oidc.clientAuth === "none")
    report.problemAtKey(path, "Microsoft Graph is asked with the app's own credentials: this client has none");
}
