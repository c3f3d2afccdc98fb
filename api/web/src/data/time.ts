/** Times as people read them: ages in two units, instants in UTC. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

const UNITS: readonly [number, string][] = [
  [YEAR_MS, "y"],
  [DAY_MS, "d"],
  [HOUR_MS, "h"],
  [MINUTE_MS, "min"],
  [SECOND_MS, "s"],
];

/** `0 s`, `45 s`, `2 min 5 s`, `3 h`: whole units rounded down, the two largest. */
export function ageText(ageMs: number): string {
  const age = Math.max(0, ageMs);
  const first = UNITS.findIndex(([width]) => age >= width);
  const unit = UNITS[first];
  if (!unit) return "0 s";
  const [width, name] = unit;
  const count = Math.floor(age / width);
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((age - count * width) / next[0]) : 0;
  return next && rest > 0 ? `${count} ${name} ${rest} ${next[1]}` : `${count} ${name}`;
}

/** `2024-08-08 23:59` in UTC; with seconds only when asked for. */
export function utcText(timeMs: number, seconds: "seconds" | "minutes" = "minutes"): string {
  const date = new Date(timeMs);
  if (Number.isNaN(date.getTime())) return "unknown time";
  return date.toISOString().slice(0, seconds === "seconds" ? 19 : 16).replace("T", " ");
}

const WIDTHS: Readonly<Record<string, number>> = {
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
  M: 30 * DAY_MS,
};

/** Width of an interval in milliseconds, a month as 30 days; for order and choice only. */
export function intervalMs(interval: string): number {
  const count = Number.parseInt(interval, 10);
  return (Number.isFinite(count) ? count : 1) * (WIDTHS[interval.slice(-1)] ?? MINUTE_MS);
}
