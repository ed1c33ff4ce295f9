import type { LimitDeniedKey, LimitSimulation, LimitUse } from '../api/schema';
import { ms } from '../words/time';

// What is counted, as pictures have it. Minutes in which nothing was asked are told of by nobody: they are nothing, not missing.

export const spans = { '1h': { text: 'last hour', ms: 3_600_000 }, '24h': { text: 'last day', ms: 86_400_000 }, '7d': { text: 'last week', ms: 7 * 86_400_000 } } as const;
export type Span = keyof typeof spans;

// wall is a time of the reader's clock, written as if it were UTC, in seconds.
export const wall = (t: number): number => Math.round(t / 1000) - new Date(t).getTimezoneOffset() * 60;

// places are when the points between two times begin. The server's steps begin with its year 1; where points are known, they say so.
function places(from: number, to: number, step: number, known: number | undefined): number[] {
  const phase = (known ?? 0) % step;
  const out: number[] = [];
  for (let t = Math.floor((from - phase) / step) * step + phase; t < to; t += step) out.push(t);
  return out;
}

interface Picture {
  seconds: number[];
  parts: { label: string; values: number[]; total: number }[];
}

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const part = (label: string, values: number[], total = sum(values)) => ({ label, values, total });

// drawn are the points of a time. The one under way would look like a fall: it is drawn only where it is all that there is.
function drawn(u: LimitUse, from: number, to: number): number[] {
  const step = u.step_seconds * 1000;
  const known = (u.points ?? []).map((p) => ms(p.at));
  const at = places(from, to, step, known[0]);
  const open = at.at(-1)! + step > to;
  return open && known.some((t) => t < at.at(-1)!) ? at.slice(0, -1) : at;
}

// use is how many asks passed and how many were denied, or would have been where a limit only counts.
export function use(u: LimitUse, from: number, to: number, shadow = false): Picture {
  const by = new Map((u.points ?? []).map((p) => [ms(p.at), p]));
  const at = drawn(u, from, to);
  const { asks, denied } = u.total;
  return {
    seconds: at.map(wall),
    parts: [part(shadow ? 'within the limit' : 'passed', at.map((t) => (by.get(t)?.asks ?? 0) - (by.get(t)?.denied ?? 0)), asks - denied), part(shadow ? 'over it' : 'denied', at.map((t) => by.get(t)?.denied ?? 0), denied)],
  };
}

// denied is how often each of some keys was denied.
export function denied(u: LimitUse, keys: LimitDeniedKey[], from: number, to: number, name: (key: string) => string): Picture {
  const at = drawn(u, from, to);
  return {
    seconds: at.map(wall),
    parts: keys.map((k) => {
      const by = new Map((k.points ?? []).map((p) => [ms(p.at), p.denied]));
      return part(name(k.key), at.map((t) => by.get(t) ?? 0), k.denied);
    }),
  };
}

const minute = 60_000;
// stepOf is how long a point of a simulation is, as the server chooses it.
const stepOf = (asked: number): number => [1, 5, 10, 30, 60].map((n) => n * minute).find((step) => asked <= 200 * step) ?? 120 * minute;

// simulated is what was denied and what would have been, of a simulation that was asked for so long a time.
export function simulated(s: LimitSimulation, asked: number): Picture {
  const by = new Map((s.points ?? []).map((p) => [ms(p.at), p]));
  const all = [...by.keys()];
  const at = all.length === 0 ? [] : places(all[0]!, all.at(-1)! + 1, stepOf(asked), all[0]);
  return { seconds: at.map(wall), parts: [part('denied then', at.map((t) => by.get(t)?.was_denied ?? 0)), part('denied by this one', at.map((t) => by.get(t)?.denied ?? 0))] };
}
