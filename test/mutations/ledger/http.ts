import type { Chapter } from "../mutation.ts";

export const http: Chapter = {
  title: "HTTP (RFC 9110, 9112)",
  promises: [],
};
