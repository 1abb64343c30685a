import { deserialize, serialize } from "node:v8";
import { expect, test } from "vitest";
import { isSame } from "../../../src/process/settings-changes.ts";
import { packSettings, unpackSettings } from "../../../src/process/workers/messages.ts";
import { loadWithFiles, settingsOf } from "../../config/write-config.ts";

const full = new URL("../../../config/full.yaml", import.meta.url).pathname;
const contract = new URL("../../config/contract.yaml", import.meta.url).pathname;

test.each([{ file: full }, { file: contract }])("the settings of $file arrive as they left, secrets too", ({ file }) => {
  const settings = settingsOf(loadWithFiles(file));
  // As node sends it between processes.
  const arrived = unpackSettings(deserialize(serialize(packSettings(settings))));
  expect(isSame(arrived, settings)).toBe(true);
  expect(arrived.sessions.secrets.map((secret) => secret.reveal())).toEqual(settings.sessions.secrets.map((secret) => secret.reveal()));
  expect(JSON.stringify(arrived)).toBe(JSON.stringify(settings));
  expect(String(arrived.sessions.secrets[0])).toBe("[secret]");
});
