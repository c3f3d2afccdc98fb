/** Candles as chart items: floats for pixels, holes left open, unsure candles marked. */

import type { CandlestickData, HistogramData, UTCTimestamp, WhitespaceData } from "lightweight-charts";
import { decimalsOf, toChart } from "../data/decimal.ts";
import type { Candle, SeriesKind } from "../data/model.ts";
import type { Palette } from "./palette.ts";

/** Most empty places drawn for one hole; a longer one is shown shortened. */
const HOLE_BARS_MAX = 48;
const PRECISION_MAX = 8;
const PRECISION_SAMPLE = 500;

export type PriceItem = CandlestickData<UTCTimestamp> | WhitespaceData<UTCTimestamp>;
export type VolumeItem = HistogramData<UTCTimestamp> | WhitespaceData<UTCTimestamp>;

export function chartTime(openTimeMs: number): UTCTimestamp {
  return (openTimeMs / 1_000) as UTCTimestamp;
}

/** A closed window of trades that is not known to be whole. Quotes never are, so say nothing. */
export function incomplete(candle: Candle, kind: SeriesKind): boolean {
  return kind === "trade" && candle.closed && !candle.complete;
}

/** Open times of the windows between two candles that have no row, at most `HOLE_BARS_MAX`. */
export function holeBetween(before: Candle, after: Candle): number[] {
  const width = before.close_time_ms - before.open_time_ms;
  const missing = Math.floor((after.open_time_ms - before.close_time_ms) / width);
  const count = Math.min(Math.max(0, missing), HOLE_BARS_MAX);
  return Array.from({ length: count }, (_, index) => before.close_time_ms + index * width);
}

export function priceItem(candle: Candle, kind: SeriesKind, palette: Palette): PriceItem {
  const time = chartTime(candle.open_time_ms);
  const open = toChart(candle.open);
  const high = toChart(candle.high);
  const low = toChart(candle.low);
  const close = toChart(candle.close);
  if (open === null || high === null || low === null || close === null) return { time };
  const item = { time, open, high, low, close };
  if (incomplete(candle, kind)) {
    return { ...item, color: palette.unsure, borderColor: palette.unsureLine, wickColor: palette.unsureLine };
  }
  // An open window is drawn hollow.
  return candle.closed ? item : { ...item, color: palette.surface };
}

export function volumeItem(candle: Candle, kind: SeriesKind, palette: Palette): VolumeItem {
  const time = chartTime(candle.open_time_ms);
  const value = toChart(candle.volume);
  if (value === null) return { time };
  if (incomplete(candle, kind)) return { time, value, color: palette.unsure };
  const open = toChart(candle.open) ?? 0;
  return { time, value, color: (toChart(candle.close) ?? 0) < open ? palette.volumeDown : palette.volumeUp };
}

/** Every candle, with empty places where windows have no row. */
export function withHoles<T>(
  candles: readonly Candle[],
  item: (candle: Candle) => T,
): (T | WhitespaceData<UTCTimestamp>)[] {
  const items: (T | WhitespaceData<UTCTimestamp>)[] = [];
  let before: Candle | undefined;
  for (const candle of candles) {
    const hole = before ? holeBetween(before, candle) : [];
    for (const open of hole) items.push({ time: chartTime(open) });
    items.push(item(candle));
    before = candle;
  }
  return items;
}

/** Decimals that the prices of a series carry, of its newest candles. */
export function precisionOf(candles: readonly Candle[]): number {
  let most = 0;
  for (const { close, high, low } of candles.slice(-PRECISION_SAMPLE)) {
    for (const price of [close, high, low]) {
      if (price !== null) most = Math.max(most, decimalsOf(price));
    }
  }
  return Math.min(most, PRECISION_MAX);
}
