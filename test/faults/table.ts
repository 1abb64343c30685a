import type { Verdict } from "./run-scenario.ts";

/** All figures as a Markdown table, as docs/reliability.md shows them. */
export function table(verdicts: readonly Verdict[]): string {
  const lines = ["| # | scenario | figures | s | holds |", "| --- | --- | --- | --- | --- |"];
  for (const { number, title, findings, ok, seconds, error } of verdicts) {
    const figures = findings.map((one) => `${one.what}: ${one.figure} (${one.must})${one.ok ? "" : " **no**"}`);
    if (error !== null) figures.push(`**${error.split("\n")[0]}**`);
    lines.push(`| ${number} | ${title} | ${figures.join("; ").replaceAll("|", "\\|")} | ${seconds} | ${ok ? "yes" : "**no**"} |`);
  }
  return lines.join("\n");
}
