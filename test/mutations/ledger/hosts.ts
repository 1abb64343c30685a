import type { Chapter } from "../mutation.ts";
import { hostsNames } from "./hosts/names.ts";
import { hostsPaths } from "./hosts/paths.ts";
import { hostsReadings } from "./hosts/readings.ts";

export const hosts: Chapter = {
  title: "Hosts and paths",
  promises: [...hostsPaths, ...hostsReadings, ...hostsNames],
};
