import { describe, expect, it } from "vitest";
import { holeBetween, incomplete, precisionOf, withHoles } from "../src/chart/bars.ts";
import { readCandles, readHealth, readPublication, readSymbols } from "../src/data/model.ts";
import { candle } from "./candles.ts";

describe("reading", () => {
  it("a candle without its marks promises nothing", () => {
    const [read] = readCandles({ data: [{ open_time_ms: 0, close_time_ms: 60_000, close: "1.50" }] });
    expect(read).toMatchObject({ close: "1.50", open: null, closed: false, complete: false, revision: 0 });
  });

  it("leaves out what has no window, and sorts", () => {
    const data = [candle(2), { close: "1" }, null, candle(1), { open_time_ms: 5, close_time_ms: 5 }];
    expect(readCandles({ data }).map((item) => item.open_time_ms)).toEqual([60_000, 120_000]);
    expect(readCandles({})).toEqual([]);
    expect(readCandles(null)).toEqual([]);
  });

  it("a number where a decimal string belongs is not guessed at", () => {
    expect(readCandles({ data: [{ ...candle(1), close: 1.5 }] })[0]?.close).toBeNull();
  });

  it("publications by their type, other frames not at all", () => {
    const frame = { type: "open_bar", seq: 7, channel: "BTC:binance:1m", candle: candle(1) };
    expect(readPublication(frame)).toEqual(frame);
    expect(readPublication({ type: "ack" })).toBeNull();
    expect(readPublication({ type: "candle", seq: 1 })).toBeNull();
    expect(readPublication({ type: "feed", seq: 1, feed: { symbol: "BTC", source: "x", state: "up", watermark_ns: 1.5e18 } }))
      .toMatchObject({ feed: { state: "up", reason: "", watermark_ms: 1.5e12 } });
  });

  it("an unknown feed state stays unknown", () => {
    const { feeds } = readHealth({ feeds: [{ symbol: "BTC", source: "x", state: "odd", watermark_ns: 0 }] });
    expect(feeds).toEqual([{ symbol: "BTC", source: "x", state: "unknown", reason: "", watermark_ms: null }]);
  });

  it("symbols without series are left out", () => {
    expect(readSymbols({ symbols: [{ symbol: "BTC", series: [] }, { symbol: "ETH", series: [{ source: "x" }] }] }))
      .toMatchObject([{ symbol: "ETH", name: "ETH", series: [{ source: "x", kind: "trade", intervals: ["1m"] }] }]);
  });
});

describe("drawing", () => {
  it("leaves places empty where windows have no row", () => {
    expect(withHoles([candle(1), candle(2), candle(5)], (item) => item.close)).toEqual([
      "101", "101", { time: 180 }, { time: 240 }, "101",
    ]);
  });

  it("shortens a very long hole", () => {
    expect(holeBetween(candle(1), candle(100_000)).length).toBe(48);
  });

  it("marks closed windows of trades that may lack some", () => {
    expect(incomplete(candle(1, { complete: false }), "trade")).toBe(true);
    expect(incomplete(candle(1, { complete: false, closed: false }), "trade")).toBe(false);
    expect(incomplete(candle(1, { complete: false }), "quote")).toBe(false);
  });

  it("pads prices to the decimals that the series carries", () => {
    expect(precisionOf([candle(1, { close: "1.5" }), candle(2, { close: "1.25" })])).toBe(2);
    expect(precisionOf([])).toBe(0);
  });
});
