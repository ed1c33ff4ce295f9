import { ask, path, query } from '../api/client';
import type { Answer } from '../api/types';
import { literal } from './question';

// Row is an event as it came, or what came and is none.
export interface Row {
  sequence: number;
  failed: boolean;
  data: Record<string, unknown>;
}

export interface Wanted {
  environment: string;
  name: string;
  user: string;
}

// What is kept; older rows make room. Searching further back is for the other tabs.
export const kept = 300;
const backlog = 50;
const together = 150;
const firstRetry = 500;
const lastRetry = 8000;
const idle = 20_000;

// Tail is the newest events of an app, as they come: those of before first, then the server's stream behind them, resumed where it was cut off.
export class Tail {
  rows = $state.raw<Row[]>([]);
  held = $state.raw<Row[]>([]);
  state = $state<'connecting' | 'on' | 'lost'>('connecting');
  paused = $state(false);
  // Whether what came before is known: an empty list says something then.
  ready = $state(false);
  #app: string;
  #wanted: Wanted;
  #source: EventSource | null = null;
  #abort = new AbortController();
  #after = '';
  #fresh: Row[] = [];
  #timer = 0;
  #sleep = 0;
  #flush = 0;
  #retry = firstRetry;
  #over = false;

  constructor(app: string, wanted: Wanted) {
    this.#app = app;
    this.#wanted = wanted;
    document.addEventListener('visibilitychange', this.#look);
    addEventListener('pagehide', this.#shut);
    addEventListener('pageshow', this.#wake);
    void this.#begin();
  }

  close() {
    this.#over = true;
    document.removeEventListener('visibilitychange', this.#look);
    removeEventListener('pagehide', this.#shut);
    removeEventListener('pageshow', this.#wake);
    this.#abort.abort();
    clearTimeout(this.#flush);
    this.#shut();
  }

  pause() {
    this.paused = true;
  }

  resume() {
    this.paused = false;
    this.rows = [...this.held, ...this.rows].slice(0, kept);
    this.held = [];
  }

  // before reads what the store has; what it does not have yet comes by the stream.
  async #begin() {
    const { environment, name, user } = this.#wanted;
    const terms = [`environment = ${literal(environment)}`, ...(name ? [`name = ${literal(name)}`] : []), ...(user ? [`(user_id = ${literal(user)} OR anonymous_id = ${literal(user)})`] : [])];
    const sql = `SELECT * FROM events WHERE ${terms.join(' AND ')} ORDER BY seq DESC LIMIT ${backlog}`;
    try {
      const answer = await ask<Answer>(path('apps', this.#app, 'events', 'sql'), { sql, limit: backlog }, this.#abort.signal);
      this.rows = rowsOf(this.#app, answer);
      this.#after = String(answer.stored);
    } catch {
      // Then it begins with what comes from now on.
    }
    this.ready = true;
    if (!this.#over) this.#open();
  }

  #open() {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(path('apps', this.#app, 'events', 'tail') + query({ ...this.#wanted, after: this.#after }));
    this.#source = source;
    source.onopen = () => {
      this.state = 'on';
      this.#retry = firstRetry;
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#shut();
      this.state = 'lost';
      this.#timer = window.setTimeout(() => this.#open(), this.#retry * (0.75 + Math.random() / 2));
      this.#retry = Math.min(this.#retry * 2, lastRetry);
    };
    for (const type of ['event', 'failed']) {
      source.addEventListener(type, (message) => this.#take(message as MessageEvent<string>, type === 'failed'));
    }
  }

  #take(message: MessageEvent<string>, failed: boolean) {
    this.#after = message.lastEventId;
    this.#fresh.push({ sequence: Number(message.lastEventId), failed, data: JSON.parse(message.data) as Record<string, unknown> });
    if (this.#fresh.length > 2 * kept) this.#fresh.splice(0, kept);
    if (this.#flush === 0) this.#flush = window.setTimeout(() => this.#show(), together);
  }

  // show adds what came in the meantime at once: a flood is drawn a few times a second.
  #show() {
    this.#flush = 0;
    const newest = (this.paused ? this.held[0] : undefined) ?? this.rows[0];
    const fresh = this.#fresh.filter((r) => r.sequence > (newest?.sequence ?? 0)).reverse();
    this.#fresh = [];
    if (this.paused) this.held = [...fresh, ...this.held].slice(0, kept);
    else this.rows = [...fresh, ...this.rows].slice(0, kept);
  }

  #shut = () => {
    clearTimeout(this.#timer);
    clearTimeout(this.#sleep);
    this.#source?.close();
    this.#source = null;
  };

  // A browser allows few connections to a server: nobody who looks elsewhere keeps one.
  #look = () => {
    clearTimeout(this.#sleep);
    if (document.visibilityState === 'visible') this.#wake();
    else this.#sleep = window.setTimeout(this.#shut, idle);
  };

  #wake = () => {
    if (this.ready && !this.#source && !this.#over) this.#open();
  };
}

// rowsOf are events of an answer, in the form in which the stream has them.
export function rowsOf(app: string, answer: Answer): Row[] {
  const columns = answer.columns.map((c) => c.name);
  return answer.rows.map((row) => stored(app, Object.fromEntries(columns.map((c, i) => [c, row?.[i]]))));
}

function stored(app: string, row: Record<string, unknown>): Row {
  const data: Record<string, unknown> = {
    id: row['message_id'] ?? undefined,
    app,
    environment: row['environment'],
    source: row['source'] ?? undefined,
    kind: row['kind'],
    name: row['name'] || undefined,
    user: row['user_id'] ?? undefined,
    anonymous: row['anonymous_id'] ?? undefined,
    previous: row['previous_id'] ?? undefined,
    group: row['group_id'] ?? undefined,
    time: row['time'],
    original: row['client_time'] ?? undefined,
    received: row['received'] ?? undefined,
    release: row['release'] ?? undefined,
    properties: object(row['properties']),
    context: object(row['context']),
  };
  return { sequence: Number(row['seq']), failed: false, data };
}

function object(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? undefined;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
