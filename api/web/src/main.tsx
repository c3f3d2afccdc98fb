import { render } from "preact";
import "./style/base.css";
import "./style/frame.css";
import "./style/market.css";
import "./style/narrow.css";
import { start } from "./page.ts";
import { App } from "./view/app.tsx";

const root = document.getElementById("app");
if (root) {
  render(<App />, root);
  void start();
}
