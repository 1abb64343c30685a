import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import { GatewayError } from "../core/errors.ts";
import type { Person } from "../core/person.ts";
import type { DirectoryPeople } from "../core/ports/directory.ts";
import type { DirectoryStore } from "../core/ports/directory-store.ts";
import type { Settings } from "../core/settings.ts";
import { exportLines, importLines } from "../directory/transfer.ts";
import { visible } from "../lib/names.ts";
import { pause } from "../lib/timing.ts";
import { openForDirectory } from "../process/people-office.ts";
import { type CommandContext, configFile, type ExitCode, parseCommand, type Terminal, textOption, wrongUsage } from "./command.ts";

const options = { config: { type: "string", short: "c" } } as const;

interface Parts {
  readonly store: DirectoryStore;
  readonly people: DirectoryPeople;
  readonly terminal: Terminal;
}

/** A verb with the arguments that it needs; answers what to say, or null for "there is no such person". */
interface Verb {
  readonly needs: number;
  readonly usage: string;
  /** It changes what running sessions stand on. */
  readonly changes: boolean;
  run(parts: Parts, args: readonly string[]): Promise<string | null>;
}

const nobody = { request: null, client: null };
const done = (found: boolean, text: string) => (found ? text : null);

const verbs: Readonly<Record<string, Verb>> = {
  export: { needs: 0, usage: "export", changes: false, run: exportAll },
  import: {
    needs: 1,
    usage: "import FILE",
    changes: false,
    run: async ({ store }, [file = ""]) => {
      const lines = createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Number.POSITIVE_INFINITY });
      return `${await importLines(store, lines)} documents written`;
    },
  },
  find: {
    needs: 1,
    usage: "find TEXT",
    changes: false,
    run: async ({ people }, [text = ""]) => {
      const found = await people.search(text, { offset: 0, limit: 100 });
      return found.total === 0
        ? null
        : [...found.people.map(oneLine), ...(found.total > 100 ? [`and ${found.total - 100} more`] : [])].join("\n");
    },
  },
  show: {
    needs: 1,
    usage: "show PERSON",
    changes: false,
    run: async ({ people }, [id = ""]) => {
      const person = await people.person(id);
      return person === null ? null : JSON.stringify({ ...person, now: await people.explain(id) }, null, 2);
    },
  },
  unlink: {
    needs: 2,
    usage: "unlink PROVIDER SUBJECT",
    changes: true,
    run: async ({ people }, [provider = "", subject = ""]) => {
      const id = await people.unlink(provider, subject, nobody);
      return id === null ? null : `the account is the person ${id} now`;
    },
  },
  merge: {
    needs: 2,
    usage: "merge INTO FROM",
    changes: true,
    run: async ({ people }, [into = "", from = ""]) => done(await people.merge(into, from, nobody), `${from} is ${into} now`),
  },
  block: {
    needs: 1,
    usage: "block PERSON",
    changes: true,
    run: async ({ people }, [id = ""]) => done(await people.setBlocked(id, true, nobody), "shut out"),
  },
  unblock: {
    needs: 1,
    usage: "unblock PERSON",
    changes: true,
    run: async ({ people }, [id = ""]) => done(await people.setBlocked(id, false, nobody), "let in again"),
  },
  set: {
    needs: 3,
    usage: "set PERSON NAME VALUE",
    changes: true,
    run: async ({ people }, [id = "", name = "", value = ""]) =>
      done(await people.setAttribute(id, name, [value], nobody), `${name} is ${value}`),
  },
  unset: {
    needs: 2,
    usage: "unset PERSON NAME",
    changes: true,
    run: async ({ people }, [id = "", name = ""]) => done(await people.setAttribute(id, name, null, nobody), `${name} is taken away`),
  },
  remove: {
    needs: 1,
    usage: "remove PERSON",
    changes: true,
    run: async ({ people }, [id = ""]) => done(await people.remove(id, nobody), "forgotten"),
  },
};

/** `vestibule directory VERB …`: people as the running gateways know them; what changes takes effect on their sessions. */
export async function directory({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 4);
  if (parsed.kind === "usage") return wrongUsage(terminal, "directory", parsed.message);
  const [name = "", ...rest] = parsed.positionals;
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) return wrongUsage(terminal, "directory", `write one of ${Object.keys(verbs).join(", ")}`);
  if (rest.length !== verb.needs) return wrongUsage(terminal, "directory", `write ${verb.usage}`);
  const loaded = loadSettings(configFile(textOption(parsed.options, "config"), env), env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  return run(loaded.settings, verb, rest, terminal);
}

async function run(settings: Settings, verb: Verb, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const say = (text: string) => terminal.err(`vestibule directory: ${text}\n`);
  const kind = settings.directory?.store.kind;
  if (kind === "memory") {
    say("directory.store is memory: only the running gateway knows anybody; write { sqlite: { file: PATH } } or redis");
    return 1;
  }
  if (verb.changes && settings.sessions.store.kind === "memory")
    say("sessions are in the gateway's memory: those that are open take up the change at their next refresh");
  try {
    const open = await openForDirectory(settings, {
      audit: (event) => terminal.err(`${JSON.stringify({ audit: event.event, ...event })}\n`),
      warn: say,
    });
    if (open === null) {
      say("the configuration has no directory");
      return 1;
    }
    try {
      await reachable(open.store);
      const text = await verb.run({ store: open.store, people: open.directory.people, terminal }, args);
      if (text === null) {
        say("there is no such person or account");
        return 1;
      }
      if (text !== "") terminal.out(`${text}\n`);
      return 0;
    } finally {
      await open.close();
    }
  } catch (error) {
    say(error instanceof GatewayError || (error instanceof Error && "code" in error) ? error.message : String(error));
    return 1;
  }
}

/** Redis takes a moment to be connected. */
async function reachable(store: DirectoryStore): Promise<void> {
  for (let attempt = 0; attempt < 40 && !store.health().ok; attempt += 1) await pause(50);
}

async function exportAll({ store, terminal }: Parts): Promise<string> {
  for await (const line of exportLines(store)) terminal.out(`${line}\n`);
  return "";
}

function oneLine({ id, accounts, attributes, blocked }: Person): string {
  const who = accounts.map(
    ({ provider, subject, user }) => `${provider}:${subject ?? user?.userName ?? ""}${user?.active === false ? " (deactivated)" : ""}`,
  );
  return visible([id, attributes.name?.values[0] ?? "-", who.join(", "), ...(blocked ? ["shut out"] : [])].join("  "));
}
