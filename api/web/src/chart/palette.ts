/** The chart's colours, taken from the style sheet so that there is one palette. */

export interface Palette {
  surface: string;
  text: string;
  grid: string;
  border: string;
  cross: string;
  label: string;
  up: string;
  down: string;
  volumeUp: string;
  volumeDown: string;
  unsure: string;
  unsureLine: string;
  hatch: string;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    surface: of("surface"),
    text: of("muted"),
    grid: of("grid"),
    border: of("border"),
    cross: of("muted"),
    label: of("label"),
    up: of("up"),
    down: of("down"),
    volumeUp: of("volume-up"),
    volumeDown: of("volume-down"),
    unsure: of("unsure"),
    unsureLine: of("unsure-line"),
    hatch: of("hatch"),
  };
}
