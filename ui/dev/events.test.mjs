import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open, pages, visit } from './browser.mjs';
import { fixture } from './server.mjs';

// The pages about events in a real browser against the made-up server: the ways of using them. How they look, and axe-core, is in pages.test.mjs.
let browser, server;
before(async () => {
  [server, browser] = await Promise.all([fixture(), open()]);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const seen = (page, what) => page.waitForFunction((w) => document.body.innerText.includes(w), { timeout: 30_000 }, what);
const press = (page, name) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click();
const rows = (page) => page.$$eval('main ol > li', (l) => l.length);
const write = async (page, label, value) => {
  await page.locator(`::-p-aria([name="${label}"])`).fill(value);
  await page.keyboard.press('Tab');
};
// What a button downloads, as text.
const saved = (page, name) => page.evaluate(async (n) => {
  const urls = [];
  const make = URL.createObjectURL;
  URL.createObjectURL = (blob) => (urls.push(blob), make(blob));
  [...document.querySelectorAll('button')].find((b) => (b.getAttribute('aria-label') ?? b.textContent).trim() === n).click();
  URL.createObjectURL = make;
  return urls[0].text();
}, name);

test('events come in by themselves, wait while it is paused, and open to all that they hold', async () => {
  const { page, complaints } = await visit(browser, server.url + pages.events);
  const first = await rows(page);
  assert.ok(first >= 50);
  await page.waitForFunction((n) => document.querySelectorAll('main ol > li').length > n, { timeout: 30_000 }, first);
  await press(page, 'Pause');
  const stopped = await rows(page);
  await page.waitForFunction(() => /Go on: \d+ new event/.test(document.body.innerText), { timeout: 30_000 });
  assert.equal(await rows(page), stopped);
  await page.locator('main ol > li:nth-child(3) button').click();
  assert.match(await page.$eval('main ol pre', (e) => e.textContent), /"properties": \{/);
  await page.evaluate(() => [...document.querySelectorAll('button')].find((b) => b.textContent.includes('Go on')).click());
  await page.waitForFunction((n) => document.querySelectorAll('main ol > li').length > n, { timeout: 30_000 }, stopped);
  assert.equal(await page.$$eval('main ol pre', (l) => l.length), 1, 'what was opened stays open');
  assert.deepEqual(complaints, []);
  await page.close();
});

test('live filters are in the address, and what fits none says so', async () => {
  const { page } = await visit(browser, server.url + pages.events);
  await write(page, 'Event', 'signed up');
  await page.waitForFunction(() => location.search.includes('name=signed+up') && [...document.querySelectorAll('main ol strong')].every((s) => s.textContent === 'signed up'));
  await page.goBack();
  await page.waitForFunction(() => location.search === '' && [...document.querySelectorAll('main ol strong')].some((s) => s.textContent === 'order placed'));
  await write(page, 'User or anonymous id', 'nobody-such');
  await seen(page, 'Nothing of this kind yet.');
  await page.close();
});

test('a tail that was cut off goes on where it was, and has nothing twice', async () => {
  const own = await fixture();
  try {
    const { page } = await visit(browser, own.url + pages.events);
    await page.waitForFunction(() => document.querySelectorAll('main ol > li').length > 51);
    own.cut(true);
    await seen(page, 'It goes on where it was');
    const at = await rows(page);
    own.cut(false);
    await page.waitForFunction((n) => document.querySelectorAll('main ol > li').length > n + 2, { timeout: 60_000 }, at);
    await press(page, 'Pause');
    const shown = await page.evaluate(async () => {
      for (const b of document.querySelectorAll('main ol > li > button')) b.click();
      await new Promise((done) => setTimeout(done, 200));
      return [...document.querySelectorAll('main ol pre')].map((p) => Number(p.getAttribute('aria-label').match(/\d+/)[0]));
    });
    assert.equal(new Set(shown).size, shown.length);
    assert.deepEqual(shown, Array.from({ length: shown.length }, (_, i) => shown[0] - i), 'each one, the newest first');
    await page.close();
  } finally {
    await own.close();
  }
});

test('before the first event a source is added on the spot, and its key is in the lines to copy', async () => {
  const own = await fixture();
  try {
    const { page } = await visit(browser, own.url + pages['events-nothing']);
    await seen(page, 'Nothing sends events of staging yet');
    await press(page, 'Add a source');
    await seen(page, 'No event of staging yet');
    const key = own.world.sources.at(-1).write_key;
    assert.match(await page.$eval('main pre', (e) => e.textContent), new RegExp(`curl ${own.url}.*${key}`));
    await page.select('#first-client', 'PostHog for browsers');
    assert.match(await page.$eval('main pre', (e) => e.textContent), new RegExp(`posthog.init\\('${key}'`));
    await page.close();
  } finally {
    await own.close();
  }
});

test('a trend follows its fields, is in the address, counts nothing as 0, and shows its SQL', async () => {
  const { page, complaints } = await visit(browser, server.url + pages['events-trends']);
  await page.waitForSelector('.uplot canvas');
  const csv = (await saved(page, 'Download Events: any event as CSV')).trim().split('\n');
  assert.equal(csv[0], 'time,events');
  assert.match(csv[1], /^\d{4}-\d\d-\d\d,\d+$/);
  assert.ok(csv.some((line) => line.endsWith(',0')));
  await write(page, 'Event', 'order placed');
  await press(page, 'Add a condition');
  await write(page, 'Property of condition 1', 'plan');
  assert.equal(new URL(page.url()).searchParams.get('what'), 'order placed', 'half a condition is not asked');
  await write(page, 'Value of condition 1', 'pro');
  await seen(page, 'Events: order placed where plan is pro');
  await page.select('#trend-measure', 'average');
  await seen(page, 'Name the property with the number');
  await write(page, 'Property with a number', 'price');
  await write(page, 'Split by', 'plan');
  await seen(page, 'Average of price: order placed where plan is pro');
  await page.waitForFunction(() => document.querySelectorAll('figure li').length === 5);
  const asked = new URL(page.url()).searchParams;
  assert.deepEqual([asked.get('measure'), asked.get('of'), asked.get('split')], ['average', 'price', 'plan']);
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('figure li').length === 2);
  await page.locator('::-p-aria([name="Show SQL"][role="link"])').click();
  await page.waitForFunction(() => location.pathname.endsWith('/events/sql') && document.querySelector('textarea').value.includes('date_trunc'));
  assert.deepEqual(complaints, []);
  await page.close();
});

test('SQL runs by keyboard, is in the address, downloads as CSV, and says in place what is wrong with it', async () => {
  const { page } = await visit(browser, server.url + pages['events-sql']);
  await page.focus('#sql-text');
  await page.keyboard.down('Control');
  await page.keyboard.press('Enter');
  await page.keyboard.up('Control');
  await seen(page, 'The first 1,000 rows');
  assert.match(new URL(page.url()).searchParams.get('sql'), /^SELECT name/);
  assert.equal(await page.$$eval('table.answer tbody tr', (l) => l.length), 100);
  await press(page, 'Show 500 more of 1,000 rows');
  assert.equal(await page.$$eval('table.answer tbody tr', (l) => l.length), 600);
  const csv = (await saved(page, 'CSV')).split('\n');
  assert.equal(csv[0], 'name,events,price,properties');
  assert.equal(csv[1], 'order placed,4123,12.25,"{""plan"":""pro"",""nested"":{""a"":[1,2,3]}}"');
  assert.equal(csv[4], 'Pricing,4120,,');
  await page.locator('#sql-text').fill('SELECT nope FROM events');
  await press(page, 'Run');
  await page.waitForFunction(() => document.querySelector('form [role=alert]')?.textContent.includes('Candidate bindings'));
  assert.equal(await page.$eval('#sql-text', (e) => e.value), 'SELECT nope FROM events');
  await page.$eval('#sql-text', (e) => e.setSelectionRange(7, 11));
  await press(page, 'Write user_id');
  assert.equal(await page.$eval('#sql-text', (e) => e.value), 'SELECT user_id FROM events');
  await press(page, 'Run');
  await page.waitForFunction(() => !document.querySelector('[role=alert]'));
  await page.close();
});
