import type { HoursSpec, Weekday } from "../core/rules.ts";
import { remember } from "../lib/collections.ts";
import { parseAddress, parseNetworks } from "../lib/networks.ts";
import { type Condition, hit, isTrue, miss, type Truth, unknown } from "./condition.ts";
import { compileGlob } from "./glob.ts";
import { some } from "./visitor-conditions.ts";

/** Per condition: there may be many more clients than memory for them. */
const rememberedClients = 1_000;

/** HEAD is not GET: a rule that means both names both. */
export function methods(wanted: readonly string[]): Condition {
  const accepted = new Set(wanted.map((method) => method.toUpperCase()));
  return {
    truth: ({ incoming }) => isTrue(accepted.has(incoming.method)),
    words: ({ incoming }) => `methods: ${incoming.method}, wanted ${some(wanted)}`,
  };
}

/** Globs on the reading that is being judged; the query takes no part. */
export function paths(wanted: readonly string[]): Condition {
  const globs = wanted.map(compileGlob);
  return {
    truth: ({ reading }) => {
      for (const matches of globs) if (matches(reading)) return hit;
      return miss;
    },
    words: ({ reading }) => `paths: ${reading}, wanted ${some(wanted)}`,
  };
}

/** The client's address, judged behind trusted proxies only. What is no IP address is unknown. */
export function networks(wanted: readonly string[]): Condition {
  const list = parseNetworks(wanted);
  const judge = (client: string): Truth => {
    if (list.has(client)) return hit;
    return parseAddress(client) === null ? unknown : miss;
  };
  // Reading an address costs more than all the rest of a decision; the same few come again and again.
  const remembered = new Map<string, Truth>();
  return {
    truth: ({ incoming: { client } }) => {
      const known = remembered.get(client);
      if (known !== undefined) return known;
      const truth = judge(client);
      remember(remembered, rememberedClients, client, truth);
      return truth;
    },
    words: ({ incoming }) => `networks: from ${incoming.client === "" ? "an unknown address" : incoming.client}, wanted ${some(wanted)}`,
  };
}

export function hoursCondition(spec: HoursSpec, zones: ZoneClocks): Condition {
  const clock = zones(spec.zone);
  return {
    truth: ({ now }) => isTrue(isWithin(spec, clock(now))),
    words: ({ now }) => `hours: it is ${spellTime(clock(now))} in ${spec.zone}, wanted ${spellHours(spec)}`,
  };
}

const days: readonly Weekday[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/**
 * `true` when the minute of the week lies in the span, its end excluded. A span over midnight belongs
 * to the day on which it starts: `fri 22:00–06:00` ends on Saturday morning.
 */
export function isWithin(spec: HoursSpec, minuteOfWeek: number): boolean {
  const minute = minuteOfWeek % 1440;
  const today = Math.floor(minuteOfWeek / 1440);
  if (spec.fromMinute < spec.toMinute) return isDay(spec, today) && minute >= spec.fromMinute && minute < spec.toMinute;
  return (isDay(spec, today) && minute >= spec.fromMinute) || (isDay(spec, today + 6) && minute < spec.toMinute);
}

function isDay(spec: HoursSpec, day: number): boolean {
  const name = days[day % 7];
  return name !== undefined && spec.days.includes(name);
}

/** `mon, fri 08:00–18:00`. */
export function spellHours(spec: HoursSpec): string {
  return `${spec.days.join(", ")} ${spellMinute(spec.fromMinute)}–${spellMinute(spec.toMinute)}`;
}

/** `fri 09:30`. */
export function spellTime(minuteOfWeek: number): string {
  return `${days[Math.floor(minuteOfWeek / 1440)] ?? "?"} ${spellMinute(minuteOfWeek % 1440)}`;
}

function spellMinute(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** The minute of the week on a wall clock: Monday 00:00 is 0, Sunday 23:59 is 10079. */
export type WallClock = (now: number) => number;

/** The wall clock of an IANA time zone. */
export type ZoneClocks = (zone: string) => WallClock;

const dayNumbers: Readonly<Record<string, number>> = { Mon: 0, Tue: 1, Wed: 2, Thu: 3, Fri: 4, Sat: 5, Sun: 6 };

/** One Intl.DateTimeFormat per zone: making one costs more than a hundred requests. */
export function createZoneClocks(): ZoneClocks {
  const clocks = new Map<string, WallClock>();
  return (zone) => {
    const clock = clocks.get(zone) ?? createWallClock(zone);
    clocks.set(zone, clock);
    return clock;
  };
}

/** Daylight saving comes with the zone. The answer of the current minute is kept: a formatter takes microseconds. */
function createWallClock(zone: string): WallClock {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
  let keptMinute = Number.NaN;
  let kept = 0;
  return (now) => {
    const minute = Math.floor(now / 60_000);
    if (minute === keptMinute) return kept;
    const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
    const day = dayNumbers[parts.get("weekday") ?? ""] ?? Number.NaN;
    kept = day * 1440 + Number(parts.get("hour")) * 60 + Number(parts.get("minute"));
    keptMinute = minute;
    return kept;
  };
}
