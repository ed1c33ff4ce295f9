import type { Envelope } from './types';

// Every event type the page listens to: EventSource hands out only names that were asked for.
const types = [
  'app.created environment.created environment.changed config.changed git.pushed',
  'build.queued build.started build.listed build.progressed build.passed build.failed build.cancelled lease.expired',
  'release.created rollout.queued rollout.started rollout.moved rollout.judged rollout.ended rollout.held rollout.assessed',
  'freeze.set freeze.lifted deploy.requested deploy.applied deploy.failed process.changed traffic.requested traffic.applied',
  'agent.joined agent.lost agent.returned agent.removed notice.sent notice.failed',
  'source.created source.changed plan.changed',
  'flag.created flag.changed group.changed key.changed change.planned change.settled ramp.started ramp.moved ramp.ended limit.changed limit.neared',
].flatMap((line) => line.split(' '));

export interface Tick {
  rollout: string;
  second: number;
}

type Listener = (event: Envelope | null) => void;

const firstRetry = 400;
const lastRetry = 5000;
const idle = 20_000;

// Live is the one stream of a page. It resumes where it was, tells how it is, and is closed while nobody looks: browsers allow only six connections to a
// server without HTTP/2, so a few forgotten tabs would otherwise starve the one in front.
class Live {
  state = $state<'connecting' | 'on' | 'lost' | 'asleep'>('connecting');
  #source: EventSource | null = null;
  #position = '';
  #retry = firstRetry;
  #timer = 0;
  #listeners = new Set<Listener>();
  #ticks = new Set<(tick: Tick) => void>();
  #lost: () => void = () => {};

  // start opens the stream. lost is called each time a connection failed, to find out whether the session ended.
  start(lost: () => void) {
    this.stop();
    this.#lost = lost;
    document.addEventListener('visibilitychange', this.#look);
    addEventListener('online', this.#now);
    addEventListener('pagehide', this.#sleep);
    addEventListener('pageshow', this.#wake);
    this.#open();
  }

  stop() {
    document.removeEventListener('visibilitychange', this.#look);
    removeEventListener('online', this.#now);
    removeEventListener('pagehide', this.#sleep);
    removeEventListener('pageshow', this.#wake);
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  // on calls listener with each event, and with null when events may have been missed: whatever is shown should then be read again.
  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onTick(listener: (tick: Tick) => void): () => void {
    this.#ticks.add(listener);
    return () => this.#ticks.delete(listener);
  }

  #open() {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource('/v1/stream' + (this.#position ? `?after=${this.#position}` : ''));
    this.#source = source;
    source.onopen = () => {
      this.state = 'on';
      this.#retry = firstRetry;
      this.#tell(null);
    };
    source.onerror = () => this.#failed(source);
    for (const type of types) {
      source.addEventListener(type, (message) => {
        if (message.lastEventId) this.#position = message.lastEventId;
        this.#tell(JSON.parse(message.data as string) as Envelope);
      });
    }
    source.addEventListener('tick', (message) => {
      const tick = JSON.parse((message as MessageEvent<string>).data) as Tick;
      for (const listener of this.#ticks) listener(tick);
    });
  }

  #failed(source: EventSource) {
    if (source !== this.#source) return;
    source.close();
    this.state = 'lost';
    this.#timer = window.setTimeout(() => this.#open(), this.#retry * (0.75 + Math.random() / 2));
    this.#retry = Math.min(this.#retry * 2, lastRetry);
    this.#lost();
  }

  #tell(event: Envelope | null) {
    for (const listener of this.#listeners) listener(event);
  }

  #now = () => {
    if (this.state === 'lost') this.#open();
  };

  #look = () => {
    clearTimeout(this.#timer);
    if (document.visibilityState === 'visible') {
      if (this.state !== 'on') this.#open();
      return;
    }
    this.#timer = window.setTimeout(this.#sleep, idle);
  };

  // A page that was left may be kept whole for the way back, its stream included, and its timers stand still.
  #sleep = () => {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.state = 'asleep';
  };

  #wake = () => {
    if (this.state === 'asleep') this.#open();
  };
}

export const live = new Live();
