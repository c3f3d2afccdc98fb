/** Every symbol's last price, change and shape. */

import { toChart } from "./data/decimal.ts";
import { primaryOf, type Candle } from "./data/model.ts";
import { finestInterval, overviewInterval, sinceDayBefore } from "./data/ticker.ts";
import * as api from "./net/api.ts";
import * as state from "./state.ts";

/** A day of quarters of an hour, and the one before it. */
const OVERVIEW_CANDLES = 97;
const OVERVIEW_PARALLEL = 4;

/** Takes the last price from a live candle of the finest interval of a primary source. */
export function noteLast(candle: Candle): void {
  const entry = state.symbols.value?.find((item) => item.symbol === candle.symbol);
  const primary = entry && primaryOf(entry);
  if (primary?.source !== candle.source || candle.close === null) return;
  if (candle.interval === finestInterval(primary.intervals)) setLast(candle.symbol, candle.close);
}

/** Reads all symbols anew, a few at a time. */
export async function readOverview(): Promise<void> {
  if (document.hidden) return;
  const queue = [...(state.symbols.value ?? [])];
  const work = async (): Promise<void> => {
    for (let entry = queue.shift(); entry; entry = queue.shift()) {
      const primary = primaryOf(entry);
      if (!primary) continue;
      const interval = overviewInterval(primary.intervals);
      const wanted = { symbol: entry.symbol, source: primary.source, interval };
      const candles = await api.fetchNewest(wanted, OVERVIEW_CANDLES).catch(() => []);
      const newest = candles.findLast((candle) => candle.close !== null)?.close ?? null;
      const last = state.tickers.value.get(entry.symbol)?.last ?? newest;
      const closes = candles.map((c) => toChart(c.close)).filter((close) => close !== null);
      const ticker = { last, since: sinceDayBefore(candles), closes };
      state.tickers.value = new Map(state.tickers.value).set(entry.symbol, ticker);
    }
  };
  await Promise.all(Array.from({ length: OVERVIEW_PARALLEL }, work));
}

function setLast(symbol: string, last: string): void {
  const known = state.tickers.value.get(symbol);
  if (known?.last === last) return;
  const next = { since: null, closes: [], ...known, last };
  state.tickers.value = new Map(state.tickers.value).set(symbol, next);
}
