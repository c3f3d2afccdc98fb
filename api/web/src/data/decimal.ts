/**
 * Decimal text as the pipeline sends it: `61685.99`, `-0.5`. Arithmetic is exact (BigInt);
 * only `toChart` makes a float, for pixels.
 */

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

interface Parts {
  negative: boolean;
  whole: string;
  fraction: string;
}

function parts(text: string): Parts | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  return { negative: match[1] === "-", whole: match[2] ?? "0", fraction: match[3] ?? "" };
}

/** Number of decimals that carry value: trailing zeros do not count. */
export function decimalsOf(text: string): number {
  return parts(text)?.fraction.replace(/0+$/, "").length ?? 0;
}

/**
 * The same number with groups of three and at least `minDecimals` decimals. No digit is lost or
 * rounded; text that is not a decimal comes back as it is.
 */
export function groupDecimal(text: string, minDecimals = 0): string {
  const found = parts(text);
  if (!found) return text;
  const whole = found.whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = found.fraction.replace(/0+$/, "").padEnd(minDecimals, "0");
  return `${found.negative ? "-" : ""}${whole}${fraction ? `.${fraction}` : ""}`;
}

function scaled(found: Parts, scale: number): bigint {
  const digits = BigInt(found.whole + found.fraction.padEnd(scale, "0"));
  return found.negative ? -digits : digits;
}

function aligned(left: string, right: string): [bigint, bigint] | null {
  const a = parts(left);
  const b = parts(right);
  if (!a || !b) return null;
  const scale = Math.max(a.fraction.length, b.fraction.length);
  return [scaled(a, scale), scaled(b, scale)];
}

/** -1, 0 or 1 as `left` is below, equal to or above `right`; 0 when one is not a decimal. */
export function compareDecimal(left: string, right: string): -1 | 0 | 1 {
  const pair = aligned(left, right);
  if (!pair || pair[0] === pair[1]) return 0;
  return pair[0] < pair[1] ? -1 : 1;
}

/** Change from `from` to `to` in percent with two decimals, half away from zero: `+1.25`. */
export function percentChange(from: string, to: string): string | null {
  const pair = aligned(from, to);
  if (!pair || pair[0] <= 0n) return null;
  const difference = (pair[1] - pair[0]) * 10_000n;
  const size = difference < 0n ? -difference : difference;
  const hundredths = (size * 2n + pair[0]) / (pair[0] * 2n);
  const sign = hundredths === 0n ? "" : difference < 0n ? "-" : "+";
  const digits = hundredths.toString().padStart(3, "0");
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** The nearest float, for drawing only; null for null and for what is not a decimal. */
export function toChart(text: string | null): number | null {
  return text !== null && parts(text) ? Number(text) : null;
}
