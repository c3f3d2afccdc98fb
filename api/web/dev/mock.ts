/**
 * The API's contract over a made-up market, for `npm run dev` and `npm run preview`.
 * `MOCK` chooses what happens: demo (default), venue, empty, down, error, replay, nodata.
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { WebSocketServer, type WebSocket } from "ws";
import { candle, INTERVALS, MINUTE, SERIES, widthOf, type MockSeries } from "./market.ts";

const HISTORY_MS = { demo: 6 * 60 * MINUTE, venue: 20 * 1440 * MINUTE };
const LIVE_MS = 250;
const HEARTBEAT_MS = 15_000;
const REPLAY_BEHIND_MS = 600 * 1440 * MINUTE;
const ROWS_MAX = 1_000;
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws:; img-src 'self' data:";

const scenario = process.env.MOCK ?? "demo";
const began = marketNow();

function marketNow(): number {
  return Date.now() - (scenario === "replay" ? REPLAY_BEHIND_MS : 0);
}

/** Where the series' own time stands: behind for those that are not up. */
function stands(series: MockSeries): number {
  if (series.symbol === "ADA") return began - (began % MINUTE) - 90 * MINUTE;
  if (scenario === "down" || series.symbol === "SOL") return began - 40_000;
  return marketNow() - 400;
}

function feed(series: MockSeries) {
  const base = { symbol: series.symbol, source: series.source, watermark_ns: stands(series) * 1_000_000, reason: "" };
  if (series.symbol === "ADA") return { ...base, state: "ended" };
  if (scenario === "down") return { ...base, state: "down", reason: "the venue closed the connection" };
  if (series.symbol === "SOL") return { ...base, state: "repairing", reason: "fetching 1,204 missed trades" };
  return { ...base, state: "up" };
}

function candles(series: MockSeries, query: URLSearchParams) {
  const interval = query.get("interval") ?? "1m";
  const width = widthOf(interval);
  const now = stands(series);
  const oldest = now - (scenario === "demo" ? HISTORY_MS.demo : HISTORY_MS.venue);
  const end = Math.min(Number(query.get("end") ?? now), now);
  const start = Math.max(Number(query.get("start") ?? 0), oldest);
  const limit = Math.min(ROWS_MAX, Number(query.get("limit") ?? 500));
  const rows = [];
  // Closed candles only, newest first, as many as wanted.
  for (let open = Math.floor((end - 1) / width) * width; open >= start && rows.length < limit; open -= width) {
    const found = open + width <= now ? candle(series, interval, open, now) : null;
    if (found) rows.unshift(found);
  }
  return rows;
}

function answer(url: URL): unknown {
  if (scenario === "error") return undefined;
  const series = scenario === "empty" ? [] : SERIES;
  if (url.pathname === "/api/v1/pipeline") {
    return { name: "majors", demo: scenario === "demo", version: "0.1.0", series };
  }
  if (url.pathname === "/api/v1/symbols") {
    const names = [...new Set(series.map((item) => item.symbol))];
    return { count: names.length, symbols: names.map((symbol) => entryOf(symbol)) };
  }
  if (url.pathname === "/health") {
    return { status: "ok", timestamp: new Date().toISOString(), services: {}, feeds: series.map(feed) };
  }
  const symbol = url.pathname.match(/^\/api\/v1\/candles\/(\w+)$/)?.[1];
  const wanted = series.find((item) => item.symbol === symbol && item.source === url.searchParams.get("source"));
  if (!wanted) return undefined;
  return { data: scenario === "nodata" ? [] : candles(wanted, url.searchParams), next_cursor: null, as_of: null };
}

function entryOf(symbol: string) {
  const series = SERIES.filter((item) => item.symbol === symbol);
  return { symbol, name: series[0]?.name, slug: symbol.toLowerCase(), series: series.map((item) => ({ ...item, intervals: INTERVALS })) };
}

function serve(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (!url.pathname.startsWith("/api/") && url.pathname !== "/health") return next();
  const body = answer(url);
  if (url.searchParams.get("format") === "csv") {
    const rows = (body as { data: Record<string, unknown>[] }).data;
    response.setHeader("content-type", "text/csv");
    response.end([Object.keys(rows[0] ?? {}).join(), ...rows.map((item) => Object.values(item).join())].join("\n"));
    return;
  }
  response.statusCode = body === undefined ? 503 : 200;
  response.setHeader("content-type", body === undefined ? "application/problem+json" : "application/json");
  response.end(JSON.stringify(body ?? { title: "Unavailable", detail: "The store is not open yet.", code: "unavailable" }));
}

function talk(socket: WebSocket): void {
  const channels = new Set<string>();
  const seqs = new Map<string, number>();
  const publish = (channel: string, type: string, body: object, numbered: boolean) => {
    const seq = (seqs.get(channel) ?? 100) + (numbered ? 1 : 0);
    seqs.set(channel, seq);
    socket.send(JSON.stringify({ type, channel, seq, ...body }));
  };
  const push = (channel: string, before: number, first: boolean) => {
    const [symbol, source, what = ""] = channel.split(":");
    const series = SERIES.find((item) => item.symbol === symbol && item.source === source);
    if (!series || scenario === "nodata") return;
    if (what === "feed") return first ? publish(channel, "feed", { feed: feed(series) }, true) : undefined;
    if (what === "alerts") return first && symbol === "ETH" ? publish(channel, "alert", { alert: alert(series) }, true) : undefined;
    const now = stands(series);
    const open = now - (now % widthOf(what));
    if (!first && before < open && now > before) {
      publish(channel, "candle", { candle: candle(series, what, open - widthOf(what), now) }, true);
    }
    const bar = candle(series, what, open, now);
    if (bar && (first || now > before)) publish(channel, "open_bar", { candle: bar }, false);
  };
  let before = marketNow();
  const bars = setInterval(() => {
    for (const channel of channels) push(channel, before - 400, false);
    before = marketNow();
  }, LIVE_MS);
  const beats = setInterval(() => socket.send(JSON.stringify({ type: "heartbeat", time: Date.now() })), HEARTBEAT_MS);
  socket.on("message", (data) => {
    const { op, channels: named } = JSON.parse(String(data)) as { op: string; channels: string[] };
    socket.send(JSON.stringify({ type: "ack", op, channels: named }));
    for (const channel of named) {
      if (op === "unsubscribe") channels.delete(channel);
      else channels.add(channel) && push(channel, before, true);
    }
  });
  socket.on("close", () => {
    clearInterval(bars);
    clearInterval(beats);
  });
}

function alert(series: MockSeries) {
  const at = new Date(marketNow() - 7 * MINUTE).toISOString();
  return {
    alert_id: `${series.symbol}:${series.source}:price_change:up:1m:${at}`, symbol: series.symbol, source: series.source,
    alert_type: "PRICE_SPIKE", rule: "price_change", price_change_percent: 6.1, open_price: "2684.12", close_price: "2847.85",
    window_start: at, window_end: at, timestamp: at, severity: "LOW", z_score: 5.2,
  };
}

function attach(server: Server): void {
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (request.url !== "/ws/v1") return;
    sockets.handleUpgrade(request, socket, head, talk);
  });
}

export function mock(): Plugin {
  return {
    name: "mock-api",
    configureServer(server) {
      server.middlewares.use(serve);
      if (server.httpServer) attach(server.httpServer as Server);
    },
    configurePreviewServer(server) {
      server.middlewares.use((_request, response, next) => {
        response.setHeader("content-security-policy", CSP);
        next();
      });
      server.middlewares.use(serve);
      attach(server.httpServer as Server);
    },
  };
}
