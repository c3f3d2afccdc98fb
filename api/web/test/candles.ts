import type { Candle } from "../src/data/model.ts";

export const MINUTE_MS = 60_000;

/** A closed, complete minute of `BTC:binance`, the fields of `but` apart. */
export function candle(minute: number, but: Partial<Candle> = {}): Candle {
  return {
    symbol: "BTC",
    source: "binance",
    interval: "1m",
    open_time_ms: minute * MINUTE_MS,
    close_time_ms: (minute + 1) * MINUTE_MS,
    open: "100",
    high: "102",
    low: "99",
    close: "101",
    volume: "1.5",
    vwap: "100.5",
    trade_count: 10,
    samples: null,
    last_event_ns: minute * 60e9 + 5,
    closed: true,
    complete: true,
    revision: 0,
    ...but,
  };
}
