// Here is the address bar as state: pages read their filters, tabs and ranges from it, so that back works and a link shows a colleague the same thing.
class Here {
  path = $state(location.pathname);
  search = $state(location.search);
  query = $derived(new URLSearchParams(this.search));

  constructor() {
    addEventListener('popstate', () => this.#read());
    document.addEventListener('click', (event) => this.#follow(event));
  }

  // go opens another page (or replaces this one) without loading the document again.
  go(href: string, how: { replace?: boolean } = {}) {
    const url = new URL(href, location.href);
    if (url.href === location.href) return;
    const turned = url.pathname !== location.pathname;
    history[how.replace ? 'replaceState' : 'pushState'](null, '', url);
    this.#read();
    if (turned && !how.replace) scrollTo(0, 0);
  }

  param(name: string): string {
    return this.query.get(name) ?? '';
  }

  // with is this address with some parameters changed; an empty value takes the parameter away.
  with(changes: Record<string, string>): string {
    const query = new URLSearchParams(this.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') query.delete(name);
      else query.set(name, value);
    }
    const text = query.toString();
    return this.path + (text ? '?' + text : '');
  }

  #read() {
    this.path = location.pathname;
    this.search = location.search;
  }

  #follow(event: MouseEvent) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (outside.test(link.pathname) || (link.hash && link.pathname === location.pathname)) return;
    event.preventDefault();
    this.go(link.href);
  }
}

// What the server answers itself.
const outside = /^\/(v1|docs|openapi\.json|login|git|metrics)(\/|$)/;

export const here = new Here();
