/** A made-up market for developing the page: every minute is a function of its number. */

export interface MockSeries {
  symbol: string;
  name: string;
  source: string;
  kind: "trade" | "quote";
  venue: string;
  instrument: string;
  primary: boolean;
  /** Mean price in units of 10^-decimals. */
  base: number;
  decimals: number;
  seed: number;
}

export const MINUTE = 60_000;
export const INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1d"];

const row = (
  symbol: string, name: string, source: string, kind: "trade" | "quote", instrument: string,
  primary: boolean, base: number, decimals: number, seed: number,
): MockSeries => ({
  symbol, name, source, kind, venue: kind === "quote" ? "coingecko" : "simulated", instrument, primary, base, decimals, seed,
});

export const SERIES: MockSeries[] = [
  row("BTC", "Bitcoin", "binance", "trade", "BTCUSDT", true, 6_168_599, 2, 1),
  row("BTC", "Bitcoin", "kraken", "trade", "BTC/USD", false, 6_169_010, 1, 2),
  row("BTC", "Bitcoin", "coingecko", "quote", "bitcoin", false, 6_168_700, 2, 3),
  row("ETH", "Ether", "binance", "trade", "ETHUSDT", true, 268_412, 2, 4),
  row("SOL", "Solana", "binance", "trade", "SOLUSDT", true, 15_243, 2, 5),
  row("DOGE", "Dogecoin", "binance", "trade", "DOGEUSDT", true, 10_233, 5, 6),
  row("ADA", "Cardano", "archive", "trade", "ADAUSDT", true, 34_210, 5, 7),
];

export function widthOf(interval: string): number {
  const unit = { m: MINUTE, h: 60 * MINUTE, d: 1440 * MINUTE }[interval.slice(-1)] ?? MINUTE;
  return Number.parseInt(interval, 10) * unit;
}

function noise(seed: number, n: number): number {
  let x = Math.imul(n ^ (seed * 0x9e3779b1), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

function priceAt(series: MockSeries, minute: number): number {
  const { seed, base } = series;
  let drift = 0;
  for (const [period, height] of [[7919, 0.02], [1543, 0.012], [389, 0.006], [97, 0.003], [23, 0.0016]] as const) {
    drift += height * Math.sin((2 * Math.PI * (minute + seed * 331)) / period + seed);
  }
  return Math.round(base * (1 + drift + (noise(seed, minute) - 0.5) * 0.0018));
}

/** Text of `units` at `decimals`, trailing zeros dropped as the pipeline prints them. */
export function decimal(units: bigint, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, "0");
  const text = `${digits.slice(0, digits.length - decimals)}.${digits.slice(digits.length - decimals)}`;
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const INCOMPLETE_MINUTES = 11;
const SIZE_DECIMALS = 5;

/** Whether the made-up feed missed trades in this minute. */
function unsure(minute: number, series: MockSeries): boolean {
  return (minute + series.seed * 41) % 367 < INCOMPLETE_MINUTES;
}

/** Whether the made-up feed says nothing at all about this minute. */
function missing(minute: number, series: MockSeries): boolean {
  return series.symbol === "SOL" && (minute + 90) % 700 < 14;
}

interface Sums {
  open: number; high: number; low: number; close: number; units: bigint; notional: bigint; trades: number;
}

function minuteSums(series: MockSeries, minute: number, part: number): Sums {
  const open = priceAt(series, minute);
  const path = [open];
  const steps = Math.max(1, Math.round(part * 8));
  const target = priceAt(series, minute + 1);
  for (let i = 1; i <= steps; i += 1) {
    const wave = (noise(series.seed + i, minute) - 0.5) * 0.0012 * series.base;
    path.push(Math.round(open + ((target - open) * i) / 8 + (i === 8 ? 0 : wave)));
  }
  const close = path[path.length - 1] ?? open;
  const burst = noise(series.seed + 9, minute) ** 6 * 6 + 1;
  const units = BigInt(Math.round(part * burst * (20_000_000_000 / series.base) * (0.4 + noise(series.seed, -minute)) + 1));
  const mean = BigInt(Math.round((open + close) / 2));
  return { open, high: Math.max(...path), low: Math.min(...path), close, units, notional: units * mean, trades: Math.ceil(part * burst * 140) };
}

/** The candle that opens at `openMs`, as known at `nowMs`; null where there is none. */
export function candle(series: MockSeries, interval: string, openMs: number, nowMs: number) {
  const width = widthOf(interval);
  const end = Math.min(openMs + width, nowMs);
  let sums: Sums | null = null;
  let whole = true;
  for (let at = openMs; at < end; at += MINUTE) {
    const minute = Math.floor(at / MINUTE);
    if (missing(minute, series)) { whole = false; continue; }
    whole &&= !unsure(minute, series);
    const next = minuteSums(series, minute, Math.min(1, (end - at) / MINUTE));
    sums = sums === null ? next : {
      open: sums.open, high: Math.max(sums.high, next.high), low: Math.min(sums.low, next.low), close: next.close,
      units: sums.units + next.units, notional: sums.notional + next.notional, trades: sums.trades + next.trades,
    };
  }
  if (!sums) return null;
  return shape(series, interval, openMs, nowMs, sums, whole);
}

function shape(series: MockSeries, interval: string, openMs: number, nowMs: number, sums: Sums, whole: boolean) {
  const closeMs = openMs + widthOf(interval);
  const closed = closeMs <= nowMs;
  const quote = series.kind === "quote";
  const price = (units: number) => decimal(BigInt(units), series.decimals);
  const vwap = (sums.notional * 10n ** BigInt(12 - series.decimals)) / sums.units;
  return {
    symbol: series.symbol, source: series.source, interval, open_time_ms: openMs, close_time_ms: closeMs,
    open: price(sums.open), high: price(sums.high), low: price(sums.low), close: price(sums.close),
    volume: quote ? null : decimal(sums.units, SIZE_DECIMALS),
    quote_volume: quote ? null : decimal(sums.notional, SIZE_DECIMALS + series.decimals),
    vwap: quote ? null : decimal(vwap, 12),
    trade_count: quote ? null : sums.trades,
    samples: quote ? Math.max(1, Math.round(widthOf(interval) / MINUTE)) : null,
    last_event_ns: (Math.min(closeMs, nowMs) - 1) * 1_000_000,
    closed, complete: closed && whole && !quote,
    revision: closed && noise(series.seed, openMs / MINUTE) > 0.96 ? 1 : 0,
  };
}
