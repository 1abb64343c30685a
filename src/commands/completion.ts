import { type CommandContext, type ExitCode, parseCommand, wrongUsage } from "./command.ts";
import { commandHelp } from "./help.ts";

const shells = ["bash", "zsh"] as const;

/**
 * `vestibule completion bash|zsh`: a script for the shell to read. It is made from the help texts, so that it cannot name an option that
 * does not exist.
 */
export async function completion({ args, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, {}, 1);
  if (parsed.kind === "usage") return wrongUsage(terminal, "completion", parsed.message);
  const shell = shells.find((name) => name === parsed.positionals[0]);
  if (shell === undefined) return wrongUsage(terminal, "completion", `write one of ${shells.join(", ")}`);
  terminal.out(shell === "bash" ? bashScript() : zshScript());
  return 0;
}

/** The long options that a command's help names. */
export function optionsOf(help: string): readonly string[] {
  return [...new Set([...help.matchAll(/^ {2}(?:-\w, | {4})(--[a-z-]+)/gm)].map(([, option = ""]) => option))];
}

const names = () => Object.keys(commandHelp);
const cases = (line: (name: string, options: string) => string) =>
  Object.entries(commandHelp)
    .map(([name, help]) => line(name, [...optionsOf(help), "--help"].join(" ")))
    .join("\n");

/** `complete -o default`: files where nothing else fits, as after --config. */
function bashScript(): string {
  return `_vestibule() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names().join(" ")} --help --version" -- "$word"))
    return
  fi
  case "$word" in -*) ;; *) return ;; esac
  case "\${COMP_WORDS[1]}" in
${cases((name, options) => `    ${name}) COMPREPLY=($(compgen -W "${options}" -- "$word")) ;;`)}
  esac
}
complete -o default -F _vestibule vestibule
`;
}

function zshScript(): string {
  return `#compdef vestibule
_vestibule() {
  if (( CURRENT == 2 )); then
    compadd -- ${names().join(" ")} --help --version
    return
  fi
  if [[ "$words[CURRENT]" != -* ]]; then
    _files
    return
  fi
  case "$words[2]" in
${cases((name, options) => `    ${name}) compadd -- ${options} ;;`)}
  esac
}
compdef _vestibule vestibule
`;
}
