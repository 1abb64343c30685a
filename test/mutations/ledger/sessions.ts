import type { Chapter } from "../mutation.ts";

export const sessions: Chapter = {
  title: "Sessions, cookies, redirects, pages",
  promises: [],
};
