// What the data allow for a ratio, on a log scale (powers of 2), and where the picture ends. A bound that is not there yet, or is far out, would squeeze everything
// else: the picture is cut at the roof, and what goes on beyond it runs out at the top.
export interface Band {
  low: (number | null)[];
  high: (number | null)[];
  ratio: (number | null)[];
  floor: number;
  roof: number;
}

type Values = readonly (number | null)[] | null | undefined;

const floor = -3;

// band takes the lower bounds, the upper bounds and the estimates, second by second; 0 stands for none.
export function band(low: Values, high: Values, ratio: Values, ruleOut: number): Band {
  const known = [...(low ?? []), ...(ratio ?? [])].map((v) => v ?? 0);
  // Above the greatest lower bound there is room for a band, else it would be a line at the top.
  const most = known.reduce((a, b) => Math.max(a, b), 0);
  const roof = Math.ceil(Math.log2(Math.max(4, ruleOut * 2, most * 2)));
  const on = (values: Values, none: number | null) => (values ?? []).map((v) => (v === null || v <= 0 ? none : Math.max(floor, Math.min(roof, Math.log2(v)))));
  return { low: on(low, floor), high: on(high, roof), ratio: on(ratio, null), floor, roof };
}
