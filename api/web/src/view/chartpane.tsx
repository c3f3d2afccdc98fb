/** The chart in the page: wiring, keyboard, tooltip, and what stands there without data. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { incomplete } from "../chart/bars.ts";
import { CandleChart } from "../chart/chart.ts";
import { loadOlder, onBook } from "../page.ts";
import * as state from "../state.ts";
import { INCOMPLETE_TEXT } from "./legend.tsx";

const ZOOM = 1.25;
/** Keeps the tooltip inside the chart. */
const TOOLTIP_HALF_PX = 124;

export function ChartPane() {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<CandleChart | null>(null);
  const pointer = useSignal(0);
  useEffect(() => {
    if (!box.current) return;
    const made = mount(box.current, (x) => {
      pointer.value = x;
    });
    chart.current = made.chart;
    return made.unmount;
  }, []);
  // The kind is known only when the symbols are.
  useSignalEffect(() => {
    chart.current?.set(state.book.candles, state.series.value?.kind ?? "trade");
  });
  return (
    <div class="chart">
      <div
        ref={box}
        class="chart-box"
        tabIndex={0}
        role="group"
        aria-label="Candlestick chart. Arrow keys read single candles, plus and minus zoom, End goes to the newest."
        onKeyDown={(event) => chart.current && pressed(event, chart.current)}
        onBlur={() => leave(chart.current)}
      />
      <Tooltip x={pointer.value} />
      <Cover />
    </div>
  );
}

function mount(box: HTMLElement, moved: (x: number) => void) {
  const chart = new CandleChart(box, {
    hover(openTimeMs, x) {
      state.hovered.value = openTimeMs;
      moved(x);
    },
    sight(from, to) {
      state.inSight.value = { from, to };
    },
    edge: () => void loadOlder(),
  });
  const kind = () => state.series.peek()?.kind ?? "trade";
  const off = onBook((change, candle) => {
    if (change === "all" || candle === null) chart.set(state.book.candles, kind());
    else chart.update(state.book.candles, candle, change);
  });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const restyle = () => chart.restyle();
  dark.addEventListener("change", restyle);
  const unmount = () => {
    off();
    dark.removeEventListener("change", restyle);
    chart.remove();
  };
  return { chart, unmount };
}

function pressed(event: KeyboardEvent, chart: CandleChart): void {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 };
  const step = steps[event.key];
  if (step !== undefined) {
    state.hovered.value = chart.step(state.hovered.value, step)?.open_time_ms ?? null;
  } else if (event.key === "End") {
    chart.showNewest();
    leave(chart);
  } else if (event.key === "+" || event.key === "-") {
    chart.zoom(event.key === "+" ? ZOOM : 1 / ZOOM);
  } else if (event.key === "Escape") {
    leave(chart);
  } else {
    return;
  }
  event.preventDefault();
}

function leave(chart: CandleChart | null): void {
  chart?.clearCrosshair();
  state.hovered.value = null;
}

function Tooltip({ x }: { x: number }) {
  const candle = state.hovered.value === null ? null : state.legendCandle.value;
  const kind = state.series.value?.kind ?? "trade";
  if (!candle || candle.open_time_ms !== state.hovered.value || !incomplete(candle, kind)) return null;
  return <div class="tooltip" style={{ left: `clamp(${TOOLTIP_HALF_PX}px, ${x}px, 100% - ${TOOLTIP_HALF_PX}px)` }}>{INCOMPLETE_TEXT}</div>;
}

function Cover() {
  const phase = state.phase.value;
  const choice = state.choice.value;
  switch (phase.name) {
    case "ready":
      return null;
    case "loading":
      return <div class="cover" aria-busy="true"><span class="shimmer" /></div>;
    case "empty":
      return (
        <p class="cover">
          No {choice?.interval} candles of {choice?.symbol} from {choice?.source} yet.
          The first appears with its first trade.
        </p>
      );
    case "failed":
      return <p class="cover" role="alert">{phase.sentence} It is asked again every few seconds.</p>;
  }
}
