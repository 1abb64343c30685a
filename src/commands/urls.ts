import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Settings } from "../core/settings.ts";
import type { Registration } from "../login/method.ts";
import { methods } from "../login/methods.ts";
import { type CommandContext, configFile, type ExitCode, parseCommand, textOption, wrongUsage } from "./command.ts";

const options = { config: { type: "string", short: "c" }, json: { type: "boolean" } } as const;

/** One value to enter at a provider. */
export interface Registered extends Registration {
  readonly provider: string;
}

/** `vestibule urls [PROVIDER]`: what to register where, ready to paste. */
export async function urls({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 1);
  if (parsed.kind === "usage") return wrongUsage(terminal, "urls", parsed.message);
  const loaded = loadSettings(configFile(textOption(parsed.options, "config"), env), env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  const { settings } = loaded;
  const wanted = parsed.positionals[0];
  if (wanted !== undefined && !settings.providers.some(({ id }) => id === wanted)) {
    const known = settings.providers.map(({ id }) => id).join(", ");
    return wrongUsage(terminal, "urls", `there is no provider '${wanted}'; known here: ${known === "" ? "none" : known}`);
  }
  const found = urlsToRegister(settings).filter(({ provider }) => wanted === undefined || provider === wanted);
  terminal.out(parsed.options.json === true ? `${JSON.stringify(found, null, 2)}\n` : formatUrls(found));
  return 0;
}

/** Everything that some provider has to know about us. */
export function urlsToRegister({ providers, auth }: Settings): readonly Registered[] {
  const origin = formatOrigin(auth.origin);
  return providers.flatMap((provider) =>
    (methods[provider.protocol.kind]?.register?.(provider, origin) ?? []).map((one) => ({ provider: provider.id, ...one })),
  );
}

/** For people: provider by provider, ready to paste. */
export function formatUrls(found: readonly Registered[]): string {
  const width = Math.max(0, ...found.map(({ what }) => what.length));
  const providers = [...new Set(found.map(({ provider }) => provider))];
  return providers
    .map((provider) => {
      const lines = found.filter((one) => one.provider === provider).map(({ what, value }) => `  ${what.padEnd(width)}  ${value}\n`);
      return `${provider}\n${lines.join("")}`;
    })
    .join("\n");
}
