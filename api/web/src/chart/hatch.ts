/** Diagonal lines behind candles that may lack trades, drawn under the series. */

import type {
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from "lightweight-charts";

/** Distance of two lines, in CSS pixels. */
const STEP = 7;

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

export class Hatch implements ISeriesPrimitive<Time> {
  private attachedTo: SeriesAttachedParameter<Time> | null = null;
  private times: readonly UTCTimestamp[] = [];
  private color = "";
  private readonly views: readonly IPrimitivePaneView[] = [
    { zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) },
  ];

  attached(param: SeriesAttachedParameter<Time>): void {
    this.attachedTo = param;
  }

  detached(): void {
    this.attachedTo = null;
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views;
  }

  /** Times of the candles to mark, oldest first. */
  set(times: readonly UTCTimestamp[], color: string): void {
    this.times = times;
    this.color = color;
    this.attachedTo?.requestUpdate();
  }

  private draw(target: Target): void {
    const scale = this.attachedTo?.chart.timeScale();
    if (!scale || this.times.length === 0) return;
    const half = scale.options().barSpacing / 2;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      for (const [left, right] of this.runs(half, mediaSize.width)) {
        hatch(context, left, right, mediaSize.height, this.color);
      }
    });
  }

  /** Neighbouring marked bars as one stretch of pixels. */
  private runs(half: number, width: number): [number, number][] {
    const runs: [number, number][] = [];
    for (const time of this.times) {
      const x = this.attachedTo?.chart.timeScale().timeToCoordinate(time) ?? null;
      if (x === null || x + half < 0 || x - half > width) continue;
      const last = runs[runs.length - 1];
      if (last && x - half - last[1] < 1) last[1] = x + half;
      else runs.push([x - half, x + half]);
    }
    return runs;
  }
}

function hatch(
  context: CanvasRenderingContext2D,
  left: number,
  right: number,
  height: number,
  color: string,
): void {
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, height);
  context.clip();
  context.beginPath();
  context.strokeStyle = color;
  context.lineWidth = 1;
  // Lines start at multiples of the step from the pane's edge, so that stretches match.
  const first = Math.floor((left - height) / STEP) * STEP;
  for (let x = first; x < right; x += STEP) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
  context.restore();
}
