/** REST calls to our own origin, each with a timeout and an error that is a sentence. */

import {
  readCandles,
  readHealth,
  readPipeline,
  readSymbols,
  type Candle,
  type Health,
  type Pipeline,
  type SymbolEntry,
} from "../data/model.ts";

const TIMEOUT_MS = 10_000;
/** Most rows that one answer is asked for. */
export const ROWS_MAX = 1_000;
const DAY_MS = 86_400_000;

export interface SeriesKey {
  symbol: string;
  source: string;
}

export interface Choice extends SeriesKey {
  interval: string;
}

export interface Range {
  start?: number;
  end?: number;
  limit?: number;
  format?: "csv";
}

/** Why an answer could not be had, as a sentence for people. */
export class ApiError extends Error {}

async function get(path: string, signal?: AbortSignal): Promise<unknown> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(path, {
    headers: { accept: "application/json" },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError("The server did not answer.");
  });
  if (!response.ok) throw new ApiError(await problem(response));
  return response.json().catch(() => {
    throw new ApiError(`The server's answer to ${path} could not be read.`);
  });
}

async function problem(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null) {
    const { detail, title } = body as Record<string, unknown>;
    if (typeof detail === "string" && detail !== "") return detail;
    if (typeof title === "string" && title !== "") return title;
  }
  return `The server answered with status ${response.status}.`;
}

export function candlesUrl(choice: Choice, range: Range): string {
  const query = new URLSearchParams({ source: choice.source, interval: choice.interval });
  for (const [name, value] of Object.entries(range)) query.set(name, String(value));
  return `/api/v1/candles/${encodeURIComponent(choice.symbol)}?${query}`;
}

export async function fetchPipeline(): Promise<Pipeline> {
  return readPipeline(await get("/api/v1/pipeline"));
}

export async function fetchSymbols(): Promise<SymbolEntry[]> {
  return readSymbols(await get("/api/v1/symbols"));
}

export async function fetchHealth(): Promise<Health> {
  return readHealth(await get("/health"));
}

/** Up to `limit` candles that open before `end`, oldest first. */
export async function fetchBefore(
  choice: Choice,
  end: number,
  limit: number,
  signal?: AbortSignal,
): Promise<Candle[]> {
  return readCandles(await get(candlesUrl(choice, { end, limit }), signal));
}

/** The newest candles. The end is a whole day ahead, so that the URL stays the same all day. */
export function fetchNewest(choice: Choice, limit: number, signal?: AbortSignal): Promise<Candle[]> {
  const end = (Math.floor(Date.now() / DAY_MS) + 2) * DAY_MS;
  return fetchBefore(choice, end, limit, signal);
}
