/** The newest candles as text: the chart for those who cannot see it, and for copying. */

import { useSignal } from "@preact/signals";
import { incomplete } from "../chart/bars.ts";
import { groupDecimal } from "../data/decimal.ts";
import { utcText } from "../data/time.ts";
import * as state from "../state.ts";

const ROWS = 30;
const COLUMNS = ["Open time (UTC)", "Open", "High", "Low", "Close", "Volume", "Trades", "Rev", "State"];

export function CandleTable() {
  const open = useSignal(false);
  return (
    <details class="card table-card" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>Newest {ROWS} candles as a table</summary>
      {open.value && <Rows />}
    </details>
  );
}

function Rows() {
  void state.bookVersion.value;
  const kind = state.series.value?.kind ?? "trade";
  const rows = state.book.candles.slice(-ROWS).reverse();
  const price = (text: string | null): string => (text === null ? "–" : groupDecimal(text, state.precision.value));
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Newest candles">
      <table>
        <thead>
          <tr>{COLUMNS.map((name) => <th key={name} scope="col">{name}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((candle) => (
            <tr key={candle.open_time_ms}>
              <th scope="row">{utcText(candle.open_time_ms)}</th>
              <td>{price(candle.open)}</td>
              <td>{price(candle.high)}</td>
              <td>{price(candle.low)}</td>
              <td>{price(candle.close)}</td>
              <td>{candle.volume === null ? "–" : groupDecimal(candle.volume)}</td>
              <td>{candle.trade_count ?? candle.samples ?? "–"}</td>
              <td>{candle.revision}</td>
              <td>{!candle.closed ? "open" : incomplete(candle, kind) ? "incomplete" : "closed"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
