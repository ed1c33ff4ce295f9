import { ask, Failure, path } from '../api/client';
import type { Answer } from '../api/types';

// Asked is one question about an app's events and its answer, with what its page needs to know of the question to show it. A question that another one follows is
// given up; the last answer stays until the next one is there.
export class Asked<About = undefined> {
  answer = $state.raw<Answer | undefined>();
  about = $state.raw<About | undefined>();
  failure = $state.raw<Failure | undefined>();
  busy = $state(false);
  #abort: AbortController | null = null;
  #last = '';
  #again: () => Promise<void> = async () => {};

  // ask puts a question; the same one as before is not put again.
  async ask(app: string, kind: string, question: object, about: About): Promise<void> {
    const text = kind + JSON.stringify(question);
    if (text === this.#last) return;
    this.#last = text;
    this.#again = () => this.#put(app, kind, question, about);
    await this.#again();
  }

  again = () => this.#again();

  async #put(app: string, kind: string, question: object, about: About): Promise<void> {
    this.close();
    const abort = (this.#abort = new AbortController());
    this.busy = true;
    try {
      const answer = await ask<Answer>(path('apps', app, 'events', kind), question, abort.signal);
      if (abort.signal.aborted) return;
      this.answer = answer;
      this.about = about;
      this.failure = undefined;
    } catch (cause) {
      if (abort.signal.aborted) return;
      this.failure = cause instanceof Failure ? cause : new Failure(0, {});
    }
    this.busy = false;
  }

  close() {
    this.#abort?.abort();
    this.busy = false;
  }
}
