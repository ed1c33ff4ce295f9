// What a chart draws. A curve's kind decides its look everywhere: the new release blue, the old one grey, the threshold dashed, a band filled lightly.
export interface Curve {
  label: string;
  // What its value means, in a sentence.
  means?: string;
  kind: 'new' | 'old' | 'threshold' | 'line' | 'low' | 'high';
  values: (number | null)[];
  // What a file of it holds, where the values are drawn on another scale.
  raw?: (number | null)[];
}

export interface ChartMark {
  second: number;
  text: string;
  kind: string;
}

// lone finds the values without a neighbour: a line between two is nothing to see there.
export function lone(values: readonly (number | null | undefined)[]): number[] {
  const there = (i: number) => (values[i] ?? null) !== null;
  return values.flatMap((_, i) => (there(i) && !there(i - 1) && !there(i + 1) ? [i] : []));
}

// placed puts marks that come just after the last second at the end of the picture: what was decided by it, such as to go back. Later ones have no place in it.
export function placed(marks: readonly ChartMark[], seconds: readonly number[]): ChartMark[] {
  const last = seconds.at(-1) ?? -Infinity;
  return marks.filter((m) => m.second <= last + 5).map((m) => (m.second > last ? { ...m, second: last } : m));
}
