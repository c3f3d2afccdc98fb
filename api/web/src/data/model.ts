/** What the API says, read leniently: a missing field gets the value that promises least. */

export interface Candle {
  symbol: string;
  source: string;
  interval: string;
  open_time_ms: number;
  close_time_ms: number;
  open: string | null;
  high: string | null;
  low: string | null;
  close: string | null;
  volume: string | null;
  vwap: string | null;
  trade_count: number | null;
  samples: number | null;
  last_event_ns: number | null;
  closed: boolean;
  complete: boolean;
  revision: number;
}

export type SeriesKind = "trade" | "quote";

export interface SeriesEntry {
  source: string;
  kind: SeriesKind;
  venue: string;
  instrument: string;
  primary: boolean;
  intervals: string[];
}

export interface SymbolEntry {
  symbol: string;
  name: string;
  series: SeriesEntry[];
}

export interface Pipeline {
  name: string;
  demo: boolean;
  version: string;
}

export type FeedState = "up" | "down" | "repairing" | "halted" | "ended" | "unknown";

export interface Feed {
  symbol: string;
  source: string;
  state: FeedState;
  reason: string;
  watermark_ms: number | null;
}

export interface Health {
  feeds: Feed[];
  /** The server's clock; null where it does not say. */
  timeMs: number | null;
}

export interface Alert {
  alert_id: string;
  symbol: string;
  source: string;
  alert_type: string;
  price_change_percent: number | null;
  close_price: string | null;
  timestamp_ms: number;
  severity: string;
}

export type Publication =
  | { type: "candle" | "open_bar"; seq: number; channel: string; candle: Candle }
  | { type: "alert"; seq: number; channel: string; alert: Alert }
  | { type: "feed"; seq: number; channel: string; feed: Feed };

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown, fallback = ""): string {
  return typeof value === "string" ? value : fallback;
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function decimal(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export function readCandle(value: unknown): Candle | null {
  const from = fields(value);
  const open = number(from.open_time_ms);
  const close = number(from.close_time_ms);
  if (open === null || close === null || close <= open) return null;
  return {
    symbol: text(from.symbol),
    source: text(from.source),
    interval: text(from.interval),
    open_time_ms: open,
    close_time_ms: close,
    open: decimal(from.open),
    high: decimal(from.high),
    low: decimal(from.low),
    close: decimal(from.close),
    volume: decimal(from.volume),
    vwap: decimal(from.vwap),
    trade_count: number(from.trade_count),
    samples: number(from.samples),
    last_event_ns: number(from.last_event_ns),
    closed: from.closed === true,
    complete: from.complete === true,
    revision: number(from.revision) ?? 0,
  };
}

export function readCandles(value: unknown): Candle[] {
  return list(fields(value).data)
    .map(readCandle)
    .filter((candle) => candle !== null)
    .sort((a, b) => a.open_time_ms - b.open_time_ms);
}

export function readPipeline(value: unknown): Pipeline {
  const from = fields(value);
  return {
    name: text(from.name, "crypto-pipeline"),
    demo: from.demo === true,
    version: text(from.version),
  };
}

export function readSymbols(value: unknown): SymbolEntry[] {
  return list(fields(value).symbols)
    .map(fields)
    .map((from) => ({
      symbol: text(from.symbol),
      name: text(from.name, text(from.symbol)),
      series: list(from.series).map(readSeries),
    }))
    .filter((entry) => entry.symbol !== "" && entry.series.length > 0);
}

/** The series that a symbol alone means. */
export function primaryOf(entry: SymbolEntry): SeriesEntry | undefined {
  return entry.series.find((item) => item.primary) ?? entry.series[0];
}

function readSeries(value: unknown): SeriesEntry {
  const from = fields(value);
  const intervals = list(from.intervals).map((item) => text(item)).filter((item) => item !== "");
  return {
    source: text(from.source),
    kind: from.kind === "quote" ? "quote" : "trade",
    venue: text(from.venue),
    instrument: text(from.instrument),
    primary: from.primary === true,
    intervals: intervals.length > 0 ? intervals : ["1m"],
  };
}

const FEED_STATES: readonly string[] = ["up", "down", "repairing", "halted", "ended"];

export function readFeed(value: unknown): Feed | null {
  const from = fields(value);
  const symbol = text(from.symbol);
  const source = text(from.source);
  if (symbol === "" || source === "") return null;
  const state = text(from.state);
  const watermark = number(from.watermark_ns);
  return {
    symbol,
    source,
    state: FEED_STATES.includes(state) ? (state as FeedState) : "unknown",
    reason: text(from.reason),
    // Zero and below: a series that has seen nothing yet.
    watermark_ms: watermark !== null && watermark > 0 ? Math.floor(watermark / 1e6) : null,
  };
}

export function readHealth(value: unknown): Health {
  const from = fields(value);
  const time = Date.parse(text(from.timestamp));
  return {
    feeds: list(from.feeds).map(readFeed).filter((feed) => feed !== null),
    timeMs: Number.isNaN(time) ? null : time,
  };
}

function readAlert(value: unknown): Alert | null {
  const from = fields(value);
  const at = Date.parse(text(from.timestamp));
  if (text(from.alert_id) === "" || Number.isNaN(at)) return null;
  return {
    alert_id: text(from.alert_id),
    symbol: text(from.symbol),
    source: text(from.source),
    alert_type: text(from.alert_type, "ALERT"),
    price_change_percent: number(from.price_change_percent),
    close_price: decimal(from.close_price),
    timestamp_ms: at,
    severity: text(from.severity, "LOW"),
  };
}

/** A publication of the WebSocket, or null for any other frame. */
export function readPublication(value: unknown): Publication | null {
  const from = fields(value);
  const seq = number(from.seq) ?? 0;
  const channel = text(from.channel);
  switch (from.type) {
    case "candle":
    case "open_bar": {
      const candle = readCandle(from.candle);
      return candle && { type: from.type, seq, channel, candle };
    }
    case "alert": {
      const alert = readAlert(from.alert);
      return alert && { type: "alert", seq, channel, alert };
    }
    case "feed": {
      const feed = readFeed(from.feed);
      return feed && { type: "feed", seq, channel, feed };
    }
    default:
      return null;
  }
}
