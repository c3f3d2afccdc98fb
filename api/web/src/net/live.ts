/** One WebSocket that comes back by itself. Which channels it carries is said from outside. */

import { backoffMs } from "./backoff.ts";

/** The server speaks at least every 15 s; after this much silence the socket counts as dead. */
const SILENCE_MS = 35_000;
const WATCH_MS = 1_000;
/** A connection that lasted this long starts the backoff anew. */
const STEADY_MS = 10_000;
/** Most channels of one connection. */
export const CHANNELS_MAX = 90;

export type Connection =
  | { state: "connecting" }
  | { state: "open" }
  | { state: "lost"; retryMs: number | null };

export interface Handlers {
  /** Any frame that is a JSON object. */
  frame(value: Record<string, unknown>): void;
  connection(now: Connection): void;
}

export class Live {
  private socket: WebSocket | null = null;
  private channels = new Set<string>();
  private attempt = 0;
  private openedMs = 0;
  private heardMs = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly url: string;
  private readonly handlers: Handlers;

  constructor(url: string, handlers: Handlers) {
    this.url = url;
    this.handlers = handlers;
    setInterval(() => this.watch(), WATCH_MS);
    addEventListener("online", () => this.retryNow());
    addEventListener("visibilitychange", () => document.hidden || this.retryNow());
  }

  connect(): void {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.heardMs = Date.now();
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event) => this.heard(socket, event.data);
    socket.onclose = () => this.lost(socket);
  }

  /** Skips the wait for the next attempt, if there is one. */
  retryNow(): void {
    if (this.socket === null) this.connect();
  }

  setChannels(wanted: readonly string[]): void {
    const next = new Set(wanted.slice(0, CHANNELS_MAX));
    const added = [...next].filter((channel) => !this.channels.has(channel));
    const removed = [...this.channels].filter((channel) => !next.has(channel));
    this.channels = next;
    this.send("unsubscribe", removed);
    this.send("subscribe", added);
  }

  private send(op: "subscribe" | "unsubscribe", channels: readonly string[]): void {
    if (channels.length === 0 || this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify({ op, channels }));
  }

  private opened(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.openedMs = Date.now();
    this.heardMs = this.openedMs;
    this.send("subscribe", [...this.channels]);
    this.handlers.connection({ state: "open" });
  }

  private heard(socket: WebSocket, data: unknown): void {
    if (socket !== this.socket || typeof data !== "string") return;
    this.heardMs = Date.now();
    const value = parse(data);
    if (value) this.handlers.frame(value);
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    if (this.openedMs > 0 && Date.now() - this.openedMs > STEADY_MS) this.attempt = 0;
    this.openedMs = 0;
    const wait = backoffMs(this.attempt, Math.random());
    this.attempt += 1;
    this.timer = setTimeout(() => this.connect(), wait);
    this.handlers.connection({ state: "lost", retryMs: Date.now() + wait });
  }

  private watch(): void {
    const socket = this.socket;
    if (!socket || Date.now() - this.heardMs < SILENCE_MS) return;
    // close() may wait for a dead peer; the loss is told at once.
    socket.close();
    this.lost(socket);
  }
}

function parse(data: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
