import { describe, expect, it } from "vitest";
import { Book, CANDLES_MAX, follows, lowerBound } from "../src/data/book.ts";
import { candle } from "./candles.ts";

const open = { closed: false, complete: false };

function bookOf(...minutes: number[]): Book {
  const book = new Book();
  book.rebase(minutes.map((minute) => candle(minute)));
  return book;
}

function minutes(book: Book): number[] {
  return book.candles.map((item) => item.open_time_ms / 60_000);
}

describe("one window", () => {
  it("goes from open to closed and never back", () => {
    const book = bookOf(1);
    expect(book.merge(candle(2, open))).toBe("appended");
    expect(book.merge(candle(2))).toBe("last");
    expect(book.merge(candle(2, { ...open, trade_count: 99 }))).toBe("ignored");
    expect(book.last?.closed).toBe(true);
  });

  it("takes a higher revision, wherever it stands, and refuses a lower one", () => {
    const book = bookOf(1, 2, 3);
    expect(book.merge(candle(1, { revision: 2, close: "105" }))).toBe("inner");
    expect(book.merge(candle(1, { revision: 1, close: "104" }))).toBe("ignored");
    expect(book.at(60_000)?.close).toBe("105");
  });

  it("takes the open bar with the later event, or with more trades of the same instant", () => {
    const book = bookOf(1);
    book.merge(candle(2, { ...open, last_event_ns: 10, trade_count: 3 }));
    expect(book.merge(candle(2, { ...open, last_event_ns: 9, trade_count: 9 }))).toBe("ignored");
    expect(book.merge(candle(2, { ...open, last_event_ns: 10, trade_count: 2 }))).toBe("ignored");
    expect(book.merge(candle(2, { ...open, last_event_ns: 10, trade_count: 4 }))).toBe("last");
  });

  it("is the same after the same message twice", () => {
    const book = bookOf(1, 2);
    book.merge(candle(2, { revision: 1 }));
    const once = structuredClone(book.candles);
    book.merge(candle(2, { revision: 1 }));
    expect(book.candles).toEqual(once);
  });
});

describe("order", () => {
  it("of arrival does not matter", () => {
    const book = bookOf(1);
    expect([4, 2, 3].map((minute) => book.merge(candle(minute)))).toEqual(["appended", "inserted", "inserted"]);
    expect(minutes(book)).toEqual([1, 2, 3, 4]);
  });

  it("is found by halving", () => {
    const { candles } = bookOf(1, 2, 4);
    expect([0, 60_000, 61_000, 240_000, 300_000].map((ms) => lowerBound(candles, ms))).toEqual([0, 0, 1, 2, 3]);
  });
});

describe("a newest page", () => {
  it("keeps what came live while it was on its way", () => {
    const book = bookOf(1, 2);
    book.expectPage();
    book.merge(candle(3, { revision: 1, close: "110" }));
    book.merge(candle(4, open));
    book.rebase([candle(1), candle(2), candle(3)]);
    expect(minutes(book)).toEqual([1, 2, 3, 4]);
    expect(book.at(180_000)?.close).toBe("110");
  });

  it("replaces what it covers, also by a lower revision", () => {
    const book = bookOf(1, 2);
    book.merge(candle(2, { revision: 5 }));
    book.rebase([candle(2)]);
    expect(book.last?.revision).toBe(0);
  });

  it("keeps older candles only where it joins them", () => {
    const joined = bookOf(1, 2, 3);
    joined.rebase([candle(3), candle(4)]);
    expect(minutes(joined)).toEqual([1, 2, 3, 4]);
    const apart = bookOf(1, 2, 3);
    apart.rebase([candle(9), candle(10)]);
    expect(minutes(apart)).toEqual([9, 10]);
  });

  it("without candles empties the book", () => {
    const book = bookOf(1, 2);
    book.rebase([]);
    expect(book.candles).toEqual([]);
  });
});

describe("limits", () => {
  it("an older page adds only what is older", () => {
    const book = bookOf(3, 4);
    expect(book.prepend([candle(1), candle(2), candle(3)])).toBe(2);
    expect(book.prepend([candle(1)])).toBe(0);
    expect(minutes(book)).toEqual([1, 2, 3, 4]);
  });

  it("a full book lets the oldest go", () => {
    const book = new Book();
    book.rebase(Array.from({ length: CANDLES_MAX }, (_, minute) => candle(minute)));
    book.merge(candle(CANDLES_MAX));
    expect(book.candles.length).toBe(CANDLES_MAX);
    expect(book.candles[0]?.open_time_ms).toBe(60_000);
  });

  it("a hole in the numbers is seen, a repetition is none", () => {
    expect(follows(undefined, 812)).toBe(true);
    expect(follows(812, 813)).toBe(true);
    expect(follows(812, 812)).toBe(true);
    expect(follows(812, 814)).toBe(false);
  });
});
