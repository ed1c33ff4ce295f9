import type { Answer } from '../api/types';
import { shownAt } from './question';

// Cohort is who first came in one interval, and how many of them came in each one since.
export interface Cohort {
  second: number;
  size: number;
  back: number[];
}

// cohortsOf lays an answer with cohort, size, bucket and visitors on the intervals of a time. From the first cohort on each interval has one, also when nobody came first in it.
export function cohortsOf(answer: Answer, expected: number[]): Cohort[] {
  const place = new Map(expected.map((s, i) => [s, i]));
  const cohorts = expected.map((s, i) => ({ second: s, size: 0, back: expected.slice(i).map(() => 0) }));
  for (const row of answer.rows) {
    const from = place.get(shownAt(row?.[0]));
    const at = place.get(shownAt(row?.[2]));
    const cohort = from === undefined ? undefined : cohorts[from];
    if (!cohort || from === undefined || at === undefined) continue;
    cohort.size = Number(row?.[1]);
    cohort.back[at - from] = Number(row?.[3]);
  }
  const begin = cohorts.findIndex((c) => c.size > 0);
  return begin < 0 ? [] : cohorts.slice(begin);
}
