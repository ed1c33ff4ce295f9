import { SvelteMap } from 'svelte/reactivity';
import { get, path } from '../api/client';
import { named } from '../api/releases.svelte';
import type { Page, Source } from '../api/types';

// Names of the sources that were asked for, by their ids.
const names = new SvelteMap<string, string>();
const asked = new Set<string>();

const isSource = (text: string) => /^src_\w+$/.test(text);

function sourceName(app: string, id: string): string {
  if (!asked.has(id)) {
    asked.add(id);
    get<Page<Source>>(path('apps', app, 'sources')).then(
      (list) => list.items.forEach((s) => (asked.add(s.id), names.set(s.id, s.name))),
      () => asked.delete(id),
    );
  }
  return names.get(id) ?? id;
}

// label is a text of an answer as people know it: a source by its name, a release by its number and commit.
export const label = (app: string, text: string): string => (isSource(text) ? sourceName(app, text) : named(app, text));
