import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './axe.mjs';
import { emptyPages, narrow, open, pages, visit, wide } from './browser.mjs';
import { fixture } from './server.mjs';

// looks tests every page in a real browser against the made-up server, wide and narrow, light and dark: nothing on the console, nothing that axe-core finds, nothing that scrolls sideways. It does so for every other page, from the first or the second on, so that two processors share them evenly.
export function looks(first) {
  let full, empty, browser;
  before(async () => {
    [full, empty, browser] = await Promise.all([fixture(), fixture({ empty: true }), open()]);
  });
  after(async () => {
    await browser?.close();
    await Promise.all([full?.close(), empty?.close()]);
  });

  const all = [[pages, () => full], [emptyPages, () => empty]].flatMap(([list, server]) => Object.entries(list).map(([name, path]) => [name, path, server]));
  for (const [name, path, server] of all.filter((_, i) => i % 2 === first)) {
    test(`page ${name}`, async () => {
      for (const [look, size] of [['wide', wide], ['narrow', narrow]]) {
        const { page, complaints } = await visit(browser, server().url + path, { size });
        assert.deepEqual(await findings(page), [], `${look}, light: axe-core`);
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }, { name: 'prefers-reduced-motion', value: 'reduce' }]);
        assert.deepEqual(await findings(page, ['color-contrast']), [], `${look}, dark: axe-core`);
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(sideways <= 0, `${look}: the page scrolls sideways by ${sideways} px`);
        assert.deepEqual(complaints, [], `${look}: console`);
        await page.close();
      }
    });
  }
}
