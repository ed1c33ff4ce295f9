import { Failure, get, remove, request } from '../api/client';
import { live } from '../api/live.svelte';
import { forget } from '../api/loaded.svelte';
import type { App, Page, Role, Session } from '../api/types';

// Who looks, and at what they may look.
class Who {
  state = $state<'asking' | 'in' | 'out'>('asking');
  session = $state.raw<Session | undefined>();
  apps = $state.raw<App[]>([]);
  failure = $state.raw<Failure | undefined>();

  // ask finds out whether this browser is signed in.
  async ask() {
    try {
      const session = await get<Session>('/v1/session');
      const fresh = this.state !== 'in';
      this.session = session;
      await this.refresh();
      this.state = 'in';
      this.failure = undefined;
      if (fresh) live.start(() => void this.#check());
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      if (failure.status === 401 || failure.status === 403) return this.#left();
      this.failure = failure;
      if (this.state === 'asking') setTimeout(() => void this.ask(), 2000);
    }
  }

  // enter signs in with a token; it throws a Failure when the token is not good.
  async enter(token: string) {
    await request('POST', '/v1/session', { body: { token } });
    forget();
    await this.ask();
  }

  async leave() {
    await remove('/v1/session');
    this.#left();
  }

  // refresh reads the apps again.
  async refresh() {
    const page = await get<Page<App>>('/v1/apps');
    this.apps = page.items ?? [];
  }

  role(app: string): Role | undefined {
    if (this.session?.admin) return 'admin';
    return this.apps.find((a) => a.name === app)?.role;
  }

  // mayDeploy tells whether they may change one environment of an app, or its environments altogether when none is named.
  mayDeploy(app: string, environment?: string): boolean {
    const within = this.apps.find((a) => a.name === app)?.environments?.find((e) => e.name === environment);
    const role = this.session?.admin ? 'admin' : (within?.role ?? this.role(app));
    return role === 'admin' || role === 'deployer';
  }

  // A stream that failed may mean that the session ended.
  async #check() {
    try {
      await get('/v1/session');
    } catch (failure) {
      if (failure instanceof Failure && failure.status === 401) this.#left();
    }
  }

  #left() {
    live.stop();
    forget();
    this.session = undefined;
    this.apps = [];
    this.state = 'out';
  }
}

export const who = new Who();

const appKey = 'slipway.app';

// lastApp is the app that was looked at last: the home page opens it again.
export function lastApp(apps: App[]): string | undefined {
  const name = localStorage.getItem(appKey);
  return (apps.find((a) => a.name === name) ?? apps[0])?.name;
}

export const keepApp = (name: string) => localStorage.setItem(appKey, name);
