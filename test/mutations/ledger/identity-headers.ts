import type { Chapter } from "../mutation.ts";
import { identityCredentials } from "./identity-headers/credentials.ts";
import { identityForwarded } from "./identity-headers/forwarded.ts";
import { identityNames } from "./identity-headers/names.ts";
import { identityValues } from "./identity-headers/values.ts";

export const identityHeaders: Chapter = {
  title: "Identity headers",
  promises: [...identityNames, ...identityValues, ...identityCredentials, ...identityForwarded],
};
