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
