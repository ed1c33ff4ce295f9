import { path, query } from '../api/client';
import { load, type Loaded } from '../api/loaded.svelte';
import type { ChartMark } from '../charts/curve';
import { to } from '../nav/addresses';
import { who } from '../words/state';

// A change of a flag, as the API tells it.
interface Mark {
  name: string;
  environment?: string;
  at: string;
  by: string;
  words: string;
}

export type FlagMark = ChartMark & { by: string; href: string };

// flagMarks asks for the changes of flags in a time: marks for whatever is drawn over it.
export function flagMarks(app: () => string, environment: () => string, span: () => { from: number; to: number } | undefined): Loaded<{ items: Mark[] }> {
  return load<{ items: Mark[] }>(
    () => {
      const s = span();
      return s ? path('apps', app(), 'flag-changes') + query({ environment: environment(), from: new Date(s.from).toISOString(), to: new Date(s.to).toISOString(), limit: 200 }) : null;
    },
    (event) => event.app === app() && event.type === 'flag.changed',
  );
}

// drawn gives them their place on an axis: second turns a moment into the axis' own seconds.
export function drawn(app: string, marks: readonly Mark[] | undefined, second: (moment: number) => number): FlagMark[] {
  return (marks ?? []).map((m) => ({
    second: second(Date.parse(m.at)),
    text: `${m.name}: ${m.words}`,
    kind: 'flag',
    by: who(m.by),
    href: to.flag(app, m.name),
  }));
}
