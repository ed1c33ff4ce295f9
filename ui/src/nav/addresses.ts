// Every address of the page in one place. Notices, the CLI and the git door print the same ones.
const app = (name: string) => '/apps/' + encodeURIComponent(name);

const within = (environment?: string) => (environment ? '?environment=' + encodeURIComponent(environment) : '');

export const to = {
  line: (a: string, environment?: string) => `${app(a)}/line${within(environment)}`,
  builds: (a: string, environment?: string) => `${app(a)}/builds${within(environment)}`,
  build: (a: string, id: string) => `${app(a)}/builds/${id}`,
  rollouts: (a: string, environment?: string) => `${app(a)}/rollouts${within(environment)}`,
  rollout: (a: string, id: string) => `${app(a)}/rollouts/${id}`,
  verdicts: (a: string, environment?: string) => `${app(a)}/verdicts${within(environment)}`,
  release: (a: string, id: string) => `${app(a)}/releases/${id}`,
  events: (a: string, tab = 'live', environment?: string) => `${app(a)}/events/${tab}${within(environment)}`,
  // The tabs of flags have plain names, a flag has its kind before its name: none is taken for the other.
  flags: (a: string, tab = '', environment?: string) => `${app(a)}/flags${tab ? '/' + tab : ''}${within(environment)}`,
  flag: (a: string, name: string, kind = 'flag', environment?: string) => `${app(a)}/flags/${kind}:${encodeURIComponent(name)}${within(environment)}`,
  ramp: (a: string, flag: string, id: string, environment?: string) => `${app(a)}/flags/flag:${encodeURIComponent(flag)}/ramps/${id}${within(environment)}`,
  limits: (a: string, environment?: string) => `${app(a)}/limits${within(environment)}`,
  limit: (a: string, group: string, environment?: string) => `${app(a)}/limits/${encodeURIComponent(group).replaceAll('%3A', ':')}${within(environment)}`,
  settings: (a: string, tab = 'environment', environment?: string) => `${app(a)}/settings/${tab}${within(environment)}`,
  // Those of the server, which do not need an app.
  server: (tab = 'people') => `/settings/${tab}`,
  hosts: () => '/hosts',
  host: (id: string) => `/hosts?host=${id}`,
  audit: (a?: string) => '/audit' + (a ? '?app=' + encodeURIComponent(a) : ''),
};

export type Page =
  | { name: 'home' }
  | { name: 'line' | 'builds' | 'rollouts' | 'verdicts'; app: string }
  | { name: 'build' | 'rollout' | 'release'; app: string; id: string }
  | { name: 'settings' | 'events' | 'flags' | 'limits'; app: string; tab: string; ramp?: string }
  | { name: 'server'; tab: string }
  | { name: 'hosts' }
  | { name: 'audit' }
  | { name: 'missing' };

// find says which page an address means.
export function find(path: string): Page {
  const parts = path.split('/').filter(Boolean).map(decode);
  const [root, a, kind, id, part, ramp] = parts;
  if (parts.length === 0) return { name: 'home' };
  if (root === 'hosts' && parts.length === 1) return { name: 'hosts' };
  if (root === 'settings' && parts.length <= 2) return { name: 'server', tab: a ?? 'people' };
  if (root === 'audit' && parts.length === 1) return { name: 'audit' };
  if (root === 'apps' && kind === 'flags' && part === 'ramps' && parts.length === 6) return { name: 'flags', app: a!, tab: id!, ramp: ramp! };
  if (root !== 'apps' || a === undefined || parts.length > 4) return { name: 'missing' };
  if (kind === undefined) return { name: 'line', app: a };
  if (kind === 'events') return { name: 'events', app: a, tab: id ?? 'live' };
  if (kind === 'flags') return { name: 'flags', app: a, tab: id ?? 'list' };
  if (kind === 'limits') return { name: 'limits', app: a, tab: id ?? '' };
  if (kind === 'settings') return { name: 'settings', app: a, tab: id ?? 'environment' };
  if (id === undefined && (kind === 'line' || kind === 'builds' || kind === 'rollouts' || kind === 'verdicts')) return { name: kind, app: a };
  if (id !== undefined && kind === 'builds') return { name: 'build', app: a, id };
  if (id !== undefined && kind === 'rollouts') return { name: 'rollout', app: a, id };
  if (id !== undefined && kind === 'releases') return { name: 'release', app: a, id };
  return { name: 'missing' };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
