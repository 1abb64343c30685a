import type { App } from "./app.ts";
import type { Question, Reply } from "./ask.ts";
import { isAlive } from "./processes.ts";
import type { Instance } from "./rig.ts";
import type { Trial } from "./scenario.ts";

/** What was seen of one answer, whoever asked. */
export type Seen = Pick<Reply, "status" | "headers" | "body">;

/** Looks at every answer and every log line of a scenario for what no fault may bring about. */
export interface Watch {
  /** `subject` is null for whoever sent no session. */
  answered(reply: Seen, question: Partial<Question>, subject: string | null): void;
  /** An answer to somebody with a browser: only its error pages are looked at. */
  paged(reply: Seen): void;
  started(instance: Instance): void;
  /** `killed`: so many processes were killed on purpose. `unread`: nobody read the log for a while, and lines are missing. */
  verify(options?: VerifyOptions): void;
}
export interface VerifyOptions {
  readonly killed?: number;
  readonly unread?: boolean;
}

/** Lines reach this process a moment after the answers that they tell of. */
const settleMs = 1_000;
const unasked = (headers: Question["headers"] = {}) => headers.cookie === undefined && headers.authorization === undefined;

export function createWatch(trial: Trial, app: App, host: string): Watch {
  const bad = { strangers: [] as string[], unasked: [] as string[], nameless: [] as string[] };
  const failures: { readonly id: string; readonly at: number }[] = [];
  const started: Instance[] = [];

  const paged = ({ status, headers, body }: Seen) => {
    if (status < 400) return;
    const id = headers["x-request-id"];
    if (typeof id !== "string" || (body !== "" && !body.includes(id)))
      bad.nameless.push(`${status}, id ${String(id)}, ${(/<h1.*/.exec(body)?.[0] ?? body).slice(0, 80)}`);
    else failures.push({ id, at: performance.now() });
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
    verify: ({ killed = 0, unread = false } = {}) => {
      const none = (what: string, found: readonly string[]) => {
        if (found.length > 0) trial.hold(what, false, `${found.length}: ${found[0]?.slice(0, 200)}`, "none");
      };
      trial.hold("requests that reached the app without an identity", app.unauthenticated === 0, app.unauthenticated, "0");
      none("pages of somebody else", bad.strangers);
      none("answers 2xx to nobody", bad.unasked);
      none("error answers without a request id", bad.nameless);
      const lines = started.flatMap(({ process }) => process.lines);
      const facts = readLines(lines);
      none("lines that are no log lines", facts.torn.slice(killed));
      none("log lines about a request without its id", facts.nameless);
      none("internal errors", facts.internal);
      none("workers that ended by themselves", facts.crashed.slice(killed));
      const before = performance.now() - settleMs;
      const unlogged = failures.filter(({ id, at }) => at < before && !facts.ids.has(id));
      if (!unread) {
        none(
          "error answers that no log line tells of",
          unlogged.map(({ id }) => id),
        );
      }
      for (const { process } of started) {
        if (!isAlive(process.pid) && !process.wasStopped()) trial.hold("a gateway ended", false, process.lines.slice(-3).join(" "), "no");
      }
    },
  };
}

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
