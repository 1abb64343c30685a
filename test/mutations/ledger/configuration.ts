import type { Chapter } from "../mutation.ts";
import { configurationDangers } from "./configuration/dangers.ts";
import { configurationStrict } from "./configuration/strict.ts";
import { configurationTold } from "./configuration/told.ts";

export const configuration: Chapter = {
  title: "Configuration",
  promises: [...configurationStrict, ...configurationDangers, ...configurationTold],
};
