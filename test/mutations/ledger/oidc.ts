import type { Chapter } from "../mutation.ts";

export const oidc: Chapter = {
  title: "OpenID Connect (Core 3.1.3.7, RFC 9700, RFC 9207, Back-Channel Logout 1.0)",
  promises: [],
};
