import { Failure } from '../api/client';

// Form runs one saving at a time and keeps how it went; what was typed is never touched by a failure.
export class Form {
  busy = $state(false);
  saved = $state(false);
  failure = $state.raw<Failure | undefined>();

  async run(save: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.saved = false;
    this.failure = undefined;
    try {
      await save();
      this.saved = true;
      setTimeout(() => (this.saved = false), 4000);
      return true;
    } catch (cause) {
      this.failure = cause instanceof Failure ? cause : new Failure(0, {});
      return false;
    } finally {
      this.busy = false;
    }
  }
}
