import type { Chapter } from "../mutation.ts";

export const always: Chapter = {
  title: "Always true",
  promises: [],
};
