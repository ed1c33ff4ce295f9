import { path, request } from '../api/client';
import type { Flag, Plan, State } from './types';

// What the server is asked to do with a flag's state in an environment.
export interface Place {
  app: string;
  environment: string;
  flag: Flag;
  // The revision of the state that is seen.
  revision: number;
}

export interface When {
  wall: string;
  zone: string;
}

const address = (p: Place) => path('apps', p.app, 'environments', p.environment, 'flags', p.flag.id);
const etag = (revision: number) => `"${revision}"`;
const sent = ({ changed_at: _at, changed_by: _by, revision: _revision, ...members }: State) => members;

// set makes a state another one at once; plan keeps it for an approval, for a time, or for both.
export const set = async (p: Place, state: State, reason: string): Promise<State> => (await request<State>('PUT', address(p), { body: { ...sent(state), ...(reason ? { reason } : {}) }, etag: etag(p.revision) })).body;

export const plan = async (p: Place, state: State, reason: string, when?: When): Promise<Plan> =>
  (await request<Plan>('POST', address(p) + '/plans', { body: { ...sent(state), ...(reason ? { reason } : {}), ...when }, etag: etag(p.revision) })).body;

export const restore = async (p: Place, change: string, reason: string): Promise<Flag> =>
  (await request<Flag>('POST', path('apps', p.app, 'flags', p.flag.id, 'changes'), { body: { change: 'restore', restored: change, ...(reason ? { reason } : {}) } })).body;

// inAnHour is the next full hour as a clock here shows it, for a field of date and time.
export function inAnHour(now: number): string {
  const t = new Date(now + 3_600_000);
  t.setMinutes(0, 0, 0);
  return wall(t);
}

const two = (n: number) => String(n).padStart(2, '0');
const wall = (t: Date) => `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}T${two(t.getHours())}:${two(t.getMinutes())}`;

export const zoneHere = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
export const zones = (): string[] => [...new Set([zoneHere(), 'UTC', ...Intl.supportedValuesOf('timeZone')])];
