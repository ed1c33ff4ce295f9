import { SvelteMap } from 'svelte/reactivity';
import { short } from '../words/number';
import { get, path } from './client';
import type { Release } from './types';

// Number and commit of each release that was asked for: they never change.
const names = new SvelteMap<string, string>();
const asked = new Set<string>();

const isRelease = (text: string) => /^rel_\w+$/.test(text);

// releaseName is a release as people know it, where only its id is at hand: "#5 3f2a91c". Until that is there it is the end of the id.
export function releaseName(app: string, id: string): string {
  if (!asked.has(id)) {
    asked.add(id);
    get<Release>(path('apps', app, 'releases', id)).then(
      (r) => names.set(id, `#${r.number} ${short(r.commit)}`),
      () => asked.delete(id),
    );
  }
  return names.get(id) ?? '…' + id.slice(-6);
}

// named is a text of an answer, or the release that it is the id of.
export const named = (app: string, text: string): string => (isRelease(text) ? releaseName(app, text) : text);
