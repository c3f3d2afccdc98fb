/** Name of the pipeline, and how far what is shown is live. */

import { retryNow } from "../page.ts";
import * as state from "../state.ts";

export function Header() {
  const pipeline = state.pipeline.value;
  return (
    <header class="header">
      <img src="/favicon.svg" alt="" width="28" height="28" />
      <h1>{pipeline?.name ?? "crypto-pipeline"}</h1>
      <Status />
    </header>
  );
}

function Status() {
  const { level, label, text } = state.fresh.value;
  const lost = state.connection.value.state === "lost";
  return (
    <div class={`status ${level}`}>
      <span class="dot" aria-hidden="true" />
      <strong role="status">{label}</strong>
      <span class="status-text" title={text}>{text}</span>
      {lost && <button type="button" class="button small" onClick={retryNow}>Try now</button>}
    </div>
  );
}
