/** Download of the candles in sight. */

import { lowerBound } from "../data/book.ts";
import { candlesUrl, ROWS_MAX } from "../net/api.ts";
import * as state from "../state.ts";

export function CsvLink() {
  void state.bookVersion.value;
  const choice = state.choice.value;
  const sight = state.inSight.value;
  const { candles } = state.book;
  if (!choice || !sight || candles.length === 0) {
    return <span class="button small" aria-disabled="true">CSV</span>;
  }
  const from = lowerBound(candles, sight.from);
  const shown = candles.slice(from, lowerBound(candles, sight.to + 1));
  const rows = shown.slice(-ROWS_MAX);
  const first = rows[0] ?? candles[0];
  const last = rows[rows.length - 1] ?? candles[candles.length - 1];
  if (!first || !last) return null;
  const range = { start: first.open_time_ms, end: last.close_time_ms, limit: ROWS_MAX };
  const cut = shown.length > rows.length ? `newest ${rows.length} of ${shown.length} in sight` : "the candles in sight";
  return (
    <a
      class="button small"
      href={candlesUrl(choice, { ...range, format: "csv" })}
      download={`${choice.symbol}-${choice.source}-${choice.interval}.csv`}
      title={`Download ${cut}`}
      aria-label={`CSV: download ${cut}`}
    >
      CSV
    </a>
  );
}
