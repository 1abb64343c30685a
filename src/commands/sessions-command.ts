import { visible } from "../lib/names.ts";
import { withAdmin } from "./admin-client.ts";
import { type CommandContext, type ExitCode, type ParsedOptions, parseCommand, textOption, wrongUsage } from "./command.ts";

const where = ["person", "email", "group", "provider", "address", "app"] as const;
const options = {
  config: { type: "string", short: "c" },
  admin: { type: "string" },
  json: { type: "boolean" },
  limit: { type: "string" },
  all: { type: "boolean" },
  "dry-run": { type: "boolean" },
  ...Object.fromEntries(where.map((name) => [name, { type: "string" }] as const)),
} as const;

interface Listed {
  readonly handle: string;
  readonly person: { readonly provider: string; readonly subject: string; readonly email: string | null; readonly name: string | null };
  readonly address: string | null;
  readonly startedAt: string;
  readonly lastSeenAt: string;
}

/** `vestibule sessions list|show|end`: who is signed in, and end it. */
export async function sessionsCommand(context: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(context.args, options, 2);
  if (parsed.kind === "usage") return wrongUsage(context.terminal, "sessions", parsed.message);
  const [action, handle] = parsed.positionals;
  if (action === "list" && handle === undefined) return list(parsed.options, context);
  if (action === "show" && handle !== undefined) return show(parsed.options, context, handle);
  if (action === "end") return end(parsed.options, context, handle);
  return wrongUsage(context.terminal, "sessions", "write list, show HANDLE or end");
}

function list(given: ParsedOptions, context: CommandContext): Promise<ExitCode> {
  const most = Number(textOption(given, "limit") ?? Number.MAX_SAFE_INTEGER);
  if (!Number.isInteger(most) || most < 1) return Promise.resolve(wrongUsage(context.terminal, "sessions", "--limit wants a number"));
  return withAdmin(given, context, async (client) => {
    let cursor: string | null = null;
    let shown = 0;
    do {
      const query = new URLSearchParams({ ...conditions(given), limit: String(Math.min(200, most - shown)) });
      if (cursor !== null) query.set("cursor", cursor);
      const page = (await client.call("GET", `/sessions?${query}`)) as { sessions: readonly Listed[]; next: string | null };
      for (const session of page.sessions) context.terminal.out(given.json === true ? `${JSON.stringify(session)}\n` : lineOf(session));
      shown += page.sessions.length;
      cursor = page.next;
    } while (cursor !== null && shown < most);
    return 0;
  });
}

function lineOf({ handle, person, address, startedAt, lastSeenAt }: Listed): string {
  const who = person.email ?? person.subject;
  return `${visible(`${handle}  ${who} (${person.provider})  from ${address ?? "-"}  since ${startedAt}  seen ${lastSeenAt}`)}\n`;
}

function show(given: ParsedOptions, context: CommandContext, handle: string): Promise<ExitCode> {
  return withAdmin(given, context, async (client) => {
    const session = await client.call("GET", `/sessions/${encodeURIComponent(handle)}`);
    context.terminal.out(`${JSON.stringify(session, null, 2)}\n`);
    return 0;
  });
}

function end(given: ParsedOptions, context: CommandContext, handle: string | undefined): Promise<ExitCode> {
  const named = conditions(given);
  const count = Object.keys(named).length;
  const isAll = given.all === true;
  if ([handle !== undefined, count > 0, isAll].filter((one) => one).length !== 1) {
    return Promise.resolve(
      wrongUsage(
        context.terminal,
        "sessions",
        "end wants a HANDLE, or whose: --person, --email, --provider, --address, --group, --app, or --all",
      ),
    );
  }
  return withAdmin(given, context, async (client) => {
    if (handle !== undefined) {
      await client.call("DELETE", `/sessions/${encodeURIComponent(handle)}`);
      context.terminal.out("1 session ended\n");
      return 0;
    }
    const dryRun = given["dry-run"] === true;
    const body = { ...(isAll ? { all: true } : named), dryRun };
    const { ended } = (await client.call("POST", "/sessions/end", body)) as { ended: number };
    context.terminal.out(`${ended} session${ended === 1 ? "" : "s"} ${dryRun ? "would end" : "ended"}\n`);
    return 0;
  });
}

function conditions(given: ParsedOptions): Record<string, string> {
  return Object.fromEntries(
    where.flatMap((name) => [[name, textOption(given, name)] as const]).filter(([, value]) => value !== null),
  ) as Record<string, string>;
}
