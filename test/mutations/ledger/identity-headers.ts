import type { Chapter } from "../mutation.ts";

export const identityHeaders: Chapter = {
  title: "Identity headers",
  promises: [],
};
