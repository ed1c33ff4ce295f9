import { ask, path } from '../api/client';
import type { Answer, Selection } from '../api/types';
import { ownFirst } from './question';

// What is offered in fields for names: events and properties that were seen. A name that is not among them can be typed all the same.
interface Seen {
  kind: string;
  name: string;
  property: string;
  type: string;
}

const own = ['event.release', 'event.source', 'event.user', 'event.anonymous', 'event.group', 'event.kind', 'event.name', 'context.page.path', 'context.page.url', 'context.locale'];
const most = 500;

class Names {
  #seen = $state.raw<Seen[]>([]);
  #app = '';
  #read = 0;

  // load reads the names of an app when it has been a while. Without them fields are as they are.
  async load(app: string) {
    if (app === this.#app && Date.now() - this.#read < 60_000) return;
    if (app !== this.#app) this.#seen = [];
    this.#app = app;
    this.#read = Date.now();
    try {
      const { rows } = await ask<Answer>(path('apps', app, 'events', 'sql'), { sql: 'SELECT kind, name, property, type FROM learned ORDER BY count DESC', limit: 5000 });
      if (app === this.#app) this.#seen = rows.map((r) => ({ kind: String(r?.[0]), name: String(r?.[1]), property: String(r?.[2]), type: String(r?.[3]) }));
    } catch {
      this.#read = 0;
    }
  }

  events(kind = ''): string[] {
    const of = this.#seen.filter((s) => s.property === '' && s.name !== '' && (kind === '' || s.kind === kind));
    return [...new Set(of.map((s) => s.name))].slice(0, most);
  }

  properties(of: Selection = {}, numbers = false): string[] {
    const some = this.#seen.filter((s) => s.property !== '' && (!of.event || s.name === of.event) && (!of.kind || s.kind === of.kind) && (!numbers || s.type === 'number'));
    return ownFirst([...new Set([...some.map((s) => s.property), ...(numbers ? [] : own)])], (name) => name).slice(0, most);
  }
}

export const names = new Names();
