import { ask, path } from '../api/client';
import type { Attribute, Previewed, State } from './types';

// Preview asks the server what a state would come to, while it is typed: at once whether it can be saved, and after a pause whom of last week's visitors it would take.
const patience = 300;
const pause = 900;

export class Preview {
  // The fault of what was asked last, and the state that it is a fault of.
  fault = $state.raw<{ text: string; path: string } | undefined>();
  counted = $state.raw<Previewed | undefined>();
  // By the keys of the rules that were counted.
  taken = $state.raw(new Map<number, number>());
  attributes = $state.raw<Attribute[]>([]);
  checking = $state(false);
  // What is shown was counted for a state that was changed since.
  old = $state(false);
  unable = $state(false);
  #timer = 0;
  #abort: AbortController | undefined;
  #first = true;

  ask(app: string, environment: string, flag: string, state: State, keys: number[], count: boolean) {
    this.close();
    this.checking = true;
    this.old = true;
    const abort = (this.#abort = new AbortController());
    const address = path('apps', app, 'environments', environment, 'flags', flag, 'previews');
    // What is opened is not being typed.
    const [wait, then] = this.#first ? [0, 0] : [patience, pause - patience];
    this.#first = false;
    // Rules are read only while the flag is on.
    const body = { ...state, on: true };
    const look = async () => {
      try {
        const checked = await ask<Previewed>(address, body, abort.signal);
        if (abort.signal.aborted) return;
        this.checking = false;
        this.unable = false;
        this.fault = checked.fault ? { text: plain(checked.fault), path: checked.path ?? '' } : undefined;
        if (checked.fault || !count) return;
        this.#timer = window.setTimeout(() => void visitors(), then);
      } catch {
        if (!abort.signal.aborted) Object.assign(this, { checking: false, unable: true });
      }
    };
    const visitors = async () => {
      try {
        const counted = await ask<Previewed>(address, { ...body, visitors: true }, abort.signal);
        if (abort.signal.aborted || counted.fault) return;
        this.counted = counted;
        this.taken = new Map(keys.map((k, i) => [k, counted.rules?.[i] ?? 0]));
        this.attributes = counted.attributes ?? [];
        this.old = false;
      } catch {
        // how many there are is not shown then
      }
    };
    this.#timer = window.setTimeout(() => void look(), wait);
  }

  // rest is for what cannot be asked about yet.
  rest() {
    this.close();
    this.checking = false;
    this.fault = undefined;
    this.old = true;
  }

  close() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }
}

// The compiler says the place before the fault, which is shown at its field here.
const plain = (text: string) => text.replace(/^(features\.|rules\[)\S*?: /, '');
