import type { App } from "./app.ts";
import type { Question, Reply } from "./ask.ts";
import { isAlive } from "./processes.ts";
import type { Instance } from "./rig.ts";
import { letPass, type Trial } from "./scenario.ts";

/** What was seen of one answer, whoever asked. */
export type Seen = Pick<Reply, "status" | "headers" | "body">;

/** Looks at every answer and every log line of a scenario for what no fault may bring about. */
export interface Watch {
  /** `subject` is null for whoever sent no session. */
  answered(reply: Seen, question: Partial<Question>, subject: string | null): void;
  /** An answer to somebody with a browser: only its error pages are looked at. */
  paged(reply: Seen): void;
  started(instance: Instance): void;
  /** `killed`: so many processes were killed on purpose. */
  verify(options?: VerifyOptions): Promise<void>;
}
export interface VerifyOptions {
  readonly killed?: number;
}

/** Lines reach this process a moment after the answers that they tell of, and while it counts it reads none. */
const settleMs = 10_000;
const unasked = (headers: Question["headers"] = {}) => headers.cookie === undefined && headers.authorization === undefined;

export function createWatch(trial: Trial, app: App, host: string): Watch {
  const bad = { strangers: [] as string[], unasked: [] as string[], nameless: [] as string[] };
  const failures: string[] = [];
  const started: Instance[] = [];

  const paged = ({ status, headers, body }: Seen) => {
    if (status < 400) return;
    const id = headers["x-request-id"];
    if (typeof id !== "string" || (body !== "" && !body.includes(id)))
      bad.nameless.push(`${status}, id ${String(id)}, ${(/<h1.*/.exec(body)?.[0] ?? body).slice(0, 80)}`);
    else failures.push(id);
  };
  return {
    paged,
    answered: (reply, question, subject) => {
      paged(reply);
      if (reply.status < 200 || reply.status > 299) return;
      const shown = /^hello (\S+) /.exec(reply.body)?.[1];
      if (subject !== null && shown !== undefined && shown !== subject) bad.strangers.push(`${shown} for ${subject}`);
      const isPublic = question.path === "/healthz" || (question.host ?? host) !== host;
      if (subject === null && !isPublic && unasked(question.headers)) bad.unasked.push(question.path ?? "/");
    },
    started: (instance) => void started.push(instance),
    verify: async ({ killed = 0 } = {}) => {
      const unlogged = await unloggedOf(failures, started);
      const none = (what: string, found: readonly string[]) => {
        if (found.length > 0) trial.hold(what, false, `${found.length}: ${found[0]?.slice(0, 200)}`, "none");
      };
      trial.hold("requests that reached the app without an identity", app.unauthenticated === 0, app.unauthenticated, "0");
      none("pages of somebody else", bad.strangers);
      none("answers 2xx to nobody", bad.unasked);
      none("error answers without a request id", bad.nameless);
      const facts = readLines(linesOf(started));
      none("lines that are no log lines", facts.torn.slice(killed));
      none("log lines about a request without its id", facts.nameless);
      none("internal errors", facts.internal);
      none("workers that ended by themselves", facts.crashed.slice(killed));
      none("error answers that no log line tells of", unlogged);
      for (const { process } of started) {
        if (!isAlive(process.pid) && !process.wasStopped()) trial.hold("a gateway ended", false, process.lines.slice(-3).join(" "), "no");
      }
    },
  };
}

async function unloggedOf(failures: readonly string[], started: readonly Instance[]): Promise<readonly string[]> {
  const deadline = performance.now() + settleMs;
  for (;;) {
    const { ids } = readLines(linesOf(started));
    const unlogged = failures.filter((id) => !ids.has(id));
    if (unlogged.length === 0 || performance.now() > deadline) return unlogged;
    await letPass(200);
  }
}

const linesOf = (started: readonly Instance[]) => started.flatMap(({ process }) => process.lines);

/** What a line says about one request has one of these. */
const aboutRequest = ["client", "host", "path"];

function readLines(lines: readonly string[]) {
  const found = {
    torn: [] as string[],
    nameless: [] as string[],
    internal: [] as string[],
    crashed: [] as string[],
    ids: new Set<unknown>(),
  };
  for (const text of lines) {
    const line = parse(text);
    if (line === null || typeof line.msg !== "string") {
      found.torn.push(text);
      continue;
    }
    if (typeof line.request === "string") found.ids.add(line.request);
    else if (aboutRequest.some((field) => typeof line[field] === "string")) found.nameless.push(text);
    if (line.reason === "gateway.internal" || line.code === "gateway.internal") found.internal.push(text);
    if (line.msg === "a worker ended by itself; it is replaced") found.crashed.push(text);
  }
  return found;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
