import type { Draft } from "./draft.ts";
import type { KeyPath } from "./key-path.ts";
import type { Report } from "./report.ts";

/** A part of the contract that is validated and not built yet. Deleting its entry here is all it takes to open it. */
interface Reserved {
  readonly what: string;
  usedAt(draft: Draft): readonly KeyPath[];
}

const reserved: readonly Reserved[] = [
  { what: "directory", usedAt: (draft) => (draft.later.directory == null ? [] : [["directory"]]) },
  { what: "localUsers", usedAt: (draft) => (draft.later.localUsers == null ? [] : [["localUsers"]]) },
  { what: "forwardAuth", usedAt: (draft) => (draft.later.forwardAuth == null ? [] : [["forwardAuth"]]) },
];

/** Refuses what the contract reserves: never ignored in silence. */
export function refuseReserved(draft: Draft, report: Report): void {
  for (const { what, usedAt } of reserved) {
    for (const path of usedAt(draft)) report.problemAtKey(path, `not available yet: ${what}`);
  }
}
