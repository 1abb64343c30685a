import { withAdmin } from "./admin-client.ts";
import { type CommandContext, type ExitCode, parseCommand, wrongUsage } from "./command.ts";

const options = { config: { type: "string", short: "c" }, admin: { type: "string" }, json: { type: "boolean" } } as const;

interface Status {
  readonly version: string;
  readonly ready: boolean;
  readonly sessions: number | null;
  readonly store: { readonly kind: string; readonly reachable: boolean; readonly detail: string };
  readonly workers?: { readonly wanted: number; readonly ready: number };
  readonly providers: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
}

/** `vestibule status`: 0 when the running gateway is ready, 1 when it is not or does not answer. */
export async function status(context: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(context.args, options, 0);
  if (parsed.kind === "usage") return wrongUsage(context.terminal, "status", parsed.message);
  return withAdmin(parsed.options, context, async (client) => {
    const answer = (await client.call("GET", "/status")) as Status;
    context.terminal.out(parsed.options.json === true ? `${JSON.stringify(answer, null, 2)}\n` : words(answer));
    return answer.ready ? 0 : 1;
  });
}

function words({ version, ready, sessions, store, workers, providers }: Status): string {
  const lines = [
    `version    ${version}`,
    `ready      ${ready ? "yes" : "no"}`,
    `sessions   ${sessions ?? "not known"}`,
    `store      ${store.kind}, ${store.reachable ? "reachable" : "not reachable"}: ${store.detail}`,
    ...(workers === undefined ? [] : [`workers    ${workers.ready} of ${workers.wanted}`]),
    ...Object.entries(providers).map(([id, { ok, detail }]) => `provider   ${id}: ${ok ? "ok" : "trouble"}, ${detail}`),
  ];
  return `${lines.join("\n")}\n`;
}
