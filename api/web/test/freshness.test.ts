import { describe, expect, it } from "vitest";
import { freshness, sentence, type Observed } from "../src/data/freshness.ts";

const NOW = Date.parse("2024-08-09T12:00:00Z");

function seen(but: Partial<Observed> = {}): Observed {
  return {
    nowMs: NOW,
    dataMs: NOW - 800,
    advancedMs: NOW - 800,
    connection: "open",
    retryMs: null,
    feed: "up",
    reason: "",
    kind: "trade",
    ...but,
  };
}

describe("what is shown", () => {
  it("is live while young", () => {
    expect(freshness(seen())).toMatchObject({ level: "live", text: "0 s old" });
    expect(freshness(seen({ dataMs: NOW - 15_000 })).level).toBe("live");
  });

  it("is delayed, then not live, as it ages", () => {
    expect(freshness(seen({ dataMs: NOW - 16_000 })).level).toBe("delayed");
    expect(freshness(seen({ dataMs: NOW - 61_000 })).level).toBe("stale");
  });

  it("of quotes may be as old as they are polled", () => {
    expect(freshness(seen({ kind: "quote", dataMs: NOW - 120_000 })).level).toBe("live");
  });

  it("is never live without a connection, however young", () => {
    const lost = freshness(seen({ connection: "lost", retryMs: NOW + 3_000 }));
    expect(lost.level).toBe("stale");
    expect(lost.text).toBe("Connection lost, trying again in 3 s. Last data 2024-08-09 11:59:59 UTC, 0 s old.");
  });

  it("is never live when its source is down, and says why", () => {
    const down = freshness(seen({ feed: "down", reason: "the venue closed the connection" }));
    expect(down).toMatchObject({ level: "stale", label: "Source down" });
    expect(down.text).toContain("The venue closed the connection.");
    expect(freshness(seen({ feed: "repairing" })).level).toBe("delayed");
    expect(freshness(seen({ feed: "halted" })).level).toBe("stale");
  });

  it("of a drained source is the end of it, not an alarm", () => {
    expect(freshness(seen({ feed: "ended", dataMs: NOW - 90 * 86_400_000 })).level).toBe("ended");
  });

  it("is a replay while the past moves, and stale when it stops", () => {
    const dataMs = NOW - 90 * 86_400_000;
    expect(freshness(seen({ dataMs })).level).toBe("replay");
    expect(freshness(seen({ dataMs, advancedMs: NOW - 31_000 })).level).toBe("stale");
  });

  it("is waited for before anything came", () => {
    expect(freshness(seen({ dataMs: null })).level).toBe("waiting");
    expect(freshness(seen({ connection: "connecting" })).level).toBe("waiting");
    expect(freshness(seen({ connection: "lost", dataMs: null })).level).toBe("stale");
  });
});

describe("a reason", () => {
  it("becomes a sentence", () => {
    expect(["", "no route", "Done."].map(sentence)).toEqual(["", "No route.", "Done."]);
  });
});
