import { condition as conditionWords, part, rule as ruleWords, value } from '../words/flags';
import type { Audience, Rule, State } from './types';
import { rulesOf } from './types';

// What changes from one state to another, line by line, as people say it.
export interface Line {
  what: string;
  // Before and after; one of them alone where something was added or taken out.
  was?: string;
  is?: string;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const none = (v: unknown) => v === undefined || v === null;

// members are those of a state by which changes are told apart; the server leaves out what is empty.
export function members(s: State | undefined): Record<string, unknown> {
  const { changed_at: _at, changed_by: _by, revision: _revision, ...kept } = s ?? { on: false };
  const out: Record<string, unknown> = {};
  for (const [k, v] of Object.entries(kept)) if (v !== undefined && !(k === 'percent' && v === 0) && !(k === 'rules' && (v === null || same(v, [])))) out[k] = v;
  return out;
}

// offOnly tells whether a change only switches off, which nobody has to approve.
export function offOnly(from: State | undefined, to: State): boolean {
  const { on: was, ...a } = members(from);
  const { on: is, ...b } = members(to);
  return was === true && is === false && alike(a, b);
}

// alike compares whatever the order of the members is.
export function alike(a: unknown, b: unknown): boolean {
  return same(sorted(a), sorted(b));
}

function sorted(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(sorted);
  if (typeof v !== 'object' || v === null) return v;
  return Object.fromEntries(Object.entries(v).filter(([, one]) => one !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, one]) => [k, sorted(one)]));
}

export function compare(from: State | undefined, to: State | undefined): Line[] {
  const a = members(from);
  const b = members(to);
  const lines: Line[] = [];
  if (a['on'] !== b['on'] && (a['on'] || b['on'])) lines.push({ what: 'Switch', was: a['on'] ? 'on' : 'off', is: b['on'] ? 'on' : 'off' });
  for (const [name, what] of [['default', 'Where no rule decides'], ['off', 'While it is off']] as const) if (!same(a[name], b[name])) lines.push({ what, was: value(a[name]), is: value(b[name]) });
  if (!same(a['percent'], b['percent'])) lines.push({ what: 'Share of the questions', was: `${(a['percent'] as number) ?? 0} %`, is: `${(b['percent'] as number) ?? 0} %` });
  lines.push(...audiences(a['audience'] as Audience | undefined, b['audience'] as Audience | undefined), ...rules(rulesOf(from), rulesOf(to)));
  return lines;
}

const names: Record<string, string> = {
  everyone: 'Everyone', percent: 'Share of visitors', testing: 'Testers', superusers: 'Superusers', staff: 'Staff', authenticated: 'Signed in', languages: 'Languages', groups: 'Groups', users: 'Users', rollout: 'Drawn again each session', note: 'Note',
};

function audiences(a: Audience | undefined, b: Audience | undefined): Line[] {
  if (none(a) && none(b)) return [];
  if (none(b)) return [{ what: 'Audience', was: 'an audience', is: 'none any more' }];
  const lines: Line[] = none(a) ? [{ what: 'Audience', is: 'in the place of rules' }] : [];
  for (const [name, what] of Object.entries(names)) {
    const was = said((a ?? {})[name as keyof Audience]);
    const is = said((b ?? {})[name as keyof Audience]);
    if (was !== is) lines.push({ what, was, is });
  }
  return lines;
}

const said = (v: unknown): string => (none(v) || v === '' ? 'no' : Array.isArray(v) ? v.join(', ') || 'none' : v === true ? 'yes' : v === false ? 'no' : typeof v === 'number' ? (v === 0 ? 'none' : `${v} %`) : String(v));

// rules finds each rule of before in after: by its id, as it was, or else at its place.
function rules(from: Rule[], to: Rule[]): Line[] {
  const left = new Set(from.map((_, i) => i));
  const partner = new Map<number, number>();
  const pair = (fits: (a: Rule, b: Rule, i: number, k: number) => boolean) =>
    to.forEach((b, k) => {
      if (partner.has(k)) return;
      for (const i of left) {
        if (!fits(from[i]!, b, i, k)) continue;
        left.delete(i);
        partner.set(k, i);
        return;
      }
    });
  pair((a, b, i, k) => i === k && alike(a, b));
  pair((a, b) => a.id !== undefined && a.id === b.id);
  pair((a, b) => alike(a, b));
  pair((a, b, i, k) => i === k && (a.id === undefined || b.id === undefined));
  const lines: Line[] = [];
  for (const i of left) lines.push({ what: `Rule ${i + 1} taken out`, was: ruleWords(from[i]!) });
  // Rules that only stand elsewhere because others came or went have not moved.
  const order = [...partner.entries()].sort(([a], [b]) => a - b).map(([, i]) => i);
  to.forEach((b, k) => {
    const i = partner.get(k);
    if (i === undefined) return void lines.push({ what: `Rule ${k + 1} added`, is: ruleWords(b) });
    const at = order.indexOf(i);
    if (at !== [...order].sort((x, y) => x - y).indexOf(i)) lines.push({ what: name(b, k), was: `place ${i + 1}`, is: `place ${k + 1}` });
    lines.push(...ruleLines(from[i]!, b, name(b, k)));
  });
  return lines;
}

const name = (r: Rule, k: number) => `Rule ${k + 1}${r.id ? ` (${r.id})` : ''}`;

function ruleLines(a: Rule, b: Rule, what: string): Line[] {
  const lines: Line[] = [];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const was = a[key];
    const is = b[key];
    if (alike(was, is)) continue;
    if (key === 'coverage') lines.push({ what: `${what}: share`, was: share(was), is: share(is) });
    else if (key === 'condition') lines.push({ what: `${what}: whom it means`, was: whom(was, is), is: whom(is, was) });
    else if (key === 'force') lines.push({ what: `${what}: value`, was: value(was), is: value(is) });
    else if (key === 'weights') lines.push({ what: `${what}: weights`, was: weights(was), is: weights(is) });
    else lines.push({ what: `${what}: ${key}`, was: value(was), is: value(is) });
  }
  return lines;
}

const share = (v: unknown) => (typeof v === 'number' ? part(v) : 'all');
const weights = (v: unknown) => (Array.isArray(v) ? v.map((w: number) => part(w)).join(', ') : 'alike');

// whom says a condition in words, or as JSON where words would be the same for both.
function whom(c: unknown, other: unknown): string {
  const text = conditionWords(c);
  return text === conditionWords(other) || text.startsWith('those whom') ? (c === undefined ? 'everybody' : JSON.stringify(c)) : text;
}
