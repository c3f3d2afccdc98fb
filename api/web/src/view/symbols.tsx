/** The symbols with last price, change and the state of their primary source. */

import { useEffect, useRef } from "preact/hooks";
import { compareDecimal, decimalsOf, groupDecimal, percentChange } from "../data/decimal.ts";
import { primaryOf, type SymbolEntry } from "../data/model.ts";
import { choose } from "../page.ts";
import * as state from "../state.ts";

const SPARK_WIDTH = 64;
const SPARK_HEIGHT = 22;

export function Symbols() {
  return (
    <nav class="symbols" aria-label="Symbols">
      {state.symbols.value?.map((entry) => <SymbolButton key={entry.symbol} entry={entry} />)}
    </nav>
  );
}

function SymbolButton({ entry }: { entry: SymbolEntry }) {
  const primary = primaryOf(entry);
  const ticker = state.tickers.value.get(entry.symbol);
  const feed = primary && state.feeds.value.get(state.seriesKey(entry.symbol, primary.source));
  const chosen = state.choice.value?.symbol === entry.symbol;
  const feedState = feed?.state ?? "unknown";
  const last = ticker?.last ?? null;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (chosen) button.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [chosen]);
  return (
    <button
      ref={button}
      type="button"
      class="symbol"
      aria-current={chosen ? "true" : undefined}
      onClick={() => choose({ symbol: entry.symbol, interval: state.choice.value?.interval ?? "" })}
    >
      <span class="symbol-name">
        <span class={`dot feed-${feedState}`} title={`source ${feedState}`} />
        <b>{entry.symbol}</b>
        <span class="visually-hidden">, source {feedState}</span>
        {entry.name !== entry.symbol && <small>{entry.name}</small>}
      </span>
      <Spark closes={ticker?.closes ?? []} />
      <span class="symbol-price">{last === null ? "–" : groupDecimal(last, decimalsOf(ticker?.since?.open ?? last))}</span>
      <ChangeText open={ticker?.since?.open ?? null} last={last} span={ticker?.since?.span ?? null} />
    </button>
  );
}

/** A change with arrow, sign and span: never told by colour alone. */
export function ChangeText(props: { open: string | null; last: string | null; span: string | null }) {
  const { open, last, span } = props;
  const percent = open !== null && last !== null ? percentChange(open, last) : null;
  if (open === null || last === null || percent === null) return <span class="change">–</span>;
  const way = compareDecimal(last, open);
  const arrow = way > 0 ? "▲" : way < 0 ? "▼" : "•";
  return (
    <span class={`change ${way > 0 ? "up" : way < 0 ? "down" : ""}`}>
      <span aria-hidden="true">{arrow}</span> {percent}% <small>{span}</small>
    </span>
  );
}

function Spark({ closes }: { closes: number[] }) {
  const low = Math.min(...closes);
  const spread = Math.max(...closes) - low || 1;
  const step = SPARK_WIDTH / Math.max(1, closes.length - 1);
  const y = (close: number): number => SPARK_HEIGHT - 2 - ((close - low) / spread) * (SPARK_HEIGHT - 4);
  const points = closes.map((close, index) => `${(index * step).toFixed(1)},${y(close).toFixed(1)}`);
  return (
    <svg class="spark" viewBox={`0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`} aria-hidden="true">
      {points.length > 1 && <polyline points={points.join(" ")} />}
    </svg>
  );
}
