/** What the page knows, as signals. Views read them; `page.ts` and `overview.ts` write them. */

import { computed, signal } from "@preact/signals";
import { precisionOf } from "./chart/bars.ts";
import { Book } from "./data/book.ts";
import { freshness, type Freshness } from "./data/freshness.ts";
import type { Alert, Candle, Feed, Pipeline, SeriesEntry, SymbolEntry } from "./data/model.ts";
import type { Since } from "./data/ticker.ts";
import type { Choice } from "./net/api.ts";
import type { Connection } from "./net/live.ts";

export interface Ticker {
  last: string | null;
  since: Since | null;
  closes: number[];
}

export type Phase =
  | { name: "loading" }
  | { name: "ready" }
  | { name: "empty" }
  | { name: "failed"; sentence: string };

export const pipeline = signal<Pipeline | null>(null);
export const symbols = signal<readonly SymbolEntry[] | null>(null);
/** Why the page itself could not be loaded. */
export const failure = signal<string | null>(null);
export const choice = signal<Choice | null>(null);
export const connection = signal<Connection>({ state: "connecting" });
/** The server's time, moved on every second. */
export const now = signal(Date.now());
export const feeds = signal<ReadonlyMap<string, Feed>>(new Map());
/** When `feeds` was last read, by the server's time. */
export const feedsReadMs = signal<number | null>(null);
export const tickers = signal<ReadonlyMap<string, Ticker>>(new Map());
export const alerts = signal<readonly Alert[]>([]);
export const phase = signal<Phase>({ name: "loading" });
/** The shown candles; `bookVersion` moves with every change of them. */
export const book = new Book();
export const bookVersion = signal(0);
/** When the newest data time last advanced. */
export const advancedMs = signal<number | null>(null);
/** Open time of the candle under the pointer or the keyboard cursor. */
export const hovered = signal<number | null>(null);
/** Open times of the first and last candle in sight. */
export const inSight = signal<{ from: number; to: number } | null>(null);

export function seriesKey(symbol: string, source: string): string {
  return `${symbol}:${source}`;
}

export const entry = computed<SymbolEntry | null>(() => {
  const wanted = choice.value?.symbol;
  return symbols.value?.find((item) => item.symbol === wanted) ?? null;
});

export const series = computed<SeriesEntry | null>(() => {
  const wanted = choice.value?.source;
  return entry.value?.series.find((item) => item.source === wanted) ?? null;
});

export const lastCandle = computed<Candle | null>(() => {
  void bookVersion.value;
  return book.last ?? null;
});

/** The newest candle that has a price: a covered window may lack one. */
export const lastPriced = computed<Candle | null>(() => {
  void bookVersion.value;
  return book.candles.findLast((candle) => candle.close !== null) ?? null;
});

/** Decimals that prices of the shown series are padded to, so that they do not jump. */
export const precision = computed<number>(() => {
  void bookVersion.value;
  return precisionOf(book.candles);
});

export const legendCandle = computed<Candle | null>(() => {
  void bookVersion.value;
  const open = hovered.value;
  return (open === null ? undefined : book.at(open)) ?? book.last ?? null;
});

export const feed = computed<Feed | null>(() => {
  const wanted = choice.value;
  return wanted ? (feeds.value.get(seriesKey(wanted.symbol, wanted.source)) ?? null) : null;
});

/** The newest instant that what is shown speaks for. */
export const dataMs = computed<number | null>(() => {
  const last = lastCandle.value;
  const known: number[] = [];
  if (last?.last_event_ns != null) known.push(Math.floor(last.last_event_ns / 1e6));
  if (last?.closed) known.push(last.close_time_ms);
  if (feed.value?.watermark_ms != null) known.push(feed.value.watermark_ms);
  return last && known.length > 0 ? Math.max(...known) : null;
});

export const fresh = computed<Freshness>(() => {
  const link = connection.value;
  return freshness({
    nowMs: now.value,
    dataMs: dataMs.value,
    advancedMs: advancedMs.value,
    connection: link.state,
    retryMs: link.state === "lost" ? link.retryMs : null,
    feed: feed.value?.state ?? "unknown",
    reason: feed.value?.reason ?? "",
    kind: series.value?.kind ?? "trade",
  });
});
