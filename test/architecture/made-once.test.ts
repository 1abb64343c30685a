import { expect, test } from "vitest";
import { sourceFiles, withoutComments } from "./source-files.ts";

/**
 * What counts, what is under way and what is open outlives configuration versions: a reload must not refill a login limit, forget a
 * used state, refresh one session twice at a time, or lose sight of a connection. So these are made in the composition of the process,
 * and never by what composes one version.
 */
const lasting = [
  "composeAdmission",
  "createLoginLimits",
  "createUsedStates",
  "createRefresher",
  "createOpenConnections",
  "createUpstreams",
  "composeStore",
  "openDirectory",
  "createDomainWatch",
  "createTracing",
];

const process = sourceFiles("src").filter(({ path }) => path.startsWith("src/process/"));

/** The text of a top-level function. */
function bodyOf(name: string): string {
  const [text = ""] = process.flatMap(({ text: all }) => new RegExp(`^export function ${name}\\b[\\s\\S]*?^}`, "m").exec(all)?.[0] ?? []);
  return withoutComments(text);
}

test.each(lasting)("%s is called where a process is composed, and nowhere else", (name) => {
  const call = new RegExp(`(?<!function )\\b${name}\\(`, "g");
  const callers = sourceFiles("src").filter(({ text }) => [...withoutComments(text).matchAll(call)].length > 0);
  // The others look into a store or the directory for an operator, and serve no visitor.
  const where = ["gateway", "version", "check", "people-office", "primary"].map((file) => `src/process/${file}.ts`);
  expect(callers.map(({ path }) => path).filter((path) => !where.includes(path))).toEqual([]);
  const composed = [...bodyOf("composeGateway").matchAll(call), ...bodyOf("createCounts").matchAll(call)];
  expect(composed.length).toBeGreaterThan(0);
  expect([...bodyOf("composeVersion").matchAll(call)]).toEqual([]);
});
