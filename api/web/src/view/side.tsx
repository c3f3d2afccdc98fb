/** What the sources say about themselves, and recent alerts. */

import { groupDecimal } from "../data/decimal.ts";
import { sentence } from "../data/freshness.ts";
import type { Alert, Feed } from "../data/model.ts";
import { ageText, utcText } from "../data/time.ts";
import { choose } from "../page.ts";
import * as state from "../state.ts";

/** States are read every few seconds; until the next reading is due their age stands still. */
const READ_SLACK_MS = 7_000;
const CURRENT_MS = 2_000;

export function Sources() {
  const rows = (state.symbols.value ?? []).flatMap((entry) =>
    entry.series.map((series) => ({
      symbol: entry.symbol,
      source: series.source,
      feed: state.feeds.value.get(state.seriesKey(entry.symbol, series.source)) ?? null,
    })),
  );
  const offline = state.connection.value.state === "lost";
  return (
    <section class="card" aria-labelledby="sources">
      <h3 id="sources">Sources</h3>
      <ul class="feeds">
        {rows.map((row) => (
          <li key={`${row.symbol}:${row.source}`}>
            <button type="button" class="feed" onClick={() => choose({ ...state.choice.value, ...row })}>
              <span class={`dot feed-${row.feed?.state ?? "unknown"}`} aria-hidden="true" />
              <span class="feed-name"><b>{row.symbol}</b> {row.source}</span>
              <span class="feed-state">{offline ? "was " : ""}{row.feed?.state ?? "unknown"}</span>
              <span class="feed-note">{feedNote(row.feed)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function feedNote(feed: Feed | null): string {
  if (!feed) return "Nothing heard yet.";
  const reason = sentence(feed.reason);
  if (feed.watermark_ms === null) return reason || "No data yet.";
  const read = state.feedsReadMs.value;
  const at = read !== null && state.now.value - read < READ_SLACK_MS ? read : state.now.value;
  return `${reason} ${standing(feed, feed.watermark_ms, at)}`.trim();
}

function standing(feed: Feed, watermarkMs: number, atMs: number): string {
  if (feed.state === "ended") return `Data to ${utcText(watermarkMs)}.`;
  const behind = atMs - watermarkMs;
  return behind < CURRENT_MS ? "Up to date." : `${ageText(behind)} behind.`;
}

export function Alerts() {
  const alerts = state.alerts.value;
  return (
    <section class="card" aria-labelledby="alerts">
      <h3 id="alerts">Alerts</h3>
      {alerts.length === 0 && <p class="quiet">None since this page was opened.</p>}
      <ol class="alerts" aria-live="polite">
        {alerts.map((alert) => <AlertRow key={alert.alert_id} alert={alert} />)}
      </ol>
    </section>
  );
}

function AlertRow({ alert }: { alert: Alert }) {
  const percent = alert.price_change_percent;
  const moved = percent === null || percent === 0 ? "" : ` ${percent > 0 ? "+" : ""}${percent.toFixed(2)}%`;
  return (
    <li>
      <span class={`severity ${alert.severity.toLowerCase()}`}>{alert.severity.toLowerCase()}</span>
      <span class="alert-what">
        <b>{alert.symbol}</b> {alertName(alert.alert_type)}{moved}
        {alert.close_price !== null && <> at {groupDecimal(alert.close_price)}</>}
      </span>
      <time dateTime={new Date(alert.timestamp_ms).toISOString()}>
        {alert.source} · {utcText(alert.timestamp_ms, "seconds")}
      </time>
    </li>
  );
}

function alertName(type: string): string {
  return type.toLowerCase().replaceAll("_", " ");
}
