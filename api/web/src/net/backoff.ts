/** Waits between attempts to connect: full jitter under a ceiling that doubles. */

const FIRST_MS = 500;
const CEILING_MS = 30_000;

/** `attempt` counts from 0; `random` is in [0, 1). Never below half the first step. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(CEILING_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(Math.max(FIRST_MS / 2, ceiling * random));
}
