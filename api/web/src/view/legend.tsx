/** Exact values of the candle under the cursor, or of the newest. */

import { incomplete } from "../chart/bars.ts";
import { groupDecimal } from "../data/decimal.ts";
import type { Level } from "../data/freshness.ts";
import type { Candle, SeriesKind } from "../data/model.ts";
import { utcText } from "../data/time.ts";
import * as state from "../state.ts";

export function Legend() {
  const candle = state.legendCandle.value;
  const kind = state.series.value?.kind ?? "trade";
  const price = (text: string | null | undefined): string =>
    text == null ? "–" : groupDecimal(text, state.precision.value);
  const exact = (text: string | null | undefined): string => (text == null ? "–" : groupDecimal(text));
  const count = kind === "quote" ? candle?.samples : candle?.trade_count;
  return (
    <div class="legend">
      <div class="legend-time">
        <span>{candle ? `${utcText(candle.open_time_ms)} UTC` : "\u00a0"}</span>
        {candle && <Flag candle={candle} kind={kind} />}
        {candle && <span>revision {candle.revision}</span>}
      </div>
      <dl>
        <Value name="Open">{price(candle?.open)}</Value>
        <Value name="High">{price(candle?.high)}</Value>
        <Value name="Low">{price(candle?.low)}</Value>
        <Value name="Close">{price(candle?.close)}</Value>
        <Value name="Volume">{exact(candle?.volume)}</Value>
        <Value name={kind === "quote" ? "Quotes" : "Trades"}>{count == null ? "–" : groupDecimal(String(count))}</Value>
        <Value name="VWAP">{exact(candle?.vwap)}</Value>
      </dl>
    </div>
  );
}

function Value({ name, children }: { name: string; children: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={children}>{children}</dd>
    </div>
  );
}

export const INCOMPLETE_TEXT = "incomplete: trades may be missing";

/** What may be relied on: open, closed and whole, incomplete, or quotes. */
export function Flag({ candle, kind }: { candle: Candle; kind: SeriesKind }) {
  if (incomplete(candle, kind)) return <span class="flag unsure">{INCOMPLETE_TEXT}</span>;
  if (!candle.closed) return <span class="flag open">{openText(state.fresh.value.level)}</span>;
  if (kind === "quote") return <span class="flag">closed, from quotes</span>;
  return <span class="flag">closed, complete</span>;
}

function openText(level: Level): string {
  if (level === "ended") return "open: the data end here";
  return level === "stale" || level === "waiting" ? "open when last heard" : "open: still changing";
}
