import type { LimitCount, LimitKey, LimitOverride, LimitSimulation, RateLimit } from '../api/schema';
import { count, partOf, plural } from '../words/number';
import { ago, lasting, ms } from '../words/time';
import type { Word } from '../words/state';

// Limits in words.

export const kinds = {
  rolling: { text: 'Rolling', about: 'So many in a time. What was taken comes back bit by bit, so that nobody gets twice as much around midnight. The usual one, for requests.' },
  calendar: { text: 'By the calendar', about: 'So many, and anew with each minute, day or month of the clock. For quotas that people are told of or pay for.' },
  ever: { text: 'Ever', about: 'So many, and then no more, for all time. “1 ever” guards what must happen once, such as a welcome mail.' },
  concurrent: { text: 'At the same time', about: 'So many at once. What is taken is given back when its work is done, or comes back by itself. For jobs, uploads and seats.' },
} as const;
export type Kind = keyof typeof kinds;

export const units = ['second', 'minute', 'hour', 'day', 'week', 'month', 'year'] as const;

const span = (seconds: number): string => {
  for (const [name, size] of [['day', 86_400], ['hour', 3600], ['minute', 60]] as const) if (seconds % size === 0) return plural(seconds / size, name);
  return plural(seconds, 'second');
};
const within = (l: RateLimit): string => ((l.every ?? 1) > 1 ? `in ${count(l.every!)} ${l.unit}s` : `${l.unit === 'hour' ? 'an' : 'a'} ${l.unit}`);

// said is a limit in a line, as the server says it: "100 a minute, 20 at once". That it only counts is a pill of its own.
export function said(l: RateLimit): string {
  const n = count(l.amount);
  if (l.kind === 'rolling') return `${n} ${within(l)}${l.burst && l.burst !== l.amount ? `, ${count(l.burst)} at once` : ''}`;
  if (l.kind === 'calendar') return `${n} each ${l.unit} of the calendar${l.zone ? ` in ${l.zone}` : ''}`;
  if (l.kind === 'ever') return `${n} ever`;
  return `${n} at once, ${l.refill ? `refilled by ${count(l.refill)} ${within(l)}` : `each for ${span(l.hold_seconds ?? 0)} at most`}`;
}

export const shadow: Word = { text: 'counts only', tone: 'amber', icon: 'eye', help: 'It is in the shadow: it counts what it would deny, and denies nobody.' };

// holds tells whether an override's time is not over.
export const holds = (o: LimitOverride, now: number): boolean => !o.until || ms(o.until) > now;

// asked says what became of a limit in a time, in a sentence or two.
export function asked(c: LimitCount, when: string, where: string, shadowed = false): string {
  if (c.asks === 0) return `Nobody asked in ${where} in ${when}.`;
  const who = `${count(c.asks)} ${c.asks === 1 ? 'ask' : 'asks'} in ${where} in ${when}`;
  const denied = c.denied === 0 ? 'none was denied' : `${count(c.denied)} ${shadowed ? 'would have been' : c.denied === 1 ? 'was' : 'were'} denied (${partOf(c.denied, c.asks)})`;
  const near = c.near > 0 ? `, ${count(c.near)} came near the limit` : '';
  return `${who}: ${denied}${near}.${c.asked !== c.asks ? ` They asked for ${count(c.asked)} and were given ${count(c.given)}.` : ''}`;
}

// left says how a key stands: "2 of 5 left, again full in 12 s"; short is for columns: "2 of 5, full in 12 s". A limit that gives nothing back never is full again.
export function left(k: LimitKey, now: number, short = false): string {
  const some = `${count(k.left)} of ${count(k.capacity)}${short ? '' : ' left'}`;
  if (k.capacity === 0) return short ? 'none' : 'nothing is to be had';
  if (k.full_at && ms(k.full_at) > now) return `${some}, ${short ? '' : 'again '}full in ${soon(ms(k.full_at) - now)}`;
  return k.left < k.capacity && !k.full_at ? `${some}, ${short ? 'for good' : 'and never again more'}` : some;
}

// soon is a time to come in whole seconds: it is counted down while one looks.
export const soon = (gap: number): string => (gap < 60_000 ? `${Math.max(1, Math.ceil(gap / 1000))} s` : gap < 172_800_000 ? lasting(Math.ceil(gap / 1000) * 1000) : ago(0, -gap).replace('in ', ''));

// instead says an override: "10 instead of 5, 20 at once".
export const instead = (o: LimitOverride, l: RateLimit): string => `${count(o.amount)} instead of ${count(l.amount)}${o.burst ? `, ${count(o.burst)} at once` : ''}`;

// wouldHave is a simulation in a sentence.
export function wouldHave(s: LimitSimulation): string {
  const all = s.was.asks;
  const of = `of ${plural(all, 'ask')}`;
  const would = s.denied === 0 ? `It would have denied none ${of}` : `It would have denied ${count(s.denied)} ${of} (${partOf(s.denied, all)}), from ${count(s.hit)} of ${plural(s.keys, 'key')}`;
  const was = s.was.denied === s.denied ? 'just as many as were denied then' : s.was.denied === 0 ? 'none was denied then' : `${count(s.was.denied)} (${partOf(s.was.denied, all)}) ${s.was.denied === 1 ? 'was' : 'were'} denied then`;
  return `${would}; ${was}.`;
}

// bare is a key without the group of its limit before it.
export const bare = (key: string, group: string): string => (key.startsWith(group + ':') ? key.slice(group.length + 1) : '');
