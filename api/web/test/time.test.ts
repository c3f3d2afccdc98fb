import { describe, expect, it } from "vitest";
import { ageText, intervalMs, utcText } from "../src/data/time.ts";
import { finestInterval, overviewInterval, sinceDayBefore } from "../src/data/ticker.ts";
import { backoffMs } from "../src/net/backoff.ts";
import { candle } from "./candles.ts";

describe("age", () => {
  it.each([
    [-5, "0 s"],
    [999, "0 s"],
    [1_000, "1 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [125_000, "2 min 5 s"],
    [3_600_000, "1 h"],
    [3_661_000, "1 h 1 min"],
    [90_000_000, "1 d 1 h"],
    [366 * 86_400_000, "1 y 1 d"],
  ])("of %d ms has at most two units", (ms, wanted) => {
    expect(ageText(ms)).toBe(wanted);
  });
});

describe("instants", () => {
  it("are written in UTC", () => {
    const at = Date.parse("2024-08-08T23:59:59.812Z");
    expect(utcText(at)).toBe("2024-08-08 23:59");
    expect(utcText(at, "seconds")).toBe("2024-08-08 23:59:59");
    expect(utcText(Number.NaN)).toBe("unknown time");
  });
});

describe("intervals", () => {
  it("are ordered by width, a month above a week and not a minute", () => {
    const sorted = ["1M", "1w", "1d", "12h", "5m", "1m"].sort((a, b) => intervalMs(a) - intervalMs(b));
    expect(sorted).toEqual(["1m", "5m", "12h", "1d", "1w", "1M"]);
  });

  it("of an overview are the coarsest up to half an hour", () => {
    expect(overviewInterval(["1h", "1m", "15m"])).toBe("15m");
    expect(overviewInterval(["1d", "1h"])).toBe("1h");
    expect(finestInterval(["1h", "5m", "1d"])).toBe("5m");
  });
});

describe("a change", () => {
  it("counts from 24 hours before, or from the first candle, and says which", () => {
    const day = Array.from({ length: 1_500 }, (_, minute) => candle(minute, { open: String(minute) }));
    expect(sinceDayBefore(day)).toEqual({ open: "60", span: "24 h" });
    expect(sinceDayBefore(day.slice(0, 360))).toEqual({ open: "0", span: "6 h" });
    expect(sinceDayBefore(day.slice(0, 5))).toBeNull();
    expect(sinceDayBefore([])).toBeNull();
  });
});

describe("waiting to reconnect", () => {
  it("doubles under a ceiling and keeps a floor", () => {
    expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 1))).toEqual([500, 1_000, 2_000, 4_000]);
    expect(backoffMs(50, 1)).toBe(30_000);
    expect(backoffMs(3, 0)).toBe(250);
  });
});
