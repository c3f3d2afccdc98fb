/** How far what is shown may be called live. One sentence, never more than the data allow. */

import { ageText, utcText } from "./time.ts";
import type { FeedState, SeriesKind } from "./model.ts";

/** Oldest data that still count as live. */
export const LIVE_AGE_MS: Readonly<Record<SeriesKind, number>> = { trade: 15_000, quote: 180_000 };
/** Delayed data older than this many times the live age are stale. */
const STALE_FACTOR = 4;
/** Data this old that still move are a replay of the past. */
const REPLAY_AGE_MS = 86_400_000;
/** How long ago a replay may have moved last. */
const REPLAY_IDLE_MS = 30_000;

export type Level = "waiting" | "live" | "delayed" | "stale" | "replay" | "ended";

export interface Freshness {
  level: Level;
  label: string;
  text: string;
}

export interface Observed {
  nowMs: number;
  /** Newest event time or watermark of what is shown. */
  dataMs: number | null;
  /** When that last advanced, by our clock. */
  advancedMs: number | null;
  connection: "connecting" | "open" | "lost";
  /** When the next attempt begins. */
  retryMs: number | null;
  feed: FeedState;
  reason: string;
  kind: SeriesKind;
}

export function freshness(seen: Observed): Freshness {
  const age = seen.dataMs === null ? null : seen.nowMs - seen.dataMs;
  const shown = seen.dataMs === null || age === null
    ? "Nothing received yet."
    : `Last data ${utcText(seen.dataMs, "seconds")} UTC, ${ageText(age)} old.`;
  if (seen.connection === "lost") {
    const wait = seen.retryMs === null ? 0 : Math.max(0, seen.retryMs - seen.nowMs);
    const next = wait >= 1_000 ? `trying again in ${ageText(wait)}` : "trying again";
    return { level: "stale", label: "Not live", text: `Connection lost, ${next}. ${shown}` };
  }
  if (seen.connection === "connecting") return { level: "waiting", label: "Connecting", text: "" };
  if (age === null || seen.dataMs === null) return { level: "waiting", label: "No data yet", text: "" };
  return byFeed(seen, shown) ?? byAge(seen, age, seen.dataMs, shown);
}

function byFeed(seen: Observed, shown: string): Freshness | null {
  const reason = seen.reason === "" ? "" : `${sentence(seen.reason)} `;
  switch (seen.feed) {
    case "down":
      return { level: "stale", label: "Source down", text: `${reason}${shown}` };
    case "halted":
      return { level: "stale", label: "Halted", text: `${reason}${shown}` };
    case "repairing":
      return { level: "delayed", label: "Repairing", text: `${reason}${shown}` };
    case "ended":
      return { level: "ended", label: "Ended", text: `All data of this source are here. ${shown}` };
    case "up":
    case "unknown":
      return null;
  }
}

function byAge(seen: Observed, age: number, dataMs: number, shown: string): Freshness {
  const limit = LIVE_AGE_MS[seen.kind];
  if (age <= limit) return { level: "live", label: "Live", text: `${ageText(age)} old` };
  const moved = seen.advancedMs !== null && seen.nowMs - seen.advancedMs < REPLAY_IDLE_MS;
  if (age > REPLAY_AGE_MS && moved) {
    return { level: "replay", label: "Replay", text: `The past, now at ${utcText(dataMs, "seconds")} UTC.` };
  }
  if (age <= limit * STALE_FACTOR) return { level: "delayed", label: "Delayed", text: shown };
  return { level: "stale", label: "Not live", text: shown };
}

/** Ends with a full stop and begins with a capital. */
export function sentence(text: string): string {
  const trimmed = text.trim().replace(/[.]$/, "");
  return trimmed === "" ? "" : `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`;
}
