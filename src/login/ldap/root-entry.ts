import type { Clock } from "../../core/clock.ts";
import type { LdapConnection } from "./connection.ts";
import { anyEntry } from "./filters.ts";

/** What a server says about itself. */
export interface RootEntry {
  readonly isActiveDirectory: boolean;
  /** The domain's own base, where the server names one. */
  readonly rootBase: string | null;
  readonly vendor: string | null;
}

export interface RootReader {
  /** Asked once an hour: what kind of server it is does not change from login to login. */
  read(connection: LdapConnection, left: () => number): Promise<RootEntry>;
}

const goodForMs = 3_600_000;
/** LDAP_CAP_ACTIVE_DIRECTORY_OID (MS-ADTS 3.1.1.3.4.3.1). */
const activeDirectory = "1.2.840.113556.1.4.800";
const attributes = ["supportedCapabilities", "defaultNamingContext", "namingContexts", "vendorName", "vendorVersion"];

export function createRootReader(clock: Clock): RootReader {
  let kept: { readonly root: RootEntry; readonly at: number } | null = null;
  return {
    read: async (connection, left) => {
      const now = clock();
      if (kept !== null && now - kept.at < goodForMs && now >= kept.at) return kept.root;
      const [entry] = await connection.search({ base: "", scope: "base", filter: anyEntry, attributes, most: 1 }, left());
      const first = (name: string) => entry?.attributes.get(name.toLowerCase())?.[0] ?? null;
      const capabilities = entry?.attributes.get("supportedcapabilities") ?? [];
      const contexts = entry?.attributes.get("namingcontexts") ?? [];
      const root: RootEntry = {
        isActiveDirectory: capabilities.includes(activeDirectory),
        rootBase: first("defaultNamingContext") ?? (contexts.length === 1 ? (contexts[0] ?? null) : null),
        vendor: first("vendorName"),
      };
      kept = { root, at: now };
      return root;
    },
  };
}
