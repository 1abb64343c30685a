export type LogFormat = "json" | "pretty";

const leaveOut = new Set(["level", "time", "pid", "msg"]);

/** Turns one JSON line into what the operator asked for. */
export function lineFormatter(format: LogFormat): (jsonLine: string) => string {
  return format === "json" ? (line) => line : prettyLine;
}

/** `12:00:01.250 WARN  message  key=value`; values stay JSON, so that no client can write a line or a colour of its own. */
function prettyLine(jsonLine: string): string {
  const entry = JSON.parse(jsonLine) as Record<string, unknown>;
  const time = String(entry.time).slice(11, 23);
  const level = String(entry.level).toUpperCase().padEnd(5);
  const fields = Object.entries(entry).filter(([name, value]) => !leaveOut.has(name) && value !== null);
  const words = fields.map(([name, value]) => `${name}=${readable(value)}`).join(" ");
  return `${time} ${level} ${readable(entry.msg)}${words === "" ? "" : `  ${words}`}\n`;
}

/** Plain words stay as they are; everything else as JSON, which escapes control characters (and C1 controls by hand). */
function readable(value: unknown): string {
  if (typeof value === "string" && /^[\w./:@+ -]*$/.test(value)) return value;
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
