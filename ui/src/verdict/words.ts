import type { Harm, Verdict } from '../api/types';
import { count, percent, plural, rough } from '../words/number';
import { lasting } from '../words/time';

// What a verdict and its harm are called.
export type Said = 'right' | 'wrong';

// ways are the words one can say, with what they mean of this verdict.
export function ways(outcome: Verdict['outcome']): Record<Said, string> {
  if (outcome === 'promoted') return { right: 'Right: nothing was wrong with it', wrong: 'Wrong: it should have come back' };
  return { right: 'Right: it did harm', wrong: 'Wrong: a false alarm' };
}

// by says who ended a rollout, behind "promoted" or "rolled back".
export const by: Record<Verdict['by'], string> = { judge: 'by the judge', person: 'by somebody', crash: 'it could not run', hosts: 'too few hosts' };

// bad is what the requests of a kind are called: "failed requests", "slow requests".
export const bad = (kind: Harm['kind'], n = 2) => `${kind} ${n === 1 ? 'request' : 'requests'}`;

// basis says where an estimate of harm comes from.
export function basis(h: Harm): string {
  const least = h.spared_at_least > 0 ? ` By the lower end of the interval for the ratio it is ${rough(h.spared_at_least)}.` : '';
  return (
    `An estimate. With everybody on it there had been ${h.a_second < 10 ? Number(h.a_second.toPrecision(2)) : rough(h.a_second)} ${bad(h.kind)} a second more than on the old release. ` +
    `The rest of its planned watch comes to ${lasting(h.rest_s * 1000)} of everybody; the time after it is left out, though nobody might have noticed.${least} ` +
    `Until the last visitor was off it, visitors met ${plural(h.done, bad(h.kind, 1), bad(h.kind))} more than on the old release.`
  );
}

// alarms says the known false alarms and the budget in one sentence.
export function alarms(wrong: number, days: number, budget: number): string {
  return `${plural(wrong, 'false alarm')} in ${plural(days, 'day')}; the budget is ${small(budget)}.`;
}

// small is a number of false alarms, which need not be whole.
export const small = (n: number): string => (n >= 10 ? count(n) : String(Number(n < 0.1 ? n.toPrecision(1) : n.toFixed(1))));

export const share = (part: number, of: number): string => percent(of > 0 ? part / of : null);
