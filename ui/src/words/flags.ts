import type { Audience, Change, Flag, Rule, State } from '../flags/types';
import { rulesOf, typeOf } from '../flags/types';
import { operator, rowsOf, savedGroup } from '../flags/condition';
import { plural } from './number';

// What flags are, in words.

// value is a value as people read it; a long one is cut.
export function value(v: unknown, most = 60): string {
  if (v === undefined) return 'not set';
  const text = JSON.stringify(v);
  return text.length > most ? text.slice(0, most - 1) + '…' : text;
}

// off is what a flag gives while it is off.
export const off = (flag: { type?: Flag['type'] }, state: State | undefined): unknown => (state?.off !== undefined ? state.off : typeOf(flag) === 'boolean' ? false : null);

// otherwise is what a flag gives, while it is on, where no rule decides.
export function otherwise(flag: { type?: Flag['type'] }, state: State): unknown {
  if (state.default !== undefined) return state.default;
  const o = off(flag, state);
  return rulesOf(state).length === 0 && o === false ? true : o;
}

// part is a share from 0 to 1 as it was typed: "10 %", "0.05 %".
export const part = (share: number): string => `${Number((share * 100).toPrecision(6))} %`;

// gives says in few words what a flag gives in an environment: "on for all", "2 rules", "10 %", "off", and "ramp at 10 %" while a ramp is under way there.
export function gives(flag: Pick<Flag, 'kind' | 'type'>, state: State | undefined, ramp?: { share: number }): string {
  if (!state?.on) return 'off';
  if (ramp) return `ramp at ${part(ramp.share)}`;
  if (flag.kind === 'switch') return 'on for all';
  if (flag.kind === 'sample') return `${state.percent ?? 0} %`;
  if (state.audience) return audience(state.audience);
  const rules = rulesOf(state);
  const [first] = rules;
  if (!first) return forAll(otherwise(flag, state));
  const free = first.condition === undefined && Object.keys(first).every((k) => ['id', 'force', 'coverage', 'seed', 'hashVersion', 'hashAttribute'].includes(k));
  if (free && 'force' in first && (first.coverage ?? 1) >= 1) return forAll(first.force);
  if (free && 'force' in first && rules.length === 1) return part(first.coverage ?? 1);
  if (rules.length === 1 && first.variations) return 'experiment';
  return plural(rules.length, 'rule');
}

const forAll = (v: unknown) => (v === true ? 'on for all' : v === false ? 'off for all' : `${value(v, 18)} for all`);

// audience is whom a flag is on for, in few words.
export function audience(a: Audience): string {
  if (a.everyone === true) return 'on for all';
  if (a.everyone === false) return 'off for all';
  const said = [
    a.percent ? `${a.percent} %` : '',
    a.superusers ? 'superusers' : '',
    a.staff ? 'staff' : '',
    a.authenticated ? 'signed in' : '',
    a.languages?.length ? plural(a.languages.length, 'language') : '',
    a.groups?.length ? plural(a.groups.length, 'group') : '',
    a.users?.length ? plural(a.users.length, 'user') : '',
    a.testing ? 'testers' : '',
  ].filter(Boolean);
  return said.length === 0 ? 'on for nobody' : said.slice(0, 2).join(', ') + (said.length > 2 ? ` and ${said.length - 2} more` : '');
}

// condition is whom a rule means: "country is one of US, CA and plan is pro".
export function condition(c: unknown): string {
  const rows = rowsOf(c);
  if (!rows) return 'those whom its condition means';
  if (rows.length === 0) return 'everybody';
  return rows
    .map((r) => {
      if (r.attribute === savedGroup) return `in the group ${r.value}`;
      const op = operator(r.is);
      const shown = r.value === '' && r.is !== '$eq' && r.is !== '$ne' ? '' : op?.bare ? '' : ` ${r.value === '' ? '""' : r.value}`;
      const text = `${r.attribute} ${op?.text ?? r.is}${shown}`;
      return text.length > 90 ? text.slice(0, 89) + '…' : text;
    })
    .join(' and ');
}

// rule is what a rule does, in one line.
export function rule(r: Rule): string {
  const whom = condition(r.condition);
  const share = r.coverage !== undefined && r.coverage < 1 ? `${part(r.coverage)} ${whom === 'everybody' || whom.startsWith('those') ? 'of' : 'where'} ` : '';
  if (r.variations && !('force' in r)) {
    // Who gets a variation with passthrough goes on to the next rule.
    const given = r.variations.map((v, i) => ((r.meta?.[i] as { passthrough?: boolean } | undefined)?.passthrough ? 'the next rule' : value(v)));
    return `${share}${whom} → ${given.join(' or ')}`;
  }
  return `${share}${whom} → ${value(r.force)}`;
}

const hows: Record<Change['how'], string> = {
  created: 'made',
  edited: 'changed',
  restored: 'restored',
  planned: 'planned change made',
  plan_failed: 'planned change not made',
  archived: 'taken out of use',
  brought_back: 'brought back',
  ramped: 'ramped',
  applied: 'applied from a list',
};
export const how = (h: string): string => hows[h as Change['how']] ?? h.replaceAll('_', ' ');

export const kinds: Record<Flag['kind'], { text: string; help: string }> = {
  flag: { text: 'flag', help: 'A value by rules, or on for an audience. The same visitor always gets the same.' },
  switch: { text: 'switch', help: 'On or off for all.' },
  sample: { text: 'sample', help: 'On for a share of the questions, drawn anew each time.' },
};

// by says what decided about a visitor.
export const by: Record<string, string> = {
  off: 'it is off',
  switch: 'it is on for all',
  sample: 'drawn anew each time',
  default: 'no rule means this visitor',
  force: 'a rule',
  experiment: 'an experiment',
  prerequisite: 'another flag that it needs',
};
