import { untrack } from 'svelte';
import { Failure } from '../api/client';

// Counts grow while one looks; nobody is told of each ask.
const patience = 5000;

// Polled is what is asked for anew every few seconds, each time for other times. What was read stays until the next answer is there; another key is another thing.
export class Polled<T> {
  data = $state.raw<T | undefined>();
  error = $state.raw<Failure | undefined>();
  #read: () => Promise<T>;
  #key = '';
  #again = false;
  busy = $state(false);

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  show(key: string) {
    if (key !== this.#key) {
      this.data = undefined;
      this.error = undefined;
    }
    this.#key = key;
    this.busy = false;
    void this.refresh();
  }

  // refresh reads now; while an answer is still to come, which may be of before, once more behind it.
  async refresh() {
    if (this.#key === '') return;
    if (this.busy) {
      this.#again = true;
      return;
    }
    this.busy = true;
    this.#again = false;
    const key = this.#key;
    try {
      const data = await this.#read();
      if (key !== this.#key) return;
      this.data = data;
      this.error = undefined;
    } catch (failure) {
      if (key !== this.#key) return;
      this.error = failure instanceof Failure ? failure : new Failure(0, {});
    }
    this.busy = false;
    if (this.#again) void this.refresh();
  }

  close() {
    this.#key = '';
  }
}

// poll reads for as long as the component lives and somebody looks. key names what is read; an empty one is nothing.
export function poll<T>(key: () => string, read: () => Promise<T>): Polled<T> {
  const polled = new Polled<T>(() => untrack(read));
  $effect(() => {
    const wanted = key();
    untrack(() => polled.show(wanted));
    if (wanted === '') return;
    const timer = setInterval(() => !polled.busy && document.visibilityState === 'visible' && void polled.refresh(), patience);
    return () => clearInterval(timer);
  });
  $effect(() => () => polled.close());
  return polled;
}

