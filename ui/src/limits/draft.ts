import type { RateLimit } from '../api/schema';
import type { Failure } from '../api/client';
import type { Kind } from './words';

// A limit as it is being typed: also what is none yet. Fields of other kinds keep what was typed, and are not sent.
export interface Draft {
  kind: Kind;
  amount: string;
  every: string;
  unit: string;
  burst: string;
  zone: string;
  back: 'hold' | 'refill';
  hold: string;
  holdUnit: keyof typeof seconds;
  refill: string;
  near: string;
  shadow: boolean;
  exact: boolean;
}
export type Faults = Record<string, string>;

export const seconds = { second: 1, minute: 60, hour: 3600, day: 86_400 };
const most = 2 ** 40;
const longest = 10 * 365 * 86_400;

export function begin(l?: RateLimit): Draft {
  const text = (n: number | undefined) => (n ? String(n) : '');
  const hold = l?.hold_seconds || 60;
  const holdUnit = (['day', 'hour', 'minute'] as const).find((u) => hold % seconds[u] === 0) ?? 'second';
  return {
    kind: (l?.kind ?? 'rolling') as Kind, amount: l ? String(l.amount) : '', every: l?.every ? String(l.every) : '1', unit: l?.unit || 'minute', burst: text(l?.burst), zone: l?.zone ?? '',
    back: l?.refill ? 'refill' : 'hold', hold: String(hold / seconds[holdUnit]), holdUnit, refill: text(l?.refill), near: l?.near ? String(Number((l.near * 100).toPrecision(6))) : '', shadow: l?.shadow ?? false, exact: l?.exact ?? false,
  };
}

// whole reads a number as people write it: "10,000" and "10 000" too. NaN is none.
export function whole(text: string): number {
  const plain = text.trim().replaceAll(/[\s_,'’]/g, '');
  return /^\d+$/.test(plain) ? Number(plain) : NaN;
}

// build makes it what the server is told. Faults are by the names that the server gives to fields; what is only missing is none.
export function build(d: Draft): { limit: RateLimit; faults: Faults; complete: boolean } {
  const faults: Faults = {};
  let complete = true;
  const read = (field: string, text: string, low: number, high: number, wrong: string, needed = true) => {
    const n = whole(text);
    if (text.trim() === '') {
      if (needed) complete = false;
      return undefined;
    }
    if (!(n >= low && n <= high)) faults[field] = wrong;
    return n;
  };
  const limit: RateLimit = { kind: d.kind, amount: read('amount', d.amount, 0, most, 'A whole number from 0, which denies everything, to 1,099,511,627,776.') ?? 0 };
  const refills = d.kind === 'concurrent' && d.back === 'refill';
  if (d.kind === 'rolling' || d.kind === 'calendar' || refills) limit.unit = d.unit;
  if (d.kind === 'rolling' || refills) {
    const every = read('every', d.every, 1, longest, 'A whole number of units, 1 or more.');
    if (every && every > 1) limit.every = every;
  }
  if (d.kind === 'rolling') {
    const burst = read('burst', d.burst, 1, most, 'A whole number, 1 or more; or nothing.', false);
    if (burst) limit.burst = burst;
  }
  if (d.kind === 'calendar' && d.zone.trim() !== '') limit.zone = d.zone.trim();
  if (refills) limit.refill = read('refill', d.refill, 1, most, 'A whole number, 1 or more.') ?? 0;
  else if (d.kind === 'concurrent') limit.hold_seconds = (read('hold_seconds', d.hold, 1, longest / seconds[d.holdUnit], 'A whole number, 1 or more; ten years at most.') ?? 0) * seconds[d.holdUnit];
  const near = d.near.trim() === '' ? 0 : Number(d.near.replace('%', '').replace(',', '.'));
  if (!(near === 0 && d.near.trim() === '') && !(near > 0 && near <= 100)) faults['near'] = 'A share from 1 to 100 %, or nothing.';
  else if (near > 0) limit.near = near / 100;
  if (d.shadow) limit.shadow = true;
  if (d.exact) limit.exact = true;
  return { limit, faults, complete: complete && Object.keys(faults).length === 0 };
}

// groupFault is what the server refuses in the name of a group.
export function groupFault(group: string): string {
  if (/^:|:$|::/.test(group.trim())) return 'A colon parts a group from what is below it: there is something on both sides.';
  if (new TextEncoder().encode(group.trim()).length > 512) return 'A group has at most 512 bytes.';
  return '';
}

// fields are what the server said of single fields, by their names; the rest is said by Trouble.
export function fields(failure: Failure | undefined): Faults {
  return Object.fromEntries((failure?.fields ?? []).map((f) => f.replace(/^definition\./, '').split(/: (.*)/s)).filter(([, text]) => text).map(([field = '', text = '']) => [field, text.charAt(0).toUpperCase() + text.slice(1) + '.']));
}

// recounts tells whether what was taken means nothing to the other definition.
export const recounts = (a: RateLimit, b: RateLimit): boolean => a.kind !== b.kind || (a.kind === 'calendar' && (a.unit !== b.unit || (a.zone ?? '') !== (b.zone ?? '')));
