/** The page: header, symbols, market, sources and alerts, footer. */

import { useSignalEffect } from "@preact/signals";
import { load } from "../page.ts";
import * as state from "../state.ts";
import { groupDecimal } from "../data/decimal.ts";
import { Header } from "./header.tsx";
import { Market } from "./market.tsx";
import { Alerts, Sources } from "./side.tsx";
import { Symbols } from "./symbols.tsx";

export function App() {
  useSignalEffect(() => {
    document.title = title();
  });
  return (
    <>
      <Header />
      {state.pipeline.value?.demo && (
        <p class="banner">
          <strong>Demo market:</strong> simulated trades, not real prices
        </p>
      )}
      <Body />
      {state.symbols.value !== null && <Footer />}
    </>
  );
}

function Body() {
  const symbols = state.symbols.value;
  if (symbols === null && state.failure.value !== null) {
    return (
      <main class="notice">
        <div role="alert">
          <h2>The dashboard cannot be loaded</h2>
          <p>{state.failure.value} It is asked again every few seconds.</p>
        </div>
        <button type="button" class="button" onClick={() => void load()}>Try now</button>
      </main>
    );
  }
  // Nothing stands here before all of it can, so that nothing moves later.
  if (symbols === null) return <main key="loading" class="notice" aria-busy="true"><span class="shimmer" /></main>;
  if (symbols.length === 0) {
    return (
      <main class="notice">
        <h2>No symbols yet</h2>
        <p>This pipeline has no series so far. They appear here as soon as its first source starts.</p>
      </main>
    );
  }
  return (
    <main key="page" class={`page ${state.connection.value.state === "lost" ? "offline" : ""}`}>
      <Symbols />
      <Market />
      <aside class="side" aria-label="Sources and alerts">
        <Sources />
        <Alerts />
      </aside>
    </main>
  );
}

function Footer() {
  const version = state.pipeline.value?.version;
  return (
    <footer class="footer">
      <span>All times are UTC. Numbers are exact decimals; only the drawing rounds.</span>
      <span>
        {version ? `crypto-pipeline ${version} · ` : ""}
        Charts by{" "}
        <a href="https://www.tradingview.com/" rel="noreferrer">TradingView</a> Lightweight Charts™,
        © 2025 TradingView, Inc. · <a href="/licenses.txt">Licences</a>
      </span>
    </footer>
  );
}

function title(): string {
  const name = state.pipeline.value?.name ?? "crypto-pipeline";
  const symbol = state.choice.value?.symbol;
  const close = state.lastPriced.value?.close;
  if (!symbol || close == null) return name;
  const live = state.fresh.value.level === "live" ? "" : `${state.fresh.value.label}: `;
  return `${live}${symbol} ${groupDecimal(close, state.precision.value)} · ${name}`;
}
