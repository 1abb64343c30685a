import type { AccessLog, AccessRecord } from "../core/ports/log.ts";
import { timingBoundsSeconds as boundsSeconds } from "../core/ports/metrics.ts";
import { rememberPerName } from "../lib/collections.ts";
import { type LogDeps, lineFormatter } from "./log.ts";

/** Proxied requests for Prometheus, counted in plain numbers: three metric look-ups per request cost a microsecond. */
interface RequestTally {
  count(record: AccessRecord): void;
  /** In the text exposition format, ends with a newline; the empty string before the first request. */
  text(): string;
}

interface RouteCells {
  /** By decision, then by the first digit of the status (0 = none): no label is put together for a request that only counts. */
  readonly requests: Map<AccessRecord["decision"], number[]>;
  readonly duration: Timing;
  readonly upstream: Timing;
  readonly gateway: Timing;
  bytes: number;
}
interface Timing {
  /** One more than the bounds: the last counts what is longer than all of them. */
  readonly buckets: number[];
  sumSeconds: number;
}

/** Counts requests by route. Routes come from the configuration, never from clients, so the number of series is bounded. */
export function createRequestTally(): RequestTally {
  const routes = new Map<string, RouteCells>();
  return {
    count(record) {
      const route = record.route ?? "none";
      let cells = routes.get(route);
      if (cells === undefined) {
        cells = { requests: new Map(), duration: newTiming(), upstream: newTiming(), gateway: newTiming(), bytes: 0 };
        routes.set(route, cells);
      }
      let counts = cells.requests.get(record.decision);
      if (counts === undefined) {
        counts = [0, 0, 0, 0, 0, 0];
        cells.requests.set(record.decision, counts);
      }
      const { status } = record;
      const digit = status >= 100 && status < 600 ? Math.floor(status / 100) : 0;
      counts[digit] = (counts[digit] ?? 0) + 1;
      cells.bytes += record.bytesSent;
      // A tunnel lasts as long as its user likes; its duration says nothing about speed.
      if (!record.websocket) observe(cells.duration, record.durationMs / 1000);
      if (record.gatewayMs !== undefined) observe(cells.gateway, record.gatewayMs / 1000);
      if (record.upstreamMs !== null) observe(cells.upstream, record.upstreamMs / 1000);
    },
    text: () => (routes.size === 0 ? "" : [...requestLines(routes), ""].join("\n")),
  };
}

/** A route begins with its app's id, the first host; where no route was found there is no app. */
function appOf(route: string): string {
  const slash = route.indexOf("/");
  return slash === -1 ? route : route.slice(0, slash);
}

const newTiming = (): Timing => ({ buckets: new Array<number>(boundsSeconds.length + 1).fill(0), sumSeconds: 0 });

function observe(timing: Timing, seconds: number): void {
  let index = 0;
  while (index < boundsSeconds.length && seconds > (boundsSeconds[index] ?? 0)) index += 1;
  timing.buckets[index] = (timing.buckets[index] ?? 0) + 1;
  timing.sumSeconds += seconds;
}

function* requestLines(routes: ReadonlyMap<string, RouteCells>): Iterable<string> {
  yield* header("vestibule_requests_total", "counter", "Requests by app, route, decision and class of status.");
  for (const [route, { requests }] of routes) {
    for (const [decision, counts] of requests) {
      for (const [digit, count] of counts.entries()) {
        if (count === 0) continue;
        const status = digit === 0 ? "none" : `${digit}xx`;
        yield `vestibule_requests_total{app="${escapeLabel(appOf(route))}",route="${escapeLabel(route)}",decision="${decision}",status="${status}"} ${count}`;
      }
    }
  }
  yield* header("vestibule_response_bytes_total", "counter", "Body bytes sent to clients.");
  for (const [route, { bytes }] of routes) yield `vestibule_response_bytes_total{route="${escapeLabel(route)}"} ${bytes}`;
  yield* header(
    "vestibule_request_duration_seconds",
    "histogram",
    "From the request's head to the last byte of its answer, without tunnels.",
  );
  for (const [route, { duration }] of routes) yield* timingLines("vestibule_request_duration_seconds", route, duration);
  yield* header(
    "vestibule_gateway_duration_seconds",
    "histogram",
    "The gateway's own part: until a request is handed on, or answered by itself.",
  );
  for (const [route, { gateway }] of routes) yield* timingLines("vestibule_gateway_duration_seconds", route, gateway);
  yield* header("vestibule_upstream_duration_seconds", "histogram", "From the forwarded request to the head of the upstream's answer.");
  for (const [route, { upstream }] of routes) yield* timingLines("vestibule_upstream_duration_seconds", route, upstream);
}

function* header(name: string, type: string, help: string): Iterable<string> {
  yield `# HELP ${name} ${help}`;
  yield `# TYPE ${name} ${type}`;
}

function* timingLines(name: string, route: string, { buckets, sumSeconds }: Timing): Iterable<string> {
  const label = `route="${escapeLabel(route)}"`;
  let count = 0;
  for (const [index, bound] of [...boundsSeconds, "+Inf"].entries()) {
    count += buckets[index] ?? 0;
    yield `${name}_bucket{${label},le="${bound}"} ${count}`;
  }
  yield `${name}_sum{${label}} ${sumSeconds}`;
  yield `${name}_count{${label}} ${count}`;
}

const escapeLabel = (value: string): string => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/**
 * One line per request, in the log's own format.
 *
 * It is on the path of every request, so the JSON is put together by hand: under a microsecond, a third of a general
 * logger's time. Whatever a client can influence goes through JSON.stringify, which leaves no line break and no quote.
 */
export function createAccessLog({ level, format, write, pid, clock }: LogDeps): AccessLog {
  if (level === "warn" || level === "error") return () => {};
  const formatLine = lineFormatter(format);
  const head = `{"level":"info","time":"`;
  const afterTime = `","pid":${pid},"request":`;
  const timestamp = createTimestamp();
  const accessFields = createAccessFields();
  return (record) => {
    const line = `${head}${timestamp(clock())}${afterTime}${accessFields(record)},"msg":"request"}\n`;
    write(format === "json" ? line : formatLine(line));
  };
}

/**
 * What repeats from request to request (methods, hosts, routes, rules) is quoted once. JSON.stringify makes one flat text of
 * it; what is put together with `+` is copied piece by piece when the line is written, and the pieces are half of a line's cost.
 */
function createAccessFields(): (record: AccessRecord) => string {
  const often = rememberPerName((text) => JSON.stringify(text));
  const oftenOrNull = (text: string | null): string => (text === null ? "null" : often(text));
  const callers = new WeakMap<Exclude<AccessRecord["principal"], null>, Caller>();
  /** Of a session's requests only the first is written out: the next ones come with the same browser. */
  const callerOf = (record: AccessRecord): string => {
    const { principal, via, session, userAgent } = record;
    if (principal === null) return callerText(record);
    const known = callers.get(principal);
    if (known !== undefined && known.via === via && known.session === session && known.userAgent === userAgent) return known.text;
    // Made flat, and the browser's words copied: what was cut from a long header would keep all of it in memory.
    const made = { via, session, userAgent: userAgent === null ? null : flat(userAgent), text: flat(callerText(record)) };
    callers.set(principal, made);
    return made.text;
  };
  return (record) =>
    `${quote(record.id)},"client":${quote(record.client)},"method":${often(record.method)},"host":${often(record.host)}` +
    `,"path":${quote(record.path)},"route":${oftenOrNull(record.route)}` +
    `${callerOf(record)},"decision":"${record.decision}","reason":${oftenOrNull(record.reason)},"rule":${oftenOrNull(record.rule)}` +
    (record.shadow === null ? "" : `,"shadow":"${record.shadow}"`) +
    `,"status":${record.status},"bytes":${record.bytesSent},"ms":${tenths(record.durationMs)}` +
    `,"upstreamMs":${record.upstreamMs === null ? "null" : tenths(record.upstreamMs)}` +
    traceField(record) +
    (record.websocket ? `,"websocket":true` : "") +
    (record.aborted ? `,"aborted":true` : "");
}

/** Who asks, as it stands in the lines of one session. */
interface Caller {
  readonly via: AccessRecord["via"];
  readonly session: string | null;
  readonly userAgent: string | null;
  readonly text: string;
}

function callerText({ principal, via, session, userAgent }: AccessRecord): string {
  const person = principal === null ? null : { provider: principal.provider, subject: principal.subject, email: principal.email };
  return `,"principal":${JSON.stringify(person)},"via":${JSON.stringify(via)},"session":${JSON.stringify(session)},"agent":${JSON.stringify(userAgent)}`;
}

const flat = (text: string): string => Buffer.from(text, "utf8").toString("utf8");

function traceField({ trace }: AccessRecord): string {
  return trace == null || trace.traceparent === "" ? "" : `,"trace":"${trace.traceparent.slice(3, 35)}"`;
}

const plainText = /^[ !#-[\]-~]*$/;
/** Most text needs no escape, and finding that out is twice as fast as JSON.stringify. */
const quote = (text: string): string => (plainText.test(text) ? `"${text}"` : JSON.stringify(text));

/** Milliseconds with one decimal; written from integers, which is four times as fast as from a fraction. */
function tenths(milliseconds: number): string {
  const count = Math.round(milliseconds * 10);
  return count >= 0 ? `${Math.floor(count / 10)}.${count % 10}` : "0.0";
}

/** ISO 8601; the part down to the second is made once per second. */
function createTimestamp(): (time: number) => string {
  let second = Number.NaN;
  let prefix = "";
  return (time) => {
    const now = Math.floor(time / 1000);
    if (now !== second) {
      second = now;
      prefix = new Date(now * 1000).toISOString().slice(0, 20);
    }
    return `${prefix}${String(Math.floor(time - now * 1000)).padStart(3, "0")}Z`;
  };
}
