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
