/**
 * The candles of one series and interval, by open time. Snapshots, live updates and older pages
 * come in any order, some twice; the book ends the same.
 */

import type { Candle } from "./model.ts";

/** Most candles kept: scrolling back stops here, and live ones push the oldest out. */
export const CANDLES_MAX = 20_000;
/** Most live updates remembered while a page is on its way. */
export const PENDING_MAX = 2_000;

/** What a live candle did: nothing, a new end, the end anew, one before it anew, a new one before it. */
export type Merge = "ignored" | "appended" | "last" | "inner" | "inserted";

/** Whether `incoming` says more about a window than `known`, or the same again. */
export function supersedes(incoming: Candle, known: Candle): boolean {
  if (incoming.closed !== known.closed) return incoming.closed;
  if (incoming.closed) return incoming.revision >= known.revision;
  const newer = incoming.last_event_ns ?? 0;
  const older = known.last_event_ns ?? 0;
  if (newer !== older) return newer > older;
  return (incoming.trade_count ?? 0) >= (known.trade_count ?? 0);
}

/** Index of the first candle that opens at or after `timeMs`. */
export function lowerBound(candles: readonly Candle[], timeMs: number): number {
  let low = 0;
  let high = candles.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((candles[middle]?.open_time_ms ?? Infinity) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Book {
  candles: Candle[] = [];
  private pending: Candle[] | null = null;

  get last(): Candle | undefined {
    return this.candles[this.candles.length - 1];
  }

  at(openTimeMs: number): Candle | undefined {
    const found = this.candles[lowerBound(this.candles, openTimeMs)];
    return found?.open_time_ms === openTimeMs ? found : undefined;
  }

  /** Takes one live candle. */
  merge(candle: Candle): Merge {
    if (this.pending && this.pending.length < PENDING_MAX) this.pending.push(candle);
    return this.place(candle);
  }

  /** From here to `rebase`, live candles are also kept to be laid over the page. */
  expectPage(): void {
    this.pending = [];
  }

  /**
   * The newest page is the truth: it replaces what is known from its first candle on, then what
   * came live meanwhile is laid over it. Older candles stay only where the page joins them.
   */
  rebase(page: readonly Candle[]): void {
    const live = this.pending ?? [];
    this.pending = null;
    const first = page[0];
    if (!first) {
      this.candles = [];
    } else {
      const older = this.candles.slice(0, lowerBound(this.candles, first.open_time_ms));
      const end = older[older.length - 1];
      const joined = end !== undefined && end.close_time_ms >= first.open_time_ms;
      this.candles = joined ? [...older, ...page] : [...page];
    }
    for (const candle of live) this.place(candle);
  }

  /** Puts an older page in front. Returns how many candles were new. */
  prepend(page: readonly Candle[]): number {
    const first = this.candles[0];
    const older = first ? page.filter((c) => c.open_time_ms < first.open_time_ms) : [...page];
    this.candles = [...older, ...this.candles];
    return older.length;
  }

  private place(candle: Candle): Merge {
    const index = lowerBound(this.candles, candle.open_time_ms);
    const known = this.candles[index];
    if (known?.open_time_ms !== candle.open_time_ms) {
      this.candles.splice(index, 0, candle);
      const appended = index === this.candles.length - 1;
      if (this.candles.length > CANDLES_MAX) this.candles.shift();
      return appended ? "appended" : "inserted";
    }
    if (!supersedes(candle, known)) return "ignored";
    this.candles[index] = candle;
    return index === this.candles.length - 1 ? "last" : "inner";
  }
}

/** Whether `seq` follows `known` without a hole; what is not numbered yet always does. */
export function follows(known: number | undefined, seq: number): boolean {
  return known === undefined || seq <= known + 1;
}
