import type { DirectorySettings } from "../../core/directory-settings.ts";
import type { ConfigFile } from "../schema/file.ts";
import type { References } from "../values/references.ts";
import { bareRecord } from "./context.ts";

/** The directory with its file named in full; null where the gateway knows nobody itself. */
export function directorySettings(directory: ConfigFile["directory"], references: References): DirectorySettings | null {
  if (directory === null) return null;
  const { store, attributes, roles, teams, ...same } = directory;
  return {
    ...same,
    store: typeof store === "string" ? { kind: store } : { kind: "sqlite", file: references.absolute(store.sqlite.file) },
    attributes: bareRecord(Object.entries(attributes)),
    roles: bareRecord(Object.entries(roles)),
    teams: { ...teams, names: bareRecord(Object.entries(teams.names)) },
  };
}
