/** The chosen series: price, pickers, legend, chart, table. */

import { useEffect, useRef } from "preact/hooks";
import { groupDecimal } from "../data/decimal.ts";
import { intervalMs, utcText } from "../data/time.ts";
import { choose } from "../page.ts";
import * as state from "../state.ts";
import { ChartPane } from "./chartpane.tsx";
import { CsvLink } from "./csv.tsx";
import { Legend } from "./legend.tsx";
import { ChangeText } from "./symbols.tsx";
import { CandleTable } from "./table.tsx";

export function Market() {
  return (
    <section class={`market ${state.fresh.value.level}`} aria-label="Market">
      <Headline />
      <div class="card">
        <div class="controls">
          <IntervalPicker />
          <CsvLink />
        </div>
        <Legend />
        <ChartPane />
      </div>
      <CandleTable />
    </section>
  );
}

function Headline() {
  const entry = state.entry.value;
  const series = state.series.value;
  const priced = state.lastPriced.value;
  const last = priced?.close ?? null;
  const since = entry ? state.tickers.value.get(entry.symbol)?.since : undefined;
  return (
    <div class="headline">
      <div class="what">
        <h2>
          {entry?.symbol ?? "\u00a0"} {entry && entry.name !== entry.symbol && <small>{entry.name}</small>}
        </h2>
        <SourcePicker />
      </div>
      <div class="price">
        <output class="last" aria-live="off">
          {last === null ? "–" : groupDecimal(last, state.precision.value)}
        </output>
        <span class="price-note">
          {series?.primary && (
            <ChangeText open={since?.open ?? null} last={last} span={since?.span ?? null} />
          )}
          <AsOf />
        </span>
      </div>
    </div>
  );
}

/** Beside the price, so that an old one is never read as the current one. */
function AsOf() {
  const { level, label } = state.fresh.value;
  if (level === "waiting") return null;
  const at = state.dataMs.value;
  const text = level === "ended" && at !== null ? `last of its source, ${utcText(at)}` : label.toLowerCase();
  return <span class={`as-of ${level}`}>{text}</span>;
}

function SourcePicker() {
  const entry = state.entry.value;
  const series = state.series.value;
  if (!entry || !series) return <span class="source-line">{"\u00a0"}</span>;
  const detail = `${series.venue} ${series.instrument} · ${series.kind === "quote" ? "quotes" : "trades"}`;
  if (entry.series.length === 1) return <span class="source-line">{detail}</span>;
  return (
    <span class="source-line">
      <label class="visually-hidden" for="source">Source</label>
      <select
        id="source"
        value={series.source}
        onChange={(event) => choose({ ...state.choice.value, source: event.currentTarget.value })}
      >
        {entry.series.map((item) => (
          <option key={item.source} value={item.source}>
            {item.source}{item.primary ? " (primary)" : ""}
          </option>
        ))}
      </select>
      <span>{detail}</span>
    </span>
  );
}

function IntervalPicker() {
  const intervals = [...(state.series.value?.intervals ?? [])].sort((a, b) => intervalMs(a) - intervalMs(b));
  const chosen = state.choice.value?.interval;
  const box = useRef<HTMLFieldSetElement>(null);
  useEffect(() => {
    box.current?.querySelector("input:checked")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [chosen]);
  return (
    <fieldset class="intervals" ref={box}>
      <legend class="visually-hidden">Candle interval</legend>
      {intervals.map((interval) => (
        <label key={interval}>
          <input
            type="radio"
            name="interval"
            value={interval}
            checked={chosen === interval}
            onChange={() => choose({ ...state.choice.value, interval })}
          />
          <span>{interval}</span>
        </label>
      ))}
    </fieldset>
  );
}
