import type { Chapter } from "../mutation.ts";
import { hostsNames } from "./hosts/names.ts";
import { hostsPaths } from "./hosts/paths.ts";

export const hosts: Chapter = {
  title: "Hosts and paths",
  promises: [...hostsPaths, ...hostsNames],
};
