import { expect, test } from "vitest";
import type { HoursSpec } from "../../src/core/rules.ts";
import { createZoneClocks, isWithin, spellHours, spellTime } from "../../src/policy/request-conditions.ts";

const paris: HoursSpec = { days: ["mon", "fri"], fromMinute: 480, toMinute: 1080, zone: "Europe/Paris" };
const night: HoursSpec = { days: ["fri"], fromMinute: 1320, toMinute: 360, zone: "Europe/Paris" };
const wholeDay: HoursSpec = { days: ["sun"], fromMinute: 0, toMinute: 1440, zone: "Europe/Paris" };

test.each([
  { when: "winter Monday 08:00 in Paris", at: "2026-01-05T07:00:00Z", spec: paris, within: true },
  { when: "a minute before", at: "2026-01-05T06:59:59Z", spec: paris, within: false },
  { when: "summer Monday 08:00 in Paris, an hour earlier in UTC", at: "2026-07-06T06:00:00Z", spec: paris, within: true },
  { when: "Monday 18:00, the end", at: "2026-01-05T17:00:00Z", spec: paris, within: false },
  { when: "Tuesday noon", at: "2026-01-06T11:00:00Z", spec: paris, within: false },
  { when: "Friday 23:00 of a night shift", at: "2026-01-09T22:00:00Z", spec: night, within: true },
  { when: "Saturday 05:59, still Friday's shift", at: "2026-01-10T04:59:00Z", spec: night, within: true },
  { when: "Saturday 06:00", at: "2026-01-10T05:00:00Z", spec: night, within: false },
  { when: "Friday 05:00, Thursday's night", at: "2026-01-09T04:00:00Z", spec: night, within: false },
  { when: "Saturday 23:00", at: "2026-01-10T22:00:00Z", spec: night, within: false },
  { when: "Sunday 23:59 of a whole day", at: "2026-01-11T22:59:00Z", spec: wholeDay, within: true },
  { when: "Monday 00:00 after it", at: "2026-01-11T23:00:00Z", spec: wholeDay, within: false },
  { when: "Sunday 00:00 that is still Saturday in UTC", at: "2026-01-10T23:00:00Z", spec: wholeDay, within: true },
])("$when: $within", ({ at, spec, within }) => {
  expect(isWithin(spec, createZoneClocks()(spec.zone)(Date.parse(at)))).toBe(within);
});

test("a shift that starts on Sunday ends on Monday morning", () => {
  expect(isWithin({ ...night, days: ["sun"] }, createZoneClocks()("UTC")(Date.parse("2026-01-12T05:00:00Z")))).toBe(true);
});

test("on the day clocks go back, the hour that comes twice is within both times", () => {
  const spec: HoursSpec = { days: ["sun"], fromMinute: 120, toMinute: 180, zone: "Europe/Paris" };
  const clock = createZoneClocks()(spec.zone);
  const within = ["2026-10-24T23:59:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"].map((at) =>
    isWithin(spec, clock(Date.parse(at))),
  );
  expect(within).toEqual([false, true, true, false]);
});

test("a clock that is asked again and again moves on with the minutes, also backwards", () => {
  const clock = createZoneClocks()("UTC");
  const at = Date.parse("2026-01-05T00:00:00Z");
  expect([at, at + 59_999, at + 60_000, at - 1].map(clock)).toEqual([0, 0, 1, 7 * 1440 - 1]);
});

test("hours are spelled as people write them", () => {
  expect(spellHours(paris)).toBe("mon, fri 08:00–18:00");
  expect(spellTime(4 * 1440 + 570)).toBe("fri 09:30");
});
