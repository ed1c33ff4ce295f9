import { who } from '../session/session.svelte';
import { here } from './here.svelte';

// environmentOf is the environment that the address names, else production, else the app's first.
export function environmentOf(app: string): string | undefined {
  const names = (who.apps.find((a) => a.name === app)?.environments ?? []).map((e) => e.name);
  const wanted = here.param('environment');
  if (wanted) return wanted;
  return names.includes('production') ? 'production' : names[0];
}
