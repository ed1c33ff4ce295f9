import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';
import { findings } from './axe.mjs';
import { narrow, open, pages, visit } from './browser.mjs';
import { fixture } from './server.mjs';

// Limits: their words and drafts, and their pages in a real browser against the made-up server.
let browser, vite, words, drafts, series, addresses;
before(async () => {
  vite = await createServer({ root: fileURLToPath(new URL('..', import.meta.url)), server: { middlewareMode: true, ws: false, watch: null }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } });
  [words, drafts, series, addresses] = await Promise.all(['/src/limits/words.ts', '/src/limits/draft.ts', '/src/limits/series.ts', '/src/nav/addresses.ts'].map((m) => vite.ssrLoadModule(m)));
  browser = await open();
});
after(() => Promise.all([browser?.close(), vite.close()]));

const seen = (page, what) => page.waitForFunction((w) => document.body.innerText.includes(w), { timeout: 30_000 }, what);
const press = (page, name) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click();
const follow = (page, name) => page.locator(`::-p-aria([name="${name}"][role="link"])`).click();
const fill = (page, name, text) => page.locator(`::-p-aria([name="${name}"])`).fill(text);
const confirm = (page, name) => page.locator(`dialog[open] ::-p-aria([name="${name}"][role="button"])`).click();
const shut = (page) => page.waitForFunction(() => !document.querySelector('dialog[open]'));
const texts = (page, selector) => page.$$eval(selector, (l) => l.map((e) => e.innerText.trim().replaceAll(/\s+/g, ' ')));
const sent = async (page, method, end, act) => {
  const request = page.waitForRequest((r) => r.method() === method && r.url().endsWith(end));
  await act();
  return JSON.parse((await request).postData());
};

// What there is on a phone is large enough for a thumb.
async function thumbs(page) {
  const small = await page.$$eval('main a, main button, main input, main select, main summary', (l) =>
    l.filter((e) => !e.closest('p, .hint, label, .meaning') && e.getClientRects().length > 0).map((e) => [e.getBoundingClientRect(), e]).filter(([r]) => r.height < 24 || r.width < 24).map(([r, e]) => `${e.outerHTML.slice(0, 90)} ${Math.round(r.width)}×${Math.round(r.height)}`),
  );
  assert.deepEqual(small, []);
}

async function of(options, work) {
  const own = await fixture(options);
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

test('limits, what became of them and how keys stand are said in words', () => {
  const said = [
    [{ kind: 'rolling', amount: 5, unit: 'minute', burst: 20 }, '5 a minute, 20 at once'],
    [{ kind: 'rolling', amount: 1000, unit: 'hour', burst: 1000 }, '1,000 an hour'],
    [{ kind: 'rolling', amount: 5, unit: 'minute', every: 15 }, '5 in 15 minutes'],
    [{ kind: 'calendar', amount: 50, unit: 'day', zone: 'Europe/Vienna' }, '50 each day of the calendar in Europe/Vienna'],
    [{ kind: 'ever', amount: 1 }, '1 ever'],
    [{ kind: 'concurrent', amount: 2, hold_seconds: 60 }, '2 at once, each for 1 minute at most'],
    [{ kind: 'concurrent', amount: 20, refill: 5, unit: 'hour' }, '20 at once, refilled by 5 an hour'],
  ];
  for (const [limit, text] of said) assert.equal(words.said(limit), text);
  const c = { asks: 1204, asked: 1204, given: 1150, denied: 54, near: 3 };
  assert.equal(words.asked(c, 'the last hour', 'production'), '1,204 asks in production in the last hour: 54 were denied (4.5 %), 3 came near the limit.');
  assert.equal(words.asked({ ...c, asked: 4000, denied: 1, near: 0 }, 'the last day', 'staging', true), '1,204 asks in staging in the last day: 1 would have been denied (0.08 %). They asked for 4,000 and were given 1,150.');
  assert.equal(words.asked({ ...c, asks: 0 }, 'the last week', 'production'), 'Nobody asked in production in the last week.');
  const now = Date.parse('2026-11-29T12:00:00Z');
  const key = { left: 2, capacity: 5, amount: 5, full_at: '2026-11-29T12:00:11.2Z' };
  assert.equal(words.left(key, now), '2 of 5 left, again full in 12 s');
  assert.equal(words.left(key, now, true), '2 of 5, full in 12 s');
  assert.equal(words.left({ ...key, full_at: '2026-11-29T14:10:00Z' }, now, true), '2 of 5, full in 2 h 10 min');
  assert.equal(words.left({ ...key, left: 5, full_at: undefined }, now), '5 of 5 left');
  assert.equal(words.left({ ...key, left: 0, capacity: 1, full_at: undefined }, now), '0 of 1 left, and never again more');
  const was = { asks: 88_000, denied: 0 };
  const tried = { was, denied: 1204, hit: 12, keys: 340 };
  assert.equal(words.wouldHave(tried), 'It would have denied 1,204 of 88,000 asks (1.4 %), from 12 of 340 keys; none was denied then.');
  assert.equal(words.wouldHave({ ...tried, denied: 0, was: { ...was, denied: 1 } }), 'It would have denied none of 88,000 asks; 1 (< 0.01 %) was denied then.');
  assert.match(words.wouldHave({ ...tried, was: { ...was, denied: 1204 } }), /; just as many as were denied then\.$/);
});

test('what was typed becomes a limit of its kind, and comes back as it was', () => {
  const all = [
    { kind: 'rolling', amount: 100, unit: 'minute', every: 15, burst: 20, near: 0.9 },
    { kind: 'calendar', amount: 0, unit: 'month', zone: 'Europe/Vienna', shadow: true },
    { kind: 'ever', amount: 1, exact: true },
    { kind: 'concurrent', amount: 3, hold_seconds: 600 },
    { kind: 'concurrent', amount: 20, unit: 'minute', refill: 5 },
  ];
  for (const limit of all) assert.deepEqual(drafts.build(drafts.begin(limit)), { limit, faults: {}, complete: true });
  const d = drafts.begin(all[0]);
  const faults = (more) => Object.keys(drafts.build({ ...d, ...more }).faults);
  for (const [more, at] of [[{ amount: '-1' }, 'amount'], [{ amount: '1e5' }, 'amount'], [{ amount: '2000000000000' }, 'amount'], [{ every: '0' }, 'every'], [{ burst: '0' }, 'burst'], [{ near: '120' }, 'near'], [{ kind: 'concurrent', hold: '0' }, 'hold_seconds'], [{ kind: 'concurrent', back: 'refill', refill: 'x' }, 'refill']]) assert.deepEqual(faults(more), [at], JSON.stringify(more));
  // What is of another kind is neither sent nor in the way; what is missing is no fault, but not complete.
  assert.deepEqual(drafts.build({ ...d, kind: 'ever', burst: 'x', every: '0' }).limit, { kind: 'ever', amount: 100, near: 0.9 });
  assert.deepEqual(drafts.build({ ...d, amount: '' }).complete, false);
  assert.equal(drafts.build({ ...d, amount: '10 000' }).limit.amount, 10_000);
  assert.equal(drafts.groupFault('api:search'), '');
  for (const bad of [':a', 'a:', 'a::b', 'x'.repeat(513)]) assert.notEqual(drafts.groupFault(bad), '', bad);
  assert.deepEqual(drafts.fields({ fields: ['definition.zone: there is no zone', 'group: it is taken', 'something'] }), { zone: 'There is no zone.', group: 'It is taken.' });
  assert.equal(drafts.recounts(all[0], { ...all[0], amount: 5, unit: 'day' }), false);
  assert.equal(drafts.recounts(all[1], { ...all[1], zone: 'UTC' }), true);
});

test('points are drawn with nothing where nobody asked', () => {
  const at = (m) => new Date(Date.UTC(2026, 10, 29, 12, m)).toISOString();
  const [from, to] = [Date.parse(at(0)) + 20_000, Date.parse(at(4)) + 20_000];
  const u = { step_seconds: 60, points: [{ at: at(1), asks: 5, denied: 2 }, { at: at(3), asks: 1, denied: 0 }], total: { asks: 6, denied: 2 } };
  const got = series.use(u, from, to);
  assert.equal(got.seconds.length, 4, 'the minute under way would look like a fall');
  assert.deepEqual(got.parts.map((p) => [p.label, p.values, p.total]), [['passed', [0, 3, 0, 1], 4], ['denied', [0, 2, 0, 0], 2]]);
  assert.deepEqual(series.use({ ...u, points: [{ at: at(4), asks: 5, denied: 2 }], total: { asks: 5, denied: 2 } }, from, to, true).parts.map((p) => [p.label, p.values]), [['within the limit', [0, 0, 0, 0, 3]], ['over it', [0, 0, 0, 0, 2]]]);
  assert.deepEqual(series.denied(u, [{ key: 'a', denied: 8, points: [{ at: at(2), denied: 7 }, { at: at(4), denied: 1 }] }], from, to, (k) => k).parts, [{ label: 'a', values: [0, 0, 7, 0], total: 8 }]);
  const s = series.simulated({ points: [{ at: at(1), was_denied: 1, denied: 4 }, { at: at(3), was_denied: 0, denied: 2 }] }, 3_600_000);
  assert.deepEqual(s.parts.map((p) => p.values), [[1, 0, 0], [4, 0, 2]]);
  assert.deepEqual(series.simulated({ points: [] }, 3_600_000).seconds, []);
});

test('an address names a limit, whatever its group is called', () => {
  for (const group of ['api:search', 'a/b ü?#', '100%']) assert.deepEqual(addresses.find(addresses.to.limit('shop', group, 'staging').split('?')[0]), { name: 'limits', app: 'shop', tab: group });
  assert.equal(addresses.to.limit('shop', 'api:search'), '/apps/shop/limits/api:search');
});

test('the list says what was asked of each limit, and goes on by itself', () =>
  of({}, async (own) => {
    const { page, complaints } = await visit(browser, own.url + pages.limits, { size: narrow });
    await thumbs(page);
    const rows = await texts(page, 'tbody tr');
    assert.match(rows[1], /^api:search Keeps the search machines .* 60 a minute, 20 at once [\d,]+, [\d,]+ denied \([\d.]+ %\) 2 2 overrides of api:search bo, 23 h ago$/);
    assert.match(rows.find((r) => r.startsWith('sms')), /50 each day of the calendar in Europe\/Vienna counts only .* would be denied/);
    assert.match(rows.find((r) => r.startsWith('upload')), /nothing none/);
    await fill(page, 'Find a limit', 'mail once');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    // Somebody else adds one.
    own.world.limits.push({ ...own.world.limits[0], group: 'new-here' });
    own.send('limit.changed', { group: 'new-here' });
    await fill(page, 'Find a limit', 'new-here');
    await follow(page, 'new-here');
    await seen(page, 'Nobody asked in production in the last hour.');
    await page.waitForFunction(() => /Bearer sfk_backend.*"group":"new-here:ana"/s.test(document.querySelector('[aria-label="the lines for curl"]').innerText)); // the keys come by a call of their own
    assert.deepEqual(complaints, []);
    await page.close();
  }));

test('the first limit is added by a form, whose faults are said at their fields', () =>
  of({}, async (own) => {
    own.world.limits = [];
    own.world.flagKeys = [];
    const { page } = await visit(browser, own.url + pages.limits);
    await seen(page, 'A limit says how much may be had');
    assert.match(await page.$eval('[aria-label="the lines for curl"]', (e) => e.innerText), /Bearer sfk_…/);
    await press(page, 'Add a key for servers');
    await page.waitForFunction(() => document.querySelector('[aria-label="the lines for curl"]').innerText.includes('sfk_made'));
    assert.deepEqual([own.world.flagKeys[0].kind, own.world.flagKeys[0].environment], ['server', 'production']);
    await page.select('select[id$="-client"]', 'Go');
    await seen(page, 'limits.Check(ctx, "api:ana")');
    assert.deepEqual(await findings(page), []);
    await press(page, 'New limit');
    await fill(page, 'What it limits', 'sms:');
    await seen(page, 'A colon parts a group from what is below it');
    await fill(page, 'What it limits', 'sms');
    await page.click('input[value=calendar]');
    await fill(page, 'How much', '-5');
    await seen(page, 'A whole number from 0');
    await fill(page, 'How much', '50');
    await page.select('select[aria-label=Unit]', 'day');
    await fill(page, 'By the clock of', 'Wien');
    await seen(page, 'sms: 50 each day of the calendar in Wien');
    await press(page, 'Add the limit');
    await seen(page, 'There is no zone "Wien"; write it as Europe/Vienna or UTC.');
    assert.equal(await page.$('[role=alert]'), null, 'what is said at a field is said once');
    assert.equal(await page.$eval('input[list]', (e) => e.getAttribute('aria-invalid')), 'true');
    await fill(page, 'By the clock of', 'Europe/Vienna');
    await page.locator('::-p-text(Count only)').click();
    const body = await sent(page, 'POST', '/limits', () => press(page, 'Add the limit'));
    assert.deepEqual(body, { group: 'sms', definition: { kind: 'calendar', amount: 50, unit: 'day', zone: 'Europe/Vienna', shadow: true } });
    await page.waitForFunction(() => location.pathname === '/apps/shop/limits/sms');
    await page.close();
  }));

test('a key that is denied has another amount in two clicks, is looked at, reset, and has no more than others again', () =>
  of({}, async (own) => {
    const { page, complaints } = await visit(browser, own.url + '/apps/shop/limits/api:search', { size: narrow });
    await seen(page, 'Denied, by key');
    await thumbs(page);
    const name = 'Override api:search:chen';
    await page.locator(`table[aria-label="Denied most"] ::-p-aria([name="${name}"][role="button"])`).click();
    const body = await sent(page, 'PUT', '/overrides/api%3Asearch%3Achen', () => confirm(page, 'Save'));
    const until = Date.parse(body.until) - Date.now();
    assert.deepEqual([body.amount, body.burst, Math.round(until / 3_600_000)], [120, 40, 24]);
    await shut(page);
    await seen(page, 'Overrides (3)');
    await follow(page, 'chen');
    await seen(page, '120 instead of 60, 40 at once, ends in 23 h; set by ana now.');
    assert.match(await page.$eval('.stands', (e) => e.innerText), /^In production: \d+ of 40 left, again full in \d+ s\.$/);
    await press(page, 'Reset it');
    await page.locator('dialog[open] input').fill('they asked');
    await confirm(page, 'Reset it');
    await seen(page, 'In production: 40 of 40 left.');
    await shut(page);
    await press(page, 'Lift the override');
    await confirm(page, 'Lift the override');
    await shut(page);
    await seen(page, 'Overrides (2)');
    await page.evaluate(() => scrollTo(0, 0));
    await fill(page, 'How one key stands', 'nobody:ever');
    await press(page, 'Look');
    await page.waitForFunction(() => document.querySelector('#one-key')?.innerText === 'api:search:nobody:ever' && document.querySelector('.stands')?.innerText === 'In production: 20 of 20 left.');
    assert.equal(new URL(page.url()).searchParams.get('key'), 'api:search:nobody:ever');
    // Another time is in the address, and drawn in other steps.
    await page.select('select[id$="-last"]', '7d');
    await seen(page, 'each 30 minutes');
    assert.match(page.url(), /last=7d/);
    assert.deepEqual(complaints, []);
    await page.close();
  }));

test('overrides are listed, added, changed and lifted, and what is no key of the limit is refused', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['limit-overrides'], { size: narrow });
    await seen(page, 'ended 50 min ago');
    await thumbs(page);
    await press(page, 'Add an override');
    await fill(page, 'For which group', 'api:other:x');
    await seen(page, 'It begins with api:search:');
    assert.equal(await page.$eval('dialog[open] button.primary', (b) => b.disabled), true);
    await fill(page, 'For which group', 'api:search:x/y z');
    await page.select('dialog[open] select', 'good');
    const body = await sent(page, 'PUT', '/overrides/api%3Asearch%3Ax%2Fy%20z', () => confirm(page, 'Save'));
    assert.deepEqual(body, { amount: 120, burst: 40 });
    await shut(page);
    await seen(page, 'api:search:x/y z');
    await press(page, 'Change api:search:crawler-7');
    assert.equal(await page.$eval('dialog[open] input[id$="-amount"]', (e) => e.value), '10', 'twice what it has');
    await fill(page, 'Amount', '0');
    await seen(page, '0 denies everything that it asks.');
    assert.deepEqual(await findings(page), []);
    await confirm(page, 'Leave it');
    await press(page, 'Lift the override of api:search:crawler-7');
    await confirm(page, 'Lift');
    await page.waitForFunction(() => !document.querySelector('main').innerText.includes('crawler-7'));
    await page.close();
  }));

test('a limit is tried on what was asked, and what was tried is taken over and saved by who saw what it was', () =>
  of({}, async (own) => {
    const { page, complaints } = await visit(browser, own.url + pages['limit-try'], { size: narrow });
    await thumbs(page);
    assert.equal(await page.$eval('input[id$="-amount"]', (e) => e.value), '60', 'it begins with what there is');
    await fill(page, 'How much', '20');
    const body = await sent(page, 'POST', '/limit-simulations', () => press(page, 'Try it'));
    assert.deepEqual([body.group, body.definition, Math.round((Date.parse(body.to) - Date.parse(body.from)) / 86_400_000)], ['api:search', { kind: 'rolling', amount: 20, unit: 'minute', burst: 20 }, 7]);
    await seen(page, 'It would have denied ');
    assert.match(await page.$eval('.sentence', (e) => e.innerText), /^20 a minute\s+It would have denied [\d,]+ of [\d,]+ asks \([\d.]+ %\), from \d+ of 9 keys; [\d,]+ \([\d.]+ %\) were denied then\.$/);
    await seen(page, 'which is the first that is known; takes are kept for 8 days');
    assert.deepEqual(await findings(page), []);
    await press(page, 'Take it over into the form');
    await seen(page, 'This is what you tried. Nothing is saved yet.');
    await seen(page, 'It becomes 20 a minute, instead of 60 a minute, 20 at once. What was taken goes on to count.');
    await thumbs(page);
    // Somebody else was faster: it is said, and nothing is overwritten.
    own.world.limitsFaster = true;
    Object.assign(own.world.limits.find((l) => l.group === 'api:search'), { revision: 4, changed_by: 'person:chen', definition: { kind: 'rolling', amount: 90, unit: 'minute' } });
    await press(page, 'Save the limit');
    await seen(page, 'chen changed it meanwhile; it is 90 a minute now.');
    assert.equal(await page.$eval('input[id$="-amount"]', (e) => e.value), '20');
    own.world.limitsFaster = false;
    await press(page, 'Begin with that');
    await fill(page, 'How much', '30');
    const match = page.waitForRequest((r) => r.method() === 'PUT');
    await press(page, 'Save the limit');
    assert.equal((await match).headers()['if-match'], '"7"');
    await seen(page, 'It is 30 a minute; nothing is changed yet.');
    await press(page, 'Remove api:search');
    await seen(page, 'Its 3 overrides go with it.');
    await confirm(page, 'Remove api:search');
    await page.waitForFunction(() => location.pathname === '/apps/shop/limits');
    assert.equal(own.world.limits.some((l) => l.group === 'api:search'), false);
    assert.equal(complaints.filter((c) => !c.includes('412')).length, 0, complaints.join());
    await page.close();
  }));

test('a trial of what nobody asked says so', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['limit-try'] + '&environment=staging');
    await press(page, 'Try it');
    await seen(page, 'Nothing was asked of api:search in staging in the last week');
    await seen(page, 'They are kept for 8 days');
    await page.close();
  }));

test('who only looks sees limits and keys, and changes nothing', () =>
  of({ role: 'viewer' }, async (own) => {
    const { page } = await visit(browser, own.url + pages['limit-key']);
    await seen(page, 'left');
    const asked = await page.evaluate(() => performance.getEntriesByType('resource').filter((e) => e.name.includes('/use?')).length);
    assert.ok(asked < 10, `use was asked for ${asked} times, not every few seconds`);
    assert.deepEqual((await texts(page, 'main button')).filter((t) => /Override|Reset|another amount/.test(t)), []);
    await follow(page, 'What it is');
    await seen(page, 'Somebody who may deploy to all environments of shop can change it.');
    assert.equal(await page.$eval('form fieldset', (f) => f.disabled), true);
    await page.goto(own.url + '/apps/shop/limits/nothing');
    await seen(page, 'There is no limit for nothing');
    await page.close();
  }));
