import type { Chapter } from "../mutation.ts";

export const hosts: Chapter = {
  title: "Hosts and paths",
  promises: [],
};
