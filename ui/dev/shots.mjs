import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { emptyPages, narrow, open, pages, visit, wide } from './browser.mjs';
import { fixture } from './server.mjs';

// Pictures of all pages, or of those whose names are given: node dev/shots.mjs line rollout-back
const wanted = process.argv.slice(2);
const folder = fileURLToPath(new URL('./shots/', import.meta.url));
mkdirSync(folder, { recursive: true });
const full = await fixture();
const empty = await fixture({ empty: true });
const browser = await open();
for (const [server, list] of [[full, pages], [empty, emptyPages]]) {
  for (const [name, path] of Object.entries(list)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    for (const [look, how] of Object.entries({ light: { theme: 'light', size: wide }, dark: { theme: 'dark', size: wide }, phone: { theme: 'light', size: narrow }, 'phone-dark': { theme: 'dark', size: narrow } })) {
      const { page, complaints } = await visit(browser, server.url + path, how);
      await page.screenshot({ path: `${folder}${name}.${look}.png`, fullPage: true });
      for (const c of complaints) console.error(`${name}: ${c}`);
      await page.close();
    }
  }
}
await browser.close();
await Promise.all([full.close(), empty.close()]);
