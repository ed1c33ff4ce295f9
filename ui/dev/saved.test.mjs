import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './axe.mjs';
import { narrow, open, pages, visit } from './browser.mjs';
import { fixture } from './server.mjs';

// Questions with a name, in a real browser against the made-up server.
let browser;
before(async () => void (browser = await open()));
after(() => browser?.close());

const seen = (page, what) => page.waitForFunction((w) => document.body.innerText.includes(w), { timeout: 30_000 }, what);
const gone = (page, what) => page.waitForFunction((w) => !document.body.innerText.includes(w), { timeout: 30_000 }, what);
const press = (page, name) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click();
const follow = (page, name) => page.locator(`::-p-aria([name="${name}"][role="link"])`).click();
const asked = (page) => Object.fromEntries(new URL(page.url()).searchParams);
const chips = (page) => page.$$eval('section[aria-label="Saved questions"] li a', (l) => l.map((e) => e.textContent.trim()));

async function of(options, work) {
  const own = await fixture(options);
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

test('a question is saved under a name, and opened by a click and by its link', () =>
  of({}, async (own) => {
    const { page, complaints } = await visit(browser, own.url + '/apps/shop/events/trends?last=30d&split=plan', { size: narrow });
    assert.deepEqual(await chips(page), ['Orders by plan', 'Revenue a week']);
    await press(page, 'Save this question');
    await page.locator('::-p-aria([name="Name of the question"])').fill('Orders by plan');
    await press(page, 'Save');
    await seen(page, 'has a saved question named "Orders by plan" already');
    await page.locator('::-p-aria([name="Name of the question"])').fill('All by plan');
    assert.deepEqual(await findings(page), []);
    await press(page, 'Save');
    await page.waitForFunction(() => new URL(location.href).searchParams.get('saved') === 'qst_6');
    assert.deepEqual(own.world.savedQuestions.at(-1).question, { last: '30d', environment: 'production', zone: own.world.savedQuestions.at(-1).question.zone, measure: 'events', interval: 'day', split: 'plan' });
    await follow(page, 'Revenue a week');
    await seen(page, 'Sum of price: order placed');
    assert.deepEqual(asked(page), { environment: 'production', last: '90d', interval: 'week', what: 'order placed', measure: 'sum', of: 'price', saved: 'qst_4' });
    await page.goto(own.url + pages['events-saved']);
    await seen(page, 'by ana');
    assert.equal(asked(page).split, 'plan');
    await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new Error('no clipboard'))));
    await press(page, 'Copy its link');
    await seen(page, own.url + '/apps/shop/events/trends?saved=qst_3');
    await page.goto(own.url + '/apps/shop/events/trends?saved=qst_2');
    await seen(page, 'visitors went all the way');
    assert.ok(page.url().includes('/events/funnel'));
    assert.deepEqual(complaints, ['Failed to load resource: the server responded with a status of 409 (Conflict)']);
    await page.close();
  }));

test('a saved question is changed, renamed and removed', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['events-sql']);
    await follow(page, 'Busiest pages of the week');
    await seen(page, 'The first 1,000 rows');
    assert.ok(!(await page.evaluate(() => document.body.innerText)).includes('changed here'));
    await page.locator('#sql-text').fill('SELECT name FROM events');
    await press(page, 'Run');
    await seen(page, 'changed here');
    await press(page, 'Keep the change');
    await gone(page, 'changed here');
    assert.deepEqual(own.world.savedQuestions[0].question, { sql: 'SELECT name FROM events' });
    await press(page, 'Rename');
    await page.locator('::-p-aria([name="Another name"])').fill('Names');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('section[aria-label="Saved questions"] [aria-current]')?.textContent.trim() === 'Names');
    await press(page, 'Remove “Names”');
    await page.waitForSelector('dialog[open]');
    await page.locator('dialog[open] button.danger').click();
    await page.waitForFunction(() => !document.querySelector('section[aria-label="Saved questions"]').textContent.includes('Names'));
    assert.equal(own.world.savedQuestions.length, 4);
    assert.equal(asked(page).saved, undefined);
    assert.equal(await page.$eval('#sql-text', (e) => e.value), 'SELECT name FROM events');
    await page.close();
  }));

test('who only looks may ask what is saved, and not save; a link to one that is gone says so; without any there is the next step', async () => {
  await of({ role: 'viewer' }, async (own) => {
    const { page } = await visit(browser, own.url + pages['events-saved']);
    await seen(page, 'by ana');
    const buttons = await page.$$eval('section[aria-label="Saved questions"] button', (l) => l.map((b) => b.textContent.trim()));
    assert.deepEqual(buttons, ['Copy its link']);
    await page.close();
    const lost = await visit(browser, own.url + '/apps/shop/events/trends?saved=qst_99');
    await seen(lost.page, 'is not there any more');
    await follow(lost.page, 'Go on without it');
    await gone(lost.page, 'is not there any more');
    await lost.page.close();
  });
  await of({}, async (own) => {
    own.world.savedQuestions = [];
    const { page } = await visit(browser, own.url + pages['events-sql']);
    await seen(page, 'No question is saved yet. Ask one');
    await page.close();
  });
});
