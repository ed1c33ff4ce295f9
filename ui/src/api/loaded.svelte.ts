import { untrack } from 'svelte';
import { Failure, request } from './client';
import { live } from './live.svelte';
import type { Envelope } from './types';

// What was read last by address, so that going back shows a page at once while it is read again.
const remembered = new Map<string, { body: unknown; etag: string }>();
const limit = 60;

// Events that arrive within this many milliseconds cause one read.
const patience = 150;

export class Loaded<T> {
  data = $state.raw<T | undefined>();
  error = $state.raw<Failure | undefined>();
  etag = '';
  busy = $state(false);
  #address: string | null = null;
  #abort: AbortController | null = null;
  #timer = 0;
  #again = false;

  // show turns to another address; null shows nothing.
  show(address: string | null) {
    if (address === this.#address) return;
    this.close();
    this.#address = address;
    const known = address === null ? undefined : remembered.get(address);
    this.data = known?.body as T | undefined;
    this.etag = known?.etag ?? '';
    this.error = undefined;
    if (address !== null) void this.refresh();
  }

  // soon reads again in a moment; any number of calls until then cause one read.
  soon() {
    if (this.#timer === 0) {
      this.#timer = window.setTimeout(() => {
        this.#timer = 0;
        void this.refresh();
      }, patience);
    }
  }

  // refresh reads now. What was read before stays visible until the answer is there, and when there is none.
  async refresh() {
    const address = this.#address;
    if (address === null) return;
    if (this.#abort) {
      this.#again = true;
      return;
    }
    const abort = (this.#abort = new AbortController());
    this.busy = true;
    try {
      const answer = await request<T>('GET', address, { signal: abort.signal });
      if (abort.signal.aborted) return;
      this.data = answer.body;
      this.etag = answer.etag;
      this.error = undefined;
      remember(address, answer);
    } catch (failure) {
      if (abort.signal.aborted) return;
      this.error = failure instanceof Failure ? failure : new Failure(0, {});
    }
    this.#abort = null;
    this.busy = false;
    if (this.#again) {
      this.#again = false;
      this.soon();
    }
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#again = false;
    this.#abort?.abort();
    this.#abort = null;
    this.busy = false;
  }
}

function remember(address: string, answer: { body: unknown; etag: string }) {
  remembered.delete(address);
  remembered.set(address, answer);
  const oldest = remembered.keys().next().value;
  if (remembered.size > limit && oldest !== undefined) remembered.delete(oldest);
}

// forget drops what was read, when another person signs in.
export const forget = () => remembered.clear();

// load reads the address for as long as the component lives, and again after each event that concerns it.
export function load<T>(address: () => string | null, concerns: (event: Envelope) => boolean = () => false): Loaded<T> {
  const loaded = new Loaded<T>();
  $effect(() => {
    const wanted = address();
    untrack(() => loaded.show(wanted));
  });
  $effect(() => {
    const off = live.on((event) => {
      if (event === null || concerns(event)) loaded.soon();
    });
    return () => {
      off();
      loaded.close();
    };
  });
  return loaded;
}

// about makes a test for events of an app whose type starts with one of the words.
export function about(app: () => string | undefined, ...starts: string[]): (event: Envelope) => boolean {
  return (event) => (!event.app || app() === undefined || event.app === app()) && starts.some((s) => event.type.startsWith(s));
}
