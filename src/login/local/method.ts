import type { LoginMethod } from "../method.ts";
import { localEndpoints } from "./endpoints.ts";
import { createLocalProvider, type LocalProvider } from "./provider.ts";
import { checkLocal, type LocalFile, localAttributes, localSchema, localSettings } from "./schema.ts";

/** Emergency accounts in a file: a password and a second factor, while every other provider is away. */
export const localMethod: LoginMethod<LocalFile, LocalProvider> = {
  id: "local",
  name: "emergency accounts",
  describe: "Emergency accounts in a file, outside single sign-on.",
  schema: localSchema,
  attributes: localAttributes,
  issuesBearerTokens: false,
  check: checkLocal,
  settings: localSettings,
  create: createLocalProvider,
  endpoints: localEndpoints,
};
