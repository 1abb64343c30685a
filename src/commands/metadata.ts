import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import type { Settings } from "../core/settings.ts";
import { ownEndpoints, signingKeys } from "../login/saml/context.ts";
import { writeMetadata } from "../login/saml/metadata/write.ts";
import { samlOf } from "../login/saml/settings.ts";
import { type CommandContext, configFile, type ExitCode, parseCommand, textOption, wrongUsage } from "./command.ts";

const options = { config: { type: "string", short: "c" } } as const;

/** `vestibule metadata PROVIDER`: what that provider must be given about us, on standard output, without a running gateway. */
export async function metadata({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 1);
  if (parsed.kind === "usage") return wrongUsage(terminal, "metadata", parsed.message);
  const [id] = parsed.positionals;
  if (id === undefined) return wrongUsage(terminal, "metadata", "the provider is missing");
  const loaded = loadSettings(configFile(textOption(parsed.options, "config"), env), env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  const document = ownMetadata(loaded.settings, id);
  if (document === null) {
    terminal.err(`vestibule metadata: ${whyNone(loaded.settings, id)}\n`);
    return 1;
  }
  terminal.out(document);
  return 0;
}

/** As the running gateway serves it; null when the provider is none that needs it. */
function ownMetadata({ auth, providers }: Settings, id: string): string | null {
  const settings = providers.find((provider) => provider.id === id);
  const saml = settings === undefined ? null : samlOf(settings.protocol);
  if (settings === undefined || saml === null) return null;
  return writeMetadata({ settings, saml, ...ownEndpoints(auth.origin, id), signer: signingKeys(saml, Date.now)() });
}

function whyNone({ providers }: Settings, id: string): string {
  const saml = providers.filter(({ protocol }) => samlOf(protocol) !== null).map((provider) => provider.id);
  const choice = saml.length === 0 ? "the configuration has no SAML provider" : `SAML providers are ${saml.join(", ")}`;
  return providers.some((provider) => provider.id === id)
    ? `the provider '${id}' speaks OpenID Connect, which has no metadata of ours; ${choice}`
    : `there is no provider '${id}'; ${choice}`;
}
