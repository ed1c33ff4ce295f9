import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './axe.mjs';
import { narrow, open, pages, visit } from './browser.mjs';
import { fixture } from './server.mjs';

// What is kept of events, and of one person, in a real browser against the made-up server.
let browser;
before(async () => void (browser = await open()));
after(() => browser?.close());

const seen = (page, what) => page.waitForFunction((w) => document.body.innerText.includes(w), { timeout: 30_000 }, what);
const press = (page, name) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click();
const asks = async (page) => {
  await page.waitForSelector('dialog[open]');
  return page.$eval('dialog[open] .consequence', (e) => e.innerText.replaceAll(/\s+/g, ' '));
};
const choose = (page) => page.evaluate(() => [...document.querySelectorAll('dialog[open] button')].at(-1).click());
const write = (page, label, text) => page.locator(`::-p-aria([name="${label}"])`).fill(text);

async function of(options, work) {
  const own = await fixture(options);
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

test('what is kept is changed once it was said what goes', () =>
  of({}, async (own) => {
    const { page, complaints } = await visit(browser, own.url + pages['settings-privacy'], { size: narrow });
    const disabled = () => page.$$eval('button', (l) => l.find((b) => b.textContent.trim() === 'Save what is kept').disabled);
    assert.equal(await disabled(), true);
    await write(page, 'Keep events so many days', '-3');
    await seen(page, 'Write 1 to 36,500 days, or nothing.');
    assert.equal(await disabled(), true);
    await write(page, 'Keep events so many days', '30');
    await page.select('select[id$="-ip"]', 'none');
    await write(page, 'Names that are never stored', 'email\nphone\n');
    await press(page, 'Save what is kept');
    await page.waitForFunction(() => document.querySelector('dialog[open]')?.innerText.includes('4,123 events as of now'));
    const text = await asks(page);
    assert.match(text, /Events received more than 30 days ago are removed: 4,123 events as of now, from the store and from the archive/);
    assert.match(text, /Of addresses, nothing is stored from now on/);
    assert.match(text, /phone is not stored any more/);
    assert.match(text, /card\.number is stored again/);
    assert.deepEqual(await findings(page), []);
    await choose(page);
    await seen(page, 'Saved.');
    assert.deepEqual([own.world.kept.keep_days, own.world.kept.ip, own.world.kept.hidden], [30, 'none', ['email', 'phone']]);
    await page.$eval('input.days', (e) => { e.value = ''; e.dispatchEvent(new Event('input', { bubbles: true })); });
    await press(page, 'Save what is kept');
    assert.match(await asks(page), /Events are kept for ever, instead of 30 days/);
    assert.deepEqual(complaints, []);
    await page.close();
  }));

test('one person is looked up, and forgotten once it was said what goes', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['settings-privacy']);
    await write(page, 'User id, as your events have it', 'nobody');
    await press(page, 'Look them up');
    await seen(page, 'Nothing is stored of nobody.');
    await write(page, 'User id, as your events have it', 'u2');
    await press(page, 'Look them up');
    await seen(page, 'Of u2 there are 3 events, all 10 min ago.');
    await write(page, 'User id, as your events have it', 'u1/x');
    await press(page, 'Look them up');
    await seen(page, 'Of u1/x there are 34 events');
    const file = await page.$eval('a[download]', (a) => [a.getAttribute('href'), a.download]);
    assert.deepEqual(file, ['/v1/apps/shop/events/people/u1%2Fx/export', 'u1_x.ndjson']);
    await press(page, 'Forget u1/x');
    const text = await asks(page);
    for (const part of ['34 events of u1/x', 'old@shop.example', '2 anonymous ids: b-u1/x, b-phone', '2 failed events']) assert.ok(text.includes(part), `${part} in ${text}`);
    await page.locator('dialog[open] input[type=checkbox]').click();
    assert.deepEqual(await findings(page), []);
    await choose(page);
    await seen(page, '34 events of u1/x are removed. No more are taken.');
    await page.waitForFunction(() => document.querySelectorAll('table tbody tr').length === 2);
    await press(page, 'Take events of u7 again');
    await page.waitForSelector('dialog[open]');
    await choose(page);
    await page.waitForFunction(() => document.querySelectorAll('table tbody tr').length === 1);
    await press(page, 'Take events of u1/x again');
    await page.waitForSelector('dialog[open]');
    await choose(page);
    await seen(page, 'Events of everybody are taken');
    await page.close();
  }));

test('who may not deploy sees what is kept, and changes nothing', () =>
  of({ role: 'viewer' }, async (own) => {
    const { page } = await visit(browser, own.url + pages['settings-privacy']);
    await seen(page, 'change this');
    assert.equal(await page.$eval('fieldset', (e) => e.disabled), true);
    assert.equal(await page.$('#person-user'), null);
    assert.ok(!(await page.evaluate(() => document.body.innerText)).includes('Take events of'));
    assert.deepEqual(await findings(page), []);
    await page.close();
  }));
