/** The candlestick and volume chart of one series. Knows lightweight-charts, not where data are from. */

import {
  CandlestickSeries,
  ColorType,
  createChart,
  CrosshairMode,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type MouseEventParams,
  type UTCTimestamp,
} from "lightweight-charts";
import type { Merge } from "../data/book.ts";
import { groupDecimal, toChart } from "../data/decimal.ts";
import type { Candle, SeriesKind } from "../data/model.ts";
import { chartTime, incomplete, precisionOf, priceItem, volumeItem, withHoles } from "./bars.ts";
import { Hatch } from "./hatch.ts";
import { readPalette, type Palette } from "./palette.ts";

/** Bars from the left edge at which older candles are asked for. */
const EDGE_BARS = 60;
/** Candles in sight at first. */
const FIRST_BARS_WIDE = 140;
const FIRST_BARS_NARROW = 60;
const FIRST_BARS_LEAST = 30;
const NARROW_PX = 600;

export interface ChartEvents {
  /** Open time of the candle under the pointer and its place, or null. */
  hover(openTimeMs: number | null, x: number): void;
  /** Open times of the outermost candles in sight. */
  sight(fromMs: number, toMs: number): void;
  /** The left edge is near. */
  edge(): void;
}

export class CandleChart {
  private readonly chart: IChartApi;
  private readonly price: ISeriesApi<"Candlestick">;
  private readonly volume: ISeriesApi<"Histogram">;
  private readonly hatch = new Hatch();
  private palette: Palette = readPalette();
  private candles: readonly Candle[] = [];
  private kind: SeriesKind = "trade";
  private fresh = true;
  /** Places on the time axis, empty ones included. */
  private places = 0;
  private readonly box: HTMLElement;
  private readonly events: ChartEvents;

  constructor(box: HTMLElement, events: ChartEvents) {
    this.box = box;
    this.events = events;
    this.chart = createChart(box, {
      autoSize: true,
      crosshair: { mode: CrosshairMode.Magnet },
      timeScale: { timeVisible: true, secondsVisible: false, allowBoldLabels: false, rightOffset: 4, minBarSpacing: 1.5 },
      rightPriceScale: { scaleMargins: { top: 0.06, bottom: 0.06 } },
      localization: { locale: "en-GB" },
      handleScroll: { vertTouchDrag: false },
    });
    this.price = this.chart.addSeries(CandlestickSeries, {}, 0);
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceFormat: { type: "volume" },
      priceLineVisible: false,
      lastValueVisible: false,
    }, 1);
    this.sharePanes();
    this.price.attachPrimitive(this.hatch);
    this.chart.subscribeCrosshairMove((param) => this.moved(param));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.ranged());
    this.applyPalette();
  }

  /** Takes the colours of the style sheet again. */
  restyle(): void {
    this.palette = readPalette();
    this.applyPalette();
    this.redraw();
  }

  /** Shows another list of candles; after `reset` the newest come in sight. */
  set(candles: readonly Candle[], kind: SeriesKind): void {
    this.candles = candles;
    if (this.kind !== kind) {
      // Quotes have no volume; a pane without a series goes by itself.
      this.volume.moveToPane(kind === "quote" ? 0 : 1);
      this.sharePanes();
    }
    this.kind = kind;
    this.redraw();
    if (candles.length === 0) {
      this.fresh = true;
    } else if (this.fresh) {
      this.fresh = false;
      this.showNewest();
    }
  }

  /** Takes one changed candle of the list given to `set`. */
  update(candles: readonly Candle[], candle: Candle, change: Merge): void {
    this.candles = candles;
    const before = candles[candles.length - 2];
    const hole = change === "appended" && before && before.close_time_ms < candle.open_time_ms;
    if (hole || change === "inserted") {
      this.redraw();
      return;
    }
    const inner = change === "inner";
    if (change === "appended") this.places += 1;
    this.price.update(priceItem(candle, this.kind, this.palette), inner);
    this.volume.update(volumeItem(candle, this.kind, this.palette), inner);
    if (!inner) this.colourLast();
    if (inner || candle.closed) this.mark();
  }

  /** Moves the crosshair by whole candles from `fromMs`, or from the newest. Returns where it is. */
  step(fromMs: number | null, by: number): Candle | null {
    const known = this.candles.findIndex((candle) => candle.open_time_ms === fromMs);
    const start = known < 0 ? this.candles.length : known;
    const index = Math.min(this.candles.length - 1, Math.max(0, start + by));
    const candle = this.candles[index];
    if (!candle) return null;
    const close = toChart(candle.close);
    const time = chartTime(candle.open_time_ms);
    if (close !== null) this.chart.setCrosshairPosition(close, time, this.price);
    this.reveal(time);
    return candle;
  }

  clearCrosshair(): void {
    this.chart.clearCrosshairPosition();
  }

  /** Brings the newest candles in sight. */
  showNewest(): void {
    const end = this.places;
    const most = this.box.clientWidth < NARROW_PX ? FIRST_BARS_NARROW : FIRST_BARS_WIDE;
    const count = Math.max(FIRST_BARS_LEAST, Math.min(most, end + 1));
    this.chart.timeScale().setVisibleLogicalRange({ from: end - count, to: end + 4 });
  }

  zoom(factor: number): void {
    const scale = this.chart.timeScale();
    scale.applyOptions({ barSpacing: Math.max(1.5, scale.options().barSpacing * factor) });
  }

  remove(): void {
    this.chart.remove();
  }

  private sharePanes(): void {
    const [upper, lower] = this.chart.panes();
    upper?.setStretchFactor(5);
    lower?.setStretchFactor(1);
    if (lower) this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0 } });
  }

  private redraw(): void {
    const { kind, palette } = this;
    const precision = precisionOf(this.candles);
    this.price.applyOptions({
      priceFormat: {
        type: "custom",
        minMove: 10 ** -precision,
        formatter: (value: number) => groupDecimal(value.toFixed(precision), precision),
      },
    });
    const prices = withHoles(this.candles, (candle) => priceItem(candle, kind, palette));
    this.places = prices.length;
    this.price.setData(prices);
    this.volume.setData(withHoles(this.candles, (candle) => volumeItem(candle, kind, palette)));
    this.colourLast();
    this.mark();
  }

  /** The last price has the colour of its direction, though its candle is hollow. */
  private colourLast(): void {
    const last = this.candles[this.candles.length - 1];
    const falls = (toChart(last?.close ?? null) ?? 0) < (toChart(last?.open ?? null) ?? 0);
    const priceLineColor = falls ? this.palette.down : this.palette.up;
    if (this.price.options().priceLineColor !== priceLineColor) this.price.applyOptions({ priceLineColor });
  }

  private mark(): void {
    const marked = this.candles.filter((candle) => incomplete(candle, this.kind));
    this.hatch.set(marked.map((candle) => chartTime(candle.open_time_ms)), this.palette.hatch);
  }

  private moved(param: MouseEventParams): void {
    const inside = param.time !== undefined && param.point !== undefined;
    this.events.hover(inside ? (param.time as UTCTimestamp) * 1_000 : null, param.point?.x ?? 0);
  }

  private ranged(): void {
    const range = this.chart.timeScale().getVisibleRange();
    const logical = this.chart.timeScale().getVisibleLogicalRange();
    if (range) {
      this.events.sight((range.from as UTCTimestamp) * 1_000, (range.to as UTCTimestamp) * 1_000);
    }
    if (logical && this.candles.length > 0 && logical.from < EDGE_BARS) this.events.edge();
  }

  private reveal(time: UTCTimestamp): void {
    const scale = this.chart.timeScale();
    const logical = scale.getVisibleLogicalRange();
    const index = scale.timeToIndex(time, true);
    if (!logical || index === null) return;
    const width = logical.to - logical.from;
    if (index < logical.from) scale.setVisibleLogicalRange({ from: index - 1, to: index - 1 + width });
    if (index > logical.to) scale.setVisibleLogicalRange({ from: index + 1 - width, to: index + 1 });
  }

  private applyPalette(): void {
    const { surface, text, grid, border, cross, label, up, down } = this.palette;
    const line = { color: cross, labelBackgroundColor: label };
    const fontFamily = getComputedStyle(document.body).fontFamily;
    this.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: surface },
        textColor: text,
        fontFamily,
        fontSize: 12,
        // The footer carries the link that the licence asks for.
        attributionLogo: false,
        panes: { separatorColor: border, separatorHoverColor: grid, enableResize: false },
      },
      grid: { vertLines: { color: grid }, horzLines: { color: grid } },
      crosshair: { vertLine: line, horzLine: line },
      timeScale: { borderColor: border },
      rightPriceScale: { borderColor: border },
    });
    this.price.applyOptions({
      upColor: up,
      downColor: down,
      borderUpColor: up,
      borderDownColor: down,
      wickUpColor: up,
      wickDownColor: down,
    });
  }
}
