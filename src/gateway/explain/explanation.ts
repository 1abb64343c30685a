import type { RuleTrace } from "../../core/decision.ts";
import type { DecidedExplanation, Explanation, ReadingExplanation } from "../../core/explanation.ts";
import { visible } from "../../lib/names.ts";

/** The explanation for people, one fact per line. Colours only mark what is also said in words. */
export function formatExplanation(explanation: Explanation, { colour }: { readonly colour: boolean }): string {
  const shown = withoutControls(explanation);
  const lines = "readings" in shown ? decided(shown, createPaint(colour)) : [shown.asked, `  ${shown.outcome}: ${shown.why}`];
  return `${lines.join("\n")}\n`;
}

/** The explanation for programs. */
export function explanationJson(explanation: Explanation): string {
  return `${JSON.stringify(explanation, null, 2)}\n`;
}

type Paint = (kind: "good" | "bad" | "quiet" | "strong", text: string) => string;

function createPaint(colour: boolean): Paint {
  const codes = { good: 32, bad: 31, quiet: 2, strong: 1 } as const;
  return (kind, text) => (colour ? `\u001b[${codes[kind]}m${text}\u001b[0m` : text);
}

function decided(explanation: DecidedExplanation, paint: Paint): readonly string[] {
  const { app, route, readings } = explanation;
  const isThrough = explanation.outcome === "allow" || explanation.outcome === "pass";
  return [
    paint("strong", explanation.asked),
    `  visitor   ${explanation.who}`,
    `  from      ${explanation.address}, ${explanation.at}`,
    `  app       ${app.name} (${app.origin})`,
    `  route     ${route.id} to ${route.upstreams.join(", ") || "the proxy that asks (forwardAuth)"}`,
    ...readings.flatMap((reading) => readingLines(reading, readings.length > 1, paint)),
    `  decision  ${paint(isThrough ? "good" : "bad", explanation.decision)}, ${explanation.why}`,
    ...(explanation.shadow === null ? [] : [`  shadow    enforce is false; otherwise refused, ${explanation.shadow}`]),
    ...headerLines(explanation.headers),
    ...explanation.notes.map((note) => `  note      ${note}`),
  ];
}

function readingLines(reading: ReadingExplanation, several: boolean, paint: Paint): readonly string[] {
  const title = several ? [`  read as   ${reading.path} (${reading.route}): ${reading.decision}`] : [];
  if (reading.access !== "rules") return [...title, `  access    ${reading.access} path`];
  return [...title, ...reading.rules.flatMap((rule) => ruleLines(rule, paint))];
}

function ruleLines(rule: RuleTrace, paint: Paint): readonly string[] {
  const line = `  ${rule.effect.padEnd(8)}  ${rule.result.padEnd(12)}${rule.origin}`;
  if (rule.result === "not-reached") return [paint("quiet", line)];
  return [line, paint("quiet", `            ${rule.why}`)];
}

function headerLines(headers: DecidedExplanation["headers"]): readonly string[] {
  if (headers === null) return [];
  if (headers.length === 0) return ["  headers   none"];
  return headers.map(([name, value], index) => `  ${index === 0 ? "headers " : "        "}  ${name}: ${value}`);
}

/** Names come from the file and the command line: nothing in them may steer a terminal. */
function withoutControls(explanation: Explanation): Explanation {
  return JSON.parse(JSON.stringify(explanation), (_, value: unknown) =>
    typeof value === "string" ? visible(value) : value,
  ) as Explanation;
}

/** 0 when the request would reach the app. */
export function exitCodeOf(explanation: Explanation): 0 | 1 {
  return explanation.outcome === "allow" || explanation.outcome === "pass" ? 0 : 1;
}
