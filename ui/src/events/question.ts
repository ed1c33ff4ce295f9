import type { Answer, Condition, Selection } from '../api/types';

// What pages about events ask, as addresses have it and as the server takes it.
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export interface Range {
  from: number;
  to: number;
}

export const spans: readonly { key: string; text: string; ms: number }[] = [
  { key: '1h', text: 'last hour', ms: hour },
  { key: '24h', text: 'last 24 hours', ms: day },
  { key: '7d', text: 'last 7 days', ms: 7 * day },
  { key: '30d', text: 'last 30 days', ms: 30 * day },
  { key: '90d', text: 'last 90 days', ms: 90 * day },
];

// lastingOf is how long 90m, 24h or 7d is, in milliseconds; undefined when it is none of that.
export function lastingOf(last: string): number | undefined {
  const [, n, unit] = last.match(/^(\d{1,6})([mhd])$/) ?? [];
  return Number(n) > 0 ? Number(n) * { m: minute, h: hour, d: day }[unit as 'm' | 'h' | 'd'] : undefined;
}

// rangeOf is the time that an address means: the last so long up to now, or from and to by the clock of who reads. Undefined when it ends before it begins.
export function rangeOf(last: string, from: string, to: string, now: number): Range | undefined {
  if (from === '' && to === '') return { from: now - (lastingOf(last) ?? spans[2]!.ms), to: now };
  const range = { from: new Date(from).getTime(), to: to === '' ? now : new Date(to).getTime() };
  return range.from < range.to ? range : undefined;
}

export type Interval = 'minute' | 'hour' | 'day' | 'week' | 'month';
const lengths: Record<Interval, number> = { minute, hour, day, week: 7 * day, month: 30 * day };
export const intervals = Object.keys(lengths) as Interval[];

// fitting are the intervals that give a picture something to show, and not more than it can.
export const fitting = (r: Range): Interval[] => intervals.filter((i) => lengths[i] <= Math.max(r.to - r.from, minute) && (r.to - r.from) / lengths[i] <= 800);

export function intervalOf(wanted: string, r: Range): Interval {
  const some = fitting(r);
  return some.find((i) => i === wanted) ?? some.find((i) => (r.to - r.from) / lengths[i] <= 100) ?? some.at(-1) ?? 'month';
}

// cohortIntervals are those that give a picture of cohorts not too many rows, and cohortIntervalOf the one that is wanted, or fits best.
const mostCohorts = 60;
export const cohortIntervals = (r: Range): Interval[] => fitting(r).filter((i) => (i === 'day' || i === 'week' || i === 'month') && buckets(r, i).length <= mostCohorts);

export function cohortIntervalOf(wanted: string, r: Range): Interval {
  const some = cohortIntervals(r);
  return some.find((i) => i === wanted) ?? (r.to - r.from < 15 * day ? some[0] : some.find((i) => i === 'week')) ?? some.at(-1) ?? 'day';
}

// wall is what the reader's clock shows at a moment, written as if it were UTC: so pages count in intervals. unwall is the way back.
export function wall(moment: number): number {
  const d = new Date(moment);
  return Date.UTC(d.getFullYear(), d.getMonth(), d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds());
}

export function unwall(shown: number): number {
  const d = new Date(shown);
  return new Date(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()).getTime();
}

// shownAt is what the clock shows at the beginning of an interval, in seconds as if it were UTC: the server sends the moment with the offset of the zone that was asked for.
export const shownAt = (moment: unknown): number => Date.parse(String(moment).slice(0, 19) + 'Z') / 1000;

export const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

// begin is the first moment of the interval around a time of the wall clock; weeks begin on Monday.
export function begin(shown: number, interval: Interval): number {
  if (interval === 'minute' || interval === 'hour') return shown - (shown % lengths[interval]);
  const d = new Date(shown);
  const back = interval === 'month' ? d.getUTCDate() - 1 : interval === 'week' ? (d.getUTCDay() + 6) % 7 : 0;
  return Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate() - back);
}

function next(shown: number, interval: Interval): number {
  const d = new Date(shown);
  return interval === 'month' ? Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 1) : shown + lengths[interval];
}

// whole is a range that begins where its first interval does, so that the first number is not of a part of one.
export const whole = (r: Range, interval: Interval): Range => ({ from: unwall(begin(wall(r.from), interval)), to: r.to });

// buckets are the seconds at which the intervals of a range begin. An hour that a clock leaps over is none.
export function buckets(r: Range, interval: Interval): number[] {
  const out: number[] = [];
  const end = wall(r.to - 1);
  for (let at = begin(wall(r.from), interval); at <= end && out.length < 2000; at = next(at, interval)) {
    if (wall(unwall(at)) === at) out.push(at / 1000);
  }
  return out;
}

export interface Part {
  label: string;
  values: (number | null)[];
  total: number;
}

export const others = '(others)';

// trendOf lays an answer with bucket, value and perhaps split on the seconds of its intervals. Where nothing was counted there is a 0, where nothing was measured there is nothing.
export function trendOf(answer: Answer, expected: number[], counted: boolean, label: string): { seconds: number[]; parts: Part[] } {
  const column = (name: string) => answer.columns.findIndex((c) => c.name === name);
  const [at, split, value] = [column('bucket'), column('split'), column('value')];
  const rows = answer.rows.map((row) => ({ second: shownAt(row?.[at]), part: split < 0 ? label : String(row?.[split]), value: row?.[value] }));
  const seconds = [...new Set([...expected, ...rows.map((r) => r.second)])].sort((a, b) => a - b);
  const place = new Map(seconds.map((s, i) => [s, i]));
  const parts = new Map<string, Part>();
  if (split < 0) parts.set(label, { label, values: seconds.map(() => (counted ? 0 : null)), total: 0 });
  for (const row of rows) {
    let part = parts.get(row.part);
    if (!part) parts.set(row.part, (part = { label: row.part, values: seconds.map(() => (counted ? 0 : null)), total: 0 }));
    if (typeof row.value !== 'number') continue;
    part.values[place.get(row.second)!] = row.value;
    part.total += row.value;
  }
  return { seconds, parts: [...parts.values()].sort((a, b) => Number(a.label === others) - Number(b.label === others) || b.total - a.total) };
}

// A selection is written into an address as the event's name, or as JSON where it is more than that.
export function writeSelection(s: Selection): string {
  const { event = '', kind, where = [] } = s;
  if (!kind && !where?.length && !event.startsWith('{')) return event;
  return JSON.stringify({ ...(event ? { event } : {}), ...(kind ? { kind } : {}), ...(where?.length ? { where } : {}) });
}

export function readSelection(text: string): Selection {
  if (!text.startsWith('{')) return text === '' ? {} : { event: text };
  try {
    return JSON.parse(text) as Selection;
  } catch {
    return {};
  }
}

// readSteps are the steps of a funnel in an address: two at least, and ten at most.
export function readSteps(text: string): Selection[] {
  let steps: unknown;
  try {
    steps = JSON.parse(text);
  } catch {
    steps = [];
  }
  const read = Array.isArray(steps) ? (steps.filter((s) => typeof s === 'object' && s !== null).slice(0, 10) as Selection[]) : [];
  while (read.length < 2) read.push({});
  return read;
}

export const operators: readonly { is: Condition['is']; text: string; bare?: true }[] = [
  { is: 'equal', text: 'is' },
  { is: 'not_equal', text: 'is not' },
  { is: 'contains', text: 'contains' },
  { is: 'set', text: 'is set', bare: true },
  { is: 'not_set', text: 'is not set', bare: true },
  { is: 'more', text: 'is more than' },
  { is: 'less', text: 'is less than' },
];

const bare = (c: Condition) => c.is === 'set' || c.is === 'not_set';

// complete tells whether a condition says enough to be asked.
export const complete = (c: Condition): boolean => c.property !== '' && (bare(c) || (c.value ?? '') !== '') && (!(c.is === 'more' || c.is === 'less') || Number.isFinite(Number(c.value)));

// say is a selection in words: "signed_up where plan is pro".
export function say(s: Selection): string {
  const head = s.event || (s.kind ? `any ${s.kind}` : 'any event');
  const terms = (s.where ?? []).map((c) => [c.property, operators.find((o) => o.is === c.is)?.text ?? c.is, bare(c) ? '' : c.value].filter(Boolean).join(' '));
  return terms.length > 0 ? `${head} where ${terms.join(' and ')}` : head;
}

// ownFirst puts what clients add of themselves, such as PostHog's "$browser", behind what the app sends.
export const ownFirst = <T>(list: T[], name: (of: T) => string): T[] => [...list].sort((a, b) => Number(name(a).startsWith('$')) - Number(name(b).startsWith('$')));

// literal is a text in SQL.
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
