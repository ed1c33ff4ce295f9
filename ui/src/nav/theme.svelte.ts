type Choice = 'system' | 'light' | 'dark';

const key = 'slipway.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

// Theme is what the reader chose, or the system's preference. public/theme.js applies it before the first paint.
class Theme {
  choice = $state<Choice>('system');
  #systemDark = $state(system.matches);
  dark = $derived(this.choice === 'dark' || (this.choice === 'system' && this.#systemDark));

  constructor() {
    const kept = localStorage.getItem(key);
    if (kept === 'light' || kept === 'dark') this.choice = kept;
    system.addEventListener('change', () => (this.#systemDark = system.matches));
  }

  // turn switches to the other one; a choice that equals the system's is no choice.
  turn() {
    const wanted = this.dark ? 'light' : 'dark';
    this.choice = (wanted === 'dark') === this.#systemDark ? 'system' : wanted;
    if (this.choice === 'system') {
      localStorage.removeItem(key);
      delete document.documentElement.dataset['theme'];
    } else {
      localStorage.setItem(key, this.choice);
      document.documentElement.dataset['theme'] = this.choice;
    }
  }
}

export const theme = new Theme();
