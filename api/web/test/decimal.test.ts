import { describe, expect, it } from "vitest";
import { compareDecimal, decimalsOf, groupDecimal, percentChange, toChart } from "../src/data/decimal.ts";

describe("decimal text", () => {
  it.each([
    ["61685.99", 0, "61,685.99"],
    ["61685.9", 2, "61,685.90"],
    ["61685.9900", 0, "61,685.99"],
    ["1000000", 0, "1,000,000"],
    ["100", 0, "100"],
    ["-1234.5", 0, "-1,234.5"],
    ["0.000000012345", 2, "0.000000012345"],
    ["99999999999999.123456789012", 0, "99,999,999,999,999.123456789012"],
  ])("is grouped and padded, never rounded: %s", (text, decimals, wanted) => {
    expect(groupDecimal(text, decimals)).toBe(wanted);
  });

  it.each(["", "1e5", "NaN", "1.", ".5", "1,000"])("that is no decimal stays as it is: %s", (text) => {
    expect(groupDecimal(text, 2)).toBe(text);
    expect(toChart(text)).toBeNull();
  });

  it("keeps every digit that a float would lose", () => {
    const text = "12345678901234.123456789012";
    expect(groupDecimal(text).replaceAll(",", "")).toBe(text);
  });

  it("counts only decimals that carry value", () => {
    expect(["1", "1.0", "1.50", "0.123"].map(decimalsOf)).toEqual([0, 0, 1, 3]);
  });

  it("is compared exactly", () => {
    expect(compareDecimal("0.3", "0.30")).toBe(0);
    expect(compareDecimal("99999999999999.000000000001", "99999999999999")).toBe(1);
    expect(compareDecimal("-2", "1.5")).toBe(-1);
    expect(compareDecimal("x", "1")).toBe(0);
  });

  it.each([
    ["100", "101.25", "+1.25"],
    ["100", "99.995", "-0.01"],
    ["100", "100.004", "0.00"],
    ["3", "1", "-66.67"],
    ["0.00001", "0.00002", "+100.00"],
  ])("gives the change in percent: %s to %s", (from, to, wanted) => {
    expect(percentChange(from, to)).toBe(wanted);
  });

  it("gives no change from zero or from what is no decimal", () => {
    expect(percentChange("0", "1")).toBeNull();
    expect(percentChange("", "1")).toBeNull();
  });
});
