// The time of day as state, once a second: one timer for every relative time of a page.
class Now {
  ms = $state(Date.now());
  constructor() {
    setInterval(() => {
      if (document.visibilityState === 'visible') this.ms = Date.now();
    }, 1000);
  }
}

export const now = new Now();
