import type { IconName } from '../parts/icons';

// Each state in words, with the tone and the shape that go with it: never colour alone.
export type Tone = 'blue' | 'alarm' | 'amber' | 'grey';

export interface Word {
  text: string;
  tone: Tone;
  icon: IconName;
  // What the state means, for those who meet it the first time.
  help?: string;
}

const words = {
  build: {
    queued: { text: 'waiting', tone: 'grey', icon: 'clock', help: 'Nothing has run yet.' },
    listing: { text: 'listing', tone: 'blue', icon: 'half', help: 'A worker asks the repository which test units there are.' },
    testing: { text: 'testing', tone: 'blue', icon: 'half' },
    packaging: { text: 'packaging', tone: 'blue', icon: 'half', help: 'All tests passed; the artifact is being made.' },
    passed: { text: 'passed', tone: 'blue', icon: 'check' },
    failed: { text: 'red', tone: 'alarm', icon: 'cross' },
    cancelled: { text: 'cancelled', tone: 'grey', icon: 'stop' },
  },
  unit: {
    waiting: { text: 'waiting', tone: 'grey', icon: 'clock' },
    running: { text: 'running', tone: 'blue', icon: 'half' },
    passed: { text: 'passed', tone: 'blue', icon: 'check' },
    failed: { text: 'failed', tone: 'alarm', icon: 'cross' },
    error: { text: 'error', tone: 'alarm', icon: 'warn', help: 'It could not be run or its result could not be read.' },
    skipped: { text: 'skipped', tone: 'grey', icon: 'skip' },
  },
  rollout: {
    queued: { text: 'waiting its turn', tone: 'grey', icon: 'clock', help: 'One rollout at a time in an environment.' },
    staging: { text: 'staging', tone: 'blue', icon: 'half', help: 'Every host fetches the release; no visitor sees it yet.' },
    starting: { text: 'starting', tone: 'blue', icon: 'half', help: 'New processes come up beside the old ones; no visitor sees them yet.' },
    shifting: { text: 'shifting', tone: 'blue', icon: 'half', help: 'Visitors are being moved to the new release.' },
    settling: { text: 'settling', tone: 'blue', icon: 'half', help: 'Fresh processes warm up; this time does not count.' },
    watching: { text: 'watching', tone: 'blue', icon: 'eye', help: 'New and old are compared, second by second.' },
    paused: { text: 'paused', tone: 'amber', icon: 'pause', help: 'It stays at its share until somebody resumes it. A regression still takes it back.' },
    held: { text: 'held', tone: 'amber', icon: 'hand', help: 'It stands still until a person decides.' },
    returning: { text: 'going back', tone: 'alarm', icon: 'back' },
    promoting: { text: 'promoting', tone: 'blue', icon: 'half' },
    promoted: { text: 'promoted', tone: 'blue', icon: 'check', help: 'Everyone has it.' },
    rolled_back: { text: 'rolled back', tone: 'alarm', icon: 'back', help: 'Everyone is on the release before.' },
    superseded: { text: 'superseded', tone: 'grey', icon: 'skip', help: 'A newer release took its place before it went out.' },
  },
  verdict: {
    healthy: { text: 'healthy', tone: 'blue', icon: 'check', help: 'A harm of the size you named is excluded by the data.' },
    ok: { text: 'no sign of harm', tone: 'blue', icon: 'eye', help: 'Nothing speaks against it so far; it is not yet proven.' },
    regressed: { text: 'regressed', tone: 'alarm', icon: 'warn', help: 'The new release does worse than the old one, and chance hardly ever looks like this.' },
    open: { text: 'unknown', tone: 'amber', icon: 'question', help: 'The watch was over before harm or health was shown.' },
    wrong_split: { text: 'wrong split', tone: 'amber', icon: 'warn', help: 'The releases did not get the traffic that they were meant to: nothing can be compared.' },
    unknown: { text: 'unknown yet', tone: 'amber', icon: 'question', help: 'Too few requests to tell.' },
  },
  stage: {
    waiting: { text: 'waiting', tone: 'grey', icon: 'clock' },
    tests: { text: 'testing', tone: 'blue', icon: 'half' },
    canary: { text: 'going out', tone: 'blue', icon: 'eye' },
    live: { text: 'live', tone: 'blue', icon: 'check' },
    red: { text: 'red', tone: 'alarm', icon: 'cross' },
    returned: { text: 'rolled back', tone: 'alarm', icon: 'back' },
    held: { text: 'held', tone: 'amber', icon: 'hand' },
  },
  release: {
    waiting: { text: 'waiting', tone: 'grey', icon: 'clock' },
    rolling: { text: 'going out', tone: 'blue', icon: 'half' },
    live: { text: 'live', tone: 'blue', icon: 'check' },
    good: { text: 'good', tone: 'blue', icon: 'check', help: 'It was promoted once. One can go back to it while its archive is kept.' },
    bad: { text: 'rolled back', tone: 'alarm', icon: 'back' },
    superseded: { text: 'superseded', tone: 'grey', icon: 'skip' },
  },
  step: {
    waiting: { text: 'to come', tone: 'grey', icon: 'clock' },
    staging: { text: 'staging', tone: 'blue', icon: 'half' },
    starting: { text: 'starting', tone: 'blue', icon: 'half' },
    shifting: { text: 'shifting', tone: 'blue', icon: 'half' },
    settling: { text: 'settling', tone: 'blue', icon: 'half' },
    watching: { text: 'watching', tone: 'blue', icon: 'eye' },
    done: { text: 'done', tone: 'blue', icon: 'check' },
    stopped: { text: 'stopped', tone: 'alarm', icon: 'stop' },
  },
  agent: {
    up: { text: 'up', tone: 'blue', icon: 'check' },
    lost: { text: 'lost', tone: 'alarm', icon: 'warn', help: 'Not heard of for a while. What it serves goes on without us.' },
  },
  lease: {
    running: { text: 'running', tone: 'blue', icon: 'half' },
    done: { text: 'done', tone: 'blue', icon: 'check' },
    lost: { text: 'lost', tone: 'amber', icon: 'warn', help: 'The worker fell silent; its units ran elsewhere.' },
    cancelled: { text: 'cancelled', tone: 'grey', icon: 'stop' },
  },
  process: {
    up: { text: 'up', tone: 'blue', icon: 'check' },
    starting: { text: 'starting', tone: 'grey', icon: 'half' },
    unhealthy: { text: 'unhealthy', tone: 'amber', icon: 'warn' },
    crashed: { text: 'crashed', tone: 'alarm', icon: 'cross' },
    stopping: { text: 'stopping', tone: 'grey', icon: 'half' },
    stopped: { text: 'stopped', tone: 'grey', icon: 'stop' },
    fetching: { text: 'fetching', tone: 'grey', icon: 'half' },
    held: { text: 'on disk', tone: 'grey', icon: 'clock' },
  },
  notice: {
    sent: { text: 'sent', tone: 'blue', icon: 'check' },
    failed: { text: 'failed', tone: 'alarm', icon: 'warn' },
    waiting: { text: 'waiting', tone: 'grey', icon: 'clock' },
  },
} satisfies Record<string, Record<string, Word>>;

export type Kind = keyof typeof words;

// word finds the words for a state; one that a newer server made up is shown as it is.
export function word(kind: Kind, state: string): Word {
  const known: Record<string, Word> = words[kind];
  return known[state] ?? { text: state.replaceAll('_', ' ') || 'unknown', tone: 'grey', icon: 'half' };
}

// vital is how a vital is called, and of what it is a share.
export function vital(name: string, label = name): { title: string; of: string } {
  if (name === 'errors') return { title: 'Errors', of: 'share of requests that failed' };
  if (name.startsWith('errors on ')) return { title: `Errors on ${name.slice(10)}`, of: 'share of requests to this route that failed' };
  if (name === 'new_errors') return { title: 'Errors of a new kind', of: 'share of requests that failed in a way that no release showed while it served' };
  if (name === 'visitor_errors') return { title: 'Errors, visitor by visitor', of: 'errors of each visitor who had any, on average' };
  if (name === 'cpu') return { title: 'CPU', of: 'cores that the release uses on a host, on average' };
  if (name === 'memory') return { title: 'Memory', of: 'what the release holds on a host, on average' };
  if (name === 'load') return { title: 'Load', of: 'load average of a host' };
  if (label.includes(' per ')) return { title: label, of: `how many ${label}` };
  return { title: capital(label), of: name.startsWith('latency') ? 'share of requests that took longer' : 'share of bad ones' };
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

// sentence ends what it is given with a full stop.
export const sentence = (text: string): string => (text === '' || /[.!?…]$/.test(text) ? text : text + '.');

// who turns an actor into a name: "person:ana" is ana, "system:rollout" is Slipway.
export function who(actor: string): string {
  const [kind, name = ''] = actor.split(/:(.*)/s);
  if (kind === 'person') return name;
  if (kind === 'system') return 'Slipway';
  return name || actor;
}
