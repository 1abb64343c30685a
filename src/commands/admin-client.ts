import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import type { Address } from "../core/settings.ts";
import { type CommandContext, configFile, type ExitCode, type ParsedOptions, textOption } from "./command.ts";

/** The API of the running gateway, reached as its configuration file says. */
export interface AdminClient {
  /** The answer's body, null for 204. Throws a sentence for people when the gateway does not answer or refuses. */
  call(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<unknown>;
}

const timeoutMs = 60_000;

/** Null, after a message on the terminal, when the configuration is bad or names no token. */
function openAdminClient(options: ParsedOptions, { env, terminal }: CommandContext): AdminClient | null {
  const loaded = loadSettings(configFile(textOption(options, "config"), env), env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return null;
  }
  const { admin, console } = loaded.settings;
  if (console.token === null) {
    terminal.err("vestibule: the configuration has no console.token: write console: { token: { file: PATH } } and reload the gateway\n");
    return null;
  }
  const base = textOption(options, "admin") ?? addressUrl(admin);
  const authorization = `Bearer ${console.token.reveal()}`;
  return {
    call: async (method, path, body) => {
      const headers = { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) };
      const sent = {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      };
      let response: Response;
      try {
        response = await fetch(`${base}/api/v1${path}`, sent);
      } catch (error) {
        throw new Error(`the gateway does not answer at ${base}: is it running, and is this where admin.address is reached from here?`, {
          cause: error,
        });
      }
      if (response.status === 204) return null;
      const answer = (await response.json().catch(() => null)) as { readonly detail?: unknown; readonly title?: unknown } | null;
      if (!response.ok) throw new Error(String(answer?.detail ?? answer?.title ?? `the gateway answered ${response.status}`));
      return answer;
    },
  };
}

function addressUrl({ host, port }: Address): string {
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
}

/** Runs `work` with the API; its failures are one sentence and exit code 1. */
export async function withAdmin(
  options: ParsedOptions,
  context: CommandContext,
  work: (client: AdminClient) => Promise<ExitCode>,
): Promise<ExitCode> {
  const client = openAdminClient(options, context);
  if (client === null) return 1;
  try {
    return await work(client);
  } catch (error) {
    context.terminal.err(`vestibule: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
