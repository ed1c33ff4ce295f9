import type { Answer } from '../api/types';
import type { Interval } from './question';

// Numbers, times and other values of answers as people read them.
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const tiny = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export function figure(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return '–';
  return n !== 0 && Math.abs(n) < 0.1 ? tiny.format(n) : number.format(n);
}

const utc = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const hours = utc({ hour: '2-digit', minute: '2-digit' });
const days = utc({ day: 'numeric', month: 'short' });
const months = utc({ month: 'short', year: 'numeric' });

// Seconds of buckets are the reader's clock written as if it were UTC. bucketTick is for an axis; over several days an hour says of which one it is.
export function bucketTick(second: number, interval: Interval, several = false): string {
  if (interval === 'month') return months.format(second * 1000);
  if (interval === 'day' || interval === 'week' || (!several && second % 86_400 === 0)) return days.format(second * 1000);
  return (several ? days.format(second * 1000) + ' ' : '') + hours.format(second * 1000);
}

// lasting tells whether seconds go over more than two days.
export const lasting = (seconds: number[]): boolean => (seconds.at(-1) ?? 0) - (seconds[0] ?? 0) > 2 * 86_400;

export function bucketName(second: number, interval: Interval): string {
  const text = new Date(second * 1000).toISOString();
  if (interval === 'month') return text.slice(0, 7);
  return interval === 'day' || interval === 'week' ? text.slice(0, 10) : text.slice(0, 16).replace('T', ' ');
}

const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

// cell is a value of an answer as text; times lose what all of them have.
export function cell(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string') return moment.test(value) ? value.slice(0, -1).replace('T', ' ') : value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

// span is a number of seconds in words, as `slipway events funnel` has them: "0.2 s", "3.5 min", "22 h".
export function span(seconds: number): string {
  const tenths = (x: number) => (x < 9.95 ? String(Math.round(x * 10) / 10) : x.toFixed(0));
  if (seconds < 0.05) return '< 0.1 s';
  if (seconds < 59.5) return tenths(seconds) + ' s';
  if (seconds < 59.5 * 60) return tenths(seconds / 60) + ' min';
  if (seconds < 47.5 * 3600) return tenths(seconds / 3600) + ' h';
  return tenths(seconds / 86_400) + ' days';
}

// given is a property as it was sent: a text that could be taken for something else is quoted.
export function given(value: unknown): string {
  if (typeof value !== 'string') return value === undefined ? '' : JSON.stringify(value);
  return value.trim() !== value || Number.isFinite(Number(value)) || /^([[{"]|(true|false|null)$)/.test(value) ? JSON.stringify(value) : value;
}

export interface Picture {
  seconds: number[];
  parts: { label: string; values: (number | null)[] }[];
  daily: boolean;
}

const mostParts = 12;

// pictureOf is an answer as lines over time: when its first column is a time, another one a number, and perhaps a third one says which line it is of.
export function pictureOf(answer: Answer): Picture | undefined {
  const rows = answer.rows.map((r) => r ?? []).filter((r) => r[0] !== null);
  if (rows.length < 2 || !rows.every((r) => typeof r[0] === 'string' && moment.test(r[0]))) return undefined;
  const is = (type: string) => answer.columns.flatMap((_, i) => (i > 0 && rows.some((r) => typeof r[i] === type) && rows.every((r) => r[i] === null || typeof r[i] === type) ? [i] : []));
  const numbers = is('number');
  const texts = is('string');
  if (numbers.length === 0 || texts.length > 1) return undefined;
  const second = (r: unknown[]) => Date.parse(String(r[0])) / 1000;
  const seconds = [...new Set(rows.map(second))].sort((a, b) => a - b);
  const place = new Map(seconds.map((s, i) => [s, i]));
  const parts = new Map<string, (number | null)[]>();
  for (const row of rows) {
    for (const column of texts.length > 0 ? numbers.slice(0, 1) : numbers) {
      const label = texts.length > 0 ? cell(row[texts[0]!]) : (answer.columns[column]?.name ?? '');
      const values = parts.get(label) ?? parts.set(label, seconds.map(() => null)).get(label)!;
      const i = place.get(second(row))!;
      if (values[i] !== null) return undefined; // two at one time: no line
      values[i] = (row[column] ?? null) as number | null;
    }
  }
  if (parts.size > mostParts) return undefined;
  return { seconds, parts: [...parts].map(([label, values]) => ({ label, values })), daily: seconds.every((s) => s % 86_400 === 0) };
}
