/** The page's life: load, subscribe, merge, come back after a loss. Writes `state`, with `overview.ts`. */

import { batch } from "@preact/signals";
import { CANDLES_MAX, follows, type Merge } from "./data/book.ts";
import { primaryOf, readPublication, type Candle, type Publication } from "./data/model.ts";
import { finestInterval } from "./data/ticker.ts";
import * as api from "./net/api.ts";
import { Live, type Connection } from "./net/live.ts";
import { noteLast, readOverview } from "./overview.ts";
import * as state from "./state.ts";

const TICK_MS = 1_000;
const HEALTH_MS = 5_000;
const OVERVIEW_MS = 300_000;
const RETRY_MS = 4_000;
const ALERTS_MAX = 50;

type ChartListener = (change: Merge | "all", candle: Candle | null) => void;

let live: Live | null = null;
let loadTimer: ReturnType<typeof setTimeout> | undefined;
let candlesTimer: ReturnType<typeof setTimeout> | undefined;
let loading: AbortController | null = null;
let olderDone = false;
let clockOffsetMs = 0;
let refetching = false;
const seqs = new Map<string, number>();
const chartListeners = new Set<ChartListener>();

/** Tells a chart what changed in the book. Returns how to stop. */
export function onBook(listener: ChartListener): () => void {
  chartListeners.add(listener);
  return () => chartListeners.delete(listener);
}

export async function start(): Promise<void> {
  setInterval(tick, TICK_MS);
  setInterval(() => void readHealth(), HEALTH_MS);
  setInterval(() => void readOverview(), OVERVIEW_MS);
  await load();
}

/** Loads the page's frame; tries again until it has it. */
export async function load(): Promise<void> {
  clearTimeout(loadTimer);
  try {
    const [pipeline, symbols] = await Promise.all([api.fetchPipeline(), api.fetchSymbols(), readHealth()]);
    const known = state.pipeline.value;
    if (known && JSON.stringify(known) !== JSON.stringify(pipeline)) {
      // Another pipeline or version answers here: nothing on this page may outlive that.
      location.reload();
      return;
    }
    batch(() => {
      state.pipeline.value = pipeline;
      state.symbols.value = symbols;
      state.failure.value = null;
    });
    if (symbols.length === 0) {
      loadTimer = setTimeout(() => void load(), RETRY_MS);
      return;
    }
    choose(fromUrl());
    connect();
    void readOverview();
  } catch (error) {
    state.failure.value = sentenceOf(error);
    loadTimer = setTimeout(() => void load(), RETRY_MS);
  }
}

/** Shows another series or interval; what does not exist becomes the nearest that does. */
export function choose(wanted: Partial<api.Choice>): void {
  const symbols = state.symbols.value ?? [];
  const entry = symbols.find((item) => item.symbol === wanted.symbol) ?? symbols[0];
  const primary = entry && primaryOf(entry);
  const series = entry?.series.find((item) => item.source === wanted.source) ?? primary;
  if (!entry || !series) return;
  const fallback = series.intervals.includes("5m") ? "5m" : finestInterval(series.intervals);
  const interval = series.intervals.find((item) => item === wanted.interval) ?? fallback;
  const next = { symbol: entry.symbol, source: series.source, interval };
  const known = state.choice.value;
  if (known && channelOf(known) === channelOf(next)) return;
  history.replaceState(null, "", `?${new URLSearchParams(next)}`);
  batch(() => {
    state.choice.value = next;
    state.hovered.value = null;
    state.advancedMs.value = null;
  });
  live?.setChannels(channels());
  void showNewest("anew");
}

/** Loads the page of candles before the oldest one shown. */
export async function loadOlder(): Promise<void> {
  const wanted = state.choice.value;
  const first = state.book.candles[0];
  if (!wanted || !first || olderDone || loading || state.book.candles.length >= CANDLES_MAX) return;
  const call = new AbortController();
  loading = call;
  try {
    const page = await api.fetchBefore(wanted, first.open_time_ms, api.ROWS_MAX, call.signal);
    if (loading !== call) return;
    olderDone = state.book.prepend(page) === 0;
    if (!olderDone) changed("all", null);
  } catch {
    // The next scroll asks again.
  } finally {
    if (loading === call) loading = null;
  }
}

export function retryNow(): void {
  live?.retryNow();
}

async function showNewest(how: "anew" | "again"): Promise<void> {
  const wanted = state.choice.value;
  if (!wanted) return;
  clearTimeout(candlesTimer);
  loading?.abort();
  const call = new AbortController();
  loading = call;
  state.book.expectPage();
  if (how === "anew") {
    state.book.rebase([]);
    state.book.expectPage();
    state.phase.value = { name: "loading" };
    changed("all", null);
  }
  try {
    const page = await api.fetchNewest(wanted, api.ROWS_MAX, call.signal);
    if (loading !== call) return;
    state.book.rebase(page);
    olderDone = page.length === 0;
    state.phase.value = { name: state.book.candles.length > 0 ? "ready" : "empty" };
    changed("all", null);
  } catch (error) {
    if (call.signal.aborted) return;
    if (state.book.candles.length === 0) {
      state.phase.value = { name: "failed", sentence: sentenceOf(error) };
    }
    candlesTimer = setTimeout(() => void showNewest("again"), RETRY_MS);
  } finally {
    if (loading === call) loading = null;
  }
}

function connect(): void {
  if (live) return;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  live = new Live(`${scheme}//${location.host}/ws/v1`, { frame, connection });
  live.setChannels(channels());
  live.connect();
}

function connection(now: Connection): void {
  const before = state.connection.value.state;
  state.connection.value = now;
  if (now.state !== "open") return;
  seqs.clear();
  if (before !== "lost") return;
  void load().then(() => showNewest("again"));
}

function frame(value: Record<string, unknown>): void {
  if (value.type === "heartbeat" && typeof value.time === "number") {
    clockOffsetMs = value.time - Date.now();
    return;
  }
  const publication = readPublication(value);
  if (publication) batch(() => take(publication));
}

function take(publication: Publication): void {
  if (publication.type !== "open_bar") {
    const { channel, seq } = publication;
    const hole = !follows(seqs.get(channel), seq);
    seqs.set(channel, Math.max(seq, seqs.get(channel) ?? 0));
    if (hole && isShown(channel)) refetch();
  }
  switch (publication.type) {
    case "candle":
    case "open_bar":
      takeCandle(publication.candle);
      return;
    case "alert": {
      const others = state.alerts.value.filter((a) => a.alert_id !== publication.alert.alert_id);
      state.alerts.value = [publication.alert, ...others]
        .sort((a, b) => b.timestamp_ms - a.timestamp_ms)
        .slice(0, ALERTS_MAX);
      return;
    }
    case "feed": {
      const { feed } = publication;
      const key = state.seriesKey(feed.symbol, feed.source);
      // A state is published when it changes; its watermark may be older than the one we know.
      const known = state.feeds.value.get(key)?.watermark_ms ?? null;
      const watermark_ms = Math.max(known ?? 0, feed.watermark_ms ?? 0) || null;
      state.feeds.value = new Map(state.feeds.value).set(key, { ...feed, watermark_ms });
    }
  }
}

function takeCandle(candle: Candle): void {
  noteLast(candle);
  if (!isShown(channelOf(candle))) return;
  const before = state.dataMs.value;
  const change = state.book.merge(candle);
  if (change === "ignored") return;
  if (state.phase.value.name === "empty") state.phase.value = { name: "ready" };
  changed(change, candle);
  if ((state.dataMs.value ?? 0) > (before ?? 0)) state.advancedMs.value = serverNow();
}

function refetch(): void {
  if (refetching) return;
  refetching = true;
  void showNewest("again").finally(() => {
    refetching = false;
  });
}

function changed(change: Merge | "all", candle: Candle | null): void {
  state.bookVersion.value += 1;
  for (const listener of chartListeners) listener(change, candle);
}

function tick(): void {
  state.now.value = serverNow();
}

function serverNow(): number {
  return Date.now() + clockOffsetMs;
}

async function readHealth(): Promise<void> {
  if (state.connection.value.state === "lost" || document.hidden) return;
  try {
    const health = await api.fetchHealth();
    if (health.timeMs !== null) clockOffsetMs = health.timeMs - Date.now();
    const known = new Map(state.feeds.value);
    for (const feed of health.feeds) {
      known.set(state.seriesKey(feed.symbol, feed.source), feed);
    }
    batch(() => {
      const before = state.dataMs.value ?? 0;
      state.feeds.value = known;
      state.feedsReadMs.value = serverNow();
      if ((state.dataMs.value ?? 0) > before) state.advancedMs.value = serverNow();
    });
  } catch {
    // Ages go on growing, which is what the page should say.
  }
}

function isShown(channel: string): boolean {
  const shown = state.choice.value;
  return shown !== null && channel === channelOf(shown);
}

function channelOf(wanted: api.Choice): string {
  return `${wanted.symbol}:${wanted.source}:${wanted.interval}`;
}

/** The shown series first, then every symbol's last price, then states and alerts. */
function channels(): string[] {
  const shown = state.choice.value;
  const all = state.symbols.value ?? [];
  const primaries = all.flatMap((entry) => {
    const primary = primaryOf(entry);
    return primary ? [{ key: state.seriesKey(entry.symbol, primary.source), primary }] : [];
  });
  const wanted = [
    ...(shown ? [channelOf(shown), `${state.seriesKey(shown.symbol, shown.source)}:feed`] : []),
    ...primaries.map(({ key, primary }) => `${key}:${finestInterval(primary.intervals)}`),
    ...primaries.map(({ key }) => `${key}:alerts`),
    ...primaries.map(({ key }) => `${key}:feed`),
  ];
  return [...new Set(wanted)];
}

function fromUrl(): Partial<api.Choice> {
  return Object.fromEntries(new URLSearchParams(location.search));
}

function sentenceOf(error: unknown): string {
  return error instanceof api.ApiError ? error.message : "Something went wrong in this page.";
}
