import type { Command } from "./command.ts";
import type { CommandName } from "./help.ts";

/** Every command by its name, loaded when it is called: `--help` need not wait for a whole gateway. */
export const commands: Readonly<Record<CommandName, () => Promise<Command>>> = {
  serve: async () => (await import("./serve.ts")).serve,
  check: async () => (await import("./check.ts")).check,
  explain: async () => (await import("./explain-command.ts")).explainCommand,
  "ldap-test": async () => (await import("./ldap-test.ts")).ldapTest,
  "login-test": async () => (await import("./login-test.ts")).loginTest,
  metadata: async () => (await import("./metadata.ts")).metadata,
  config: async () => (await import("./config-command.ts")).configCommand,
  urls: async () => (await import("./urls.ts")).urls,
  secret: async () => (await import("./secret.ts")).secret,
  "saml-keys": async () => (await import("./saml-keys.ts")).samlKeys,
  token: async () => (await import("./token.ts")).token,
  user: async () => (await import("./user.ts")).user,
  directory: async () => (await import("./directory.ts")).directory,
  domains: async () => (await import("./domains.ts")).domains,
  completion: async () => (await import("./completion.ts")).completion,
  schema: async () => (await import("./schema.ts")).schema,
  sessions: async () => (await import("./sessions-command.ts")).sessionsCommand,
  revoke: async () => (await import("./revoke.ts")).revoke,
  status: async () => (await import("./status.ts")).status,
};
