import { expect, test } from "vitest";
import { type HeaderPreset, headerPresets } from "../../src/config/schema/header-presets.ts";
import { loadText, minimal, problemsOf, settingsOf, told } from "./write-config.ts";

const withHeaders = (headers: string) => loadText(minimal.replace("    access:", `    headers: ${headers}\n    access:`));
const sent = (headers: string) =>
  settingsOf(withHeaders(headers)).apps[0]?.routes[0]?.headers.set.map(
    ({ name, template, separator }) => `${name}=${template}${separator === "," ? "" : separator}`,
  );

test.each(Object.keys(headerPresets))("the preset %s loads: each of its names may carry an identity", (preset) => {
  expect(problemsOf(withHeaders(`{ preset: ${preset} }`)).map(told)).toEqual([]);
  const names = Object.keys(headerPresets[preset as HeaderPreset]);
  // The same names, written by hand, may carry one, too: none of them is the gateway's own to write.
  const set = names.map((name) => `${name}: "{email}"`).join(", ");
  expect(problemsOf(withHeaders(`{ set: { ${set} } }`)).map(told)).toEqual([]);
});

test("a preset replaces the default set, and set is laid over it", () => {
  expect(sent("{ preset: jenkins }")).toEqual([
    "X-Forwarded-User={subject}",
    "X-Forwarded-Mail={email}",
    "X-Forwarded-DisplayName={name}",
    "X-Forwarded-Groups={groups}|",
  ]);
  expect(sent('{ preset: nexus, set: { X-SSO-USER: "{email}", X-More: "{name}" } }')).toEqual(["X-SSO-USER={email}", "X-More={name}"]);
});

test("an application that reads no identity is sent none", () => {
  expect(sent("{ preset: prometheus }")).toEqual([]);
});

test("a preset that is not there is refused with the nearest, and a plain edit cannot forge what a preset sends", () => {
  expect(problemsOf(withHeaders("{ preset: grafanna }")).map(told)).toEqual([
    expect.stringMatching(/apps\[0\]\.headers\.preset: .*grafana/),
  ]);
  expect(problemsOf(withHeaders("{ preset: nexus, request: { set: { X_SSO_USER: admin } } }")).map(told)).toEqual([
    expect.stringContaining("X_SSO_USER carries an identity: only headers.set may fill it"),
  ]);
});
