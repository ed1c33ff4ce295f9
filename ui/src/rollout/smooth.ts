// smooth turns rates of single seconds, which jump between nothing and a lot, into those of the last seconds: each weighs as much as it had
// requests at risk: those that the rate is of. A second without one has no rate of its own and no weight; where none is in reach the line has a gap.
export function smooth(rates: (number | null)[], weights: (number | null)[], seconds: number[], window: number): (number | null)[] {
  const out: (number | null)[] = [];
  let from = 0;
  let events = 0;
  let total = 0;
  seconds.forEach((second, i) => {
    events += (rates[i] ?? 0) * (weights[i] ?? 0);
    total += weights[i] ?? 0;
    while (second - (seconds[from] ?? second) >= window) {
      events -= (rates[from] ?? 0) * (weights[from] ?? 0);
      total -= weights[from] ?? 0;
      from++;
    }
    out.push(total > 0 ? Math.max(0, events / total) : null);
  });
  return out;
}

// windowOf is how many seconds are taken together: 15, and more in a long watch.
export const windowOf = (seconds: number[]): number => Math.max(15, Math.round(seconds.length / 30));
