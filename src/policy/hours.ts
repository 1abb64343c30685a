import type { HoursSpec, Weekday } from "../core/rules.ts";

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
