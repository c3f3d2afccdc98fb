/** What a symbol's overview is made of: which candles, and from when a change counts. */

import { intervalMs } from "./time.ts";
import type { Candle } from "./model.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Coarsest candle that a change over a day is taken from. */
const COARSEST_MS = 1_800_000;

/** What a change is measured from. */
export interface Since {
  open: string;
  /** `24 h`, or less where the history is shorter. */
  span: string;
}

/** The interval whose candles show a day in the fewest points that still show its shape. */
export function overviewInterval(intervals: readonly string[]): string {
  const sorted = [...intervals].sort((a, b) => intervalMs(a) - intervalMs(b));
  return sorted.findLast((item) => intervalMs(item) <= COARSEST_MS) ?? sorted[0] ?? "1m";
}

/** The smallest interval: its open bar has the last price soonest. */
export function finestInterval(intervals: readonly string[]): string {
  return [...intervals].sort((a, b) => intervalMs(a) - intervalMs(b))[0] ?? "1m";
}

/** The price 24 hours before the last candle's close, or the first one known. */
export function sinceDayBefore(candles: readonly Candle[]): Since | null {
  const end = candles[candles.length - 1];
  if (!end) return null;
  const wanted = end.close_time_ms - DAY_MS;
  const start = candles.find((c) => c.open_time_ms >= wanted && c.open !== null);
  if (!start || start.open === null) return null;
  const hours = Math.round((end.close_time_ms - start.open_time_ms) / HOUR_MS);
  return hours < 1 ? null : { open: start.open, span: `${hours} h` };
}
