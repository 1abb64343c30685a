import { GatewayError } from "../../core/errors.ts";
import { type LdapConnection, openConnection } from "./connection.ts";
import { anyEntry } from "./filters.ts";
import type { RootReader } from "./root-entry.ts";
import type { LdapServer, LdapSettings } from "./settings.ts";

/**
 * Whether one server can be used as configured: connected, TLS checked, the service account bound, the bases of people and groups found.
 * Says what is wrong and what mends it. Never throws.
 */
export async function inspectServer(
  settings: LdapSettings,
  server: LdapServer,
  root: RootReader,
): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const ends = performance.now() + settings.timeoutMs;
  const left = () => ends - performance.now();
  let connection: LdapConnection | null = null;
  try {
    connection = await openConnection(settings, server, left());
    if (settings.bind === null) return { ok: true, detail: "answers; visitors bind directly, so nothing more can be tried" };
    const bound = await connection.bind(settings.bind.dn, settings.bind.password.reveal(), left());
    if (bound.kind === "refused")
      return { ok: false, detail: `refuses the service account ${settings.bind.dn}: ${bound.message}. Check bind.dn and its password.` };
    for (const [key, base] of [
      ["userBase", settings.userBase],
      ["groupBase", settings.groupBase],
    ] as const) {
      if (base !== null && !(await isThere(connection, base, left))) {
        return {
          ok: false,
          detail: `has no entry ${base}, or the service account may not read it. Check ${key} and the account's rights.`,
        };
      }
    }
    const { isActiveDirectory, vendor } = await root.read(connection, left);
    return {
      ok: true,
      detail: `answers, the service account is bound${isActiveDirectory ? ", Active Directory" : vendor === null ? "" : `, ${vendor}`}`,
    };
  } catch (error) {
    return { ok: false, detail: error instanceof GatewayError ? error.message : String(error) };
  } finally {
    connection?.close();
  }
}

async function isThere(connection: LdapConnection, base: string, left: () => number): Promise<boolean> {
  const found = await connection.search({ base, scope: "base", filter: anyEntry, attributes: ["objectClass"], most: 1 }, left());
  return found.length > 0;
}
