import type { Chapter } from "../mutation.ts";

export const saml: Chapter = {
  title: "SAML 2.0 (Core 2.5, Profiles 4.1.4.3, Bindings 3.4-3.5)",
  promises: [],
};
