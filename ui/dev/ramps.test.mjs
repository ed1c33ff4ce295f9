import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';
import { narrow, open, pages, visit } from './browser.mjs';
import { fixture } from './server.mjs';

// Ramps of flags: their words and curves, and their pages in a real browser against the made-up server.
let browser, vite, words, drafts, series, addresses;
before(async () => {
  vite = await createServer({ root: fileURLToPath(new URL('..', import.meta.url)), server: { middlewareMode: true, ws: false, watch: null }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } });
  [words, drafts, series, addresses] = await Promise.all(['/src/flags/ramp/words.ts', '/src/flags/ramp/draft.ts', '/src/flags/ramp/series.ts', '/src/nav/addresses.ts'].map((m) => vite.ssrLoadModule(m)));
  browser = await open();
});
after(() => Promise.all([browser?.close(), vite.close()]));

const seen = (page, what) => page.waitForFunction((w) => document.body.innerText.includes(w), { timeout: 30_000 }, what);
const gone = (page, what) => page.waitForFunction((w) => !document.body.innerText.includes(w), { timeout: 30_000 }, what);
const press = (page, name) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click();
const follow = (page, name) => page.locator(`::-p-aria([name="${name}"][role="link"])`).click();
const fill = (page, name, text) => page.locator(`::-p-aria([name="${name}"])`).fill(text);
const confirm = (page, name) => page.locator(`dialog[open] ::-p-aria([name="${name}"][role="button"])`).click();
const shut = (page) => page.waitForFunction(() => !document.querySelector('dialog[open]'));
const texts = (page, selector) => page.$$eval(selector, (l) => l.map((e) => e.innerText.trim().replaceAll(/\s+/g, ' ')));
const words_ = (page) => page.$eval('.sentence', (e) => e.innerText.trim());

async function of(options, work) {
  const own = await fixture(options);
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

const hour = 3600;
const made = (more = {}) => ({
  state: 'watching', step: 0, share: 0.1, step_at: '2026-11-29T12:00:00Z', started_at: '2026-11-29T12:00:00Z', reasons: [], moves: [], slots: [{}], verdict: { outcome: 'unknown', vitals: [] },
  spec: { value: true, steps: [{ share: 0.1, watch_seconds: hour }, { share: 0.5, watch_seconds: hour }], vitals: [{ event: 'order placed', bad: 'drop' }], unknown: 'promote' }, ...more,
});

test('where a ramp stands is said in a sentence, in each of its states', () => {
  const at = Date.parse('2026-11-29T12:20:00Z');
  const late = Date.parse('2026-11-29T13:00:01Z');
  const by = (move, by) => [{ move, by, step: 0, share: 0.1, at: '2026-11-29T12:10:00Z', reasons: [] }];
  const cases = [
    [made(), at, '10 % of visitors get true: step 1 of 2. In about 40 min it goes on to 50 %.'],
    [made({ step: 1, share: 0.5 }), at, '50 % of visitors get true: step 2 of 2. In about 40 min it goes on to all.'],
    [made(), late, '10 % of visitors get true: step 1 of 2. Its time is over, and it goes on to 50 % in a moment.'],
    [made({ spec: { ...made().spec, unknown: 'wait' } }), late, '10 % of visitors get true: step 1 of 2. Its time is over, and it waits until it can be told whether they do worse.'],
    [made({ spec: { ...made().spec, condition: { country: 'US' } } }), at, '10 % of visitors whose country is US get true: step 1 of 2. In about 40 min it goes on to 50 %.'],
    [made({ state: 'paused', moves: by('paused', 'person:chen') }), at, 'Paused by chen: 10 % of visitors get true, and it stays so until somebody resumes it. Worse visitors still bring it back.'],
    [made({ state: 'held' }), late, 'It waits for you: 10 % of visitors get true, and the time of step 1 of 2 is over without an answer.'],
    [made({ state: 'held', verdict: { outcome: 'wrong_split', vitals: [] } }), at, 'It waits for you: 10 % of visitors get true, and what is counted cannot be compared.'],
    [made({ state: 'promoted', ended_at: '2026-11-29T14:00:00Z' }), late, 'All visitors get true. The ramp is over.'],
    [made({ state: 'returned', ended_at: '2026-11-29T14:00:00Z', moves: by('returned', 'system:ramp') }), late, 'Taken back by itself: nobody gets true by this ramp any more.'],
    [made({ state: 'overtaken', ended_at: '2026-11-29T14:00:00Z', reasons: ['the flag was switched off by bo'] }), late, 'It ended, because the flag was switched off by bo. Its rule went with that.'],
  ];
  for (const [ramp, now, wanted] of cases) assert.equal(words.stands(ramp, now), wanted);
});

test('what the evidence comes to is said in a sentence, and that nothing was counted', () => {
  const found = (outcome, more = {}) => words.finds(made({ verdict: { outcome, vitals: [{ name: 'order placed', label: '', outcome }] }, ...more }));
  assert.match(found('healthy'), /^They do no worse/);
  assert.match(found('regressed', { ended_at: '2026-11-29T14:00:00Z' }), /^They did worse than those with the old value, by “order placed”/);
  assert.match(found('unknown'), /cannot be told yet\.$/);
  assert.equal(words.finds(made({ slots: [] })), 'Nothing was counted yet, so nothing can be compared.');
});

test('what was typed becomes a ramp, and faults are said by field', () => {
  const d = { ...drafts.begin('boolean'), vitals: [{ event: ' order placed ', bad: 'drop' }] };
  const usual = drafts.build('boolean', d);
  assert.deepEqual(usual.ramp, { value: true, unknown: 'promote', steps: [0.01, 0.1, 0.5].map((share) => ({ share, watch_seconds: hour })), vitals: [{ event: 'order placed', bad: 'drop' }], false_alarms: 1, rule_out: 2 });
  assert.equal(usual.complete, true);
  assert.equal(words.will(usual.ramp), 'At once 1 % of visitors get true, 10 % after 1 h, 50 % another 1 h later, and all of them 1 h after that. As soon as “order placed” becomes rarer with them than with the others, it is taken back from all. Where that cannot be told by the end of a step, it goes on. Where nothing at all was counted, it stands still until somebody decides.');
  const step = (share, time, unit) => ({ share, time, unit });
  const faults = (more, type = 'boolean') => Object.keys(drafts.build(type, { ...d, ...more }).faults);
  assert.deepEqual(faults({ steps: [step('10', '1', 'h'), step('5', '1', 'h')] }), ['steps[1]']);
  assert.deepEqual(faults({ steps: [step('100', '1', 'h')] }), ['steps[0]']);
  assert.deepEqual(faults({ steps: [step('10', '31', 'd')] }), ['steps[0]']);
  assert.deepEqual(faults({ vitals: [{ event: 'a', bad: 'drop' }, { event: 'a', bad: 'rise' }] }), ['vitals[1]']);
  assert.deepEqual(faults({ alarms: '0' }), ['alarms']);
  assert.deepEqual(faults({ ruleOut: '1' }), ['ruleOut']);
  assert.deepEqual(faults({ value: '{' }, 'json'), ['value']);
  assert.deepEqual(drafts.build('boolean', { ...d, steps: [step('0,5', '90', 'min')] }).ramp.steps, [{ share: 0.005, watch_seconds: 5400 }]);
  assert.equal(drafts.build('boolean', { ...d, vitals: [{ event: '', bad: 'drop' }] }).complete, false);
  assert.equal(drafts.build('number', { ...d, value: '' }).complete, false);
});

test('slots add up to the rate of each side so far, and a few visitors are no rate', () => {
  const slot = (second, old, n, atOld, atNew) => ({ second, step: 0, share: 0.1, counts: { a: { old, new: n, at_risk_old: atOld, at_risk_new: atNew } } });
  const got = series.cumulate([slot(100, 5, 1, 50, 10), slot(110, 10, 4, 50, 10), slot(120, 0, 5, 0, 20), slot(120, 15, 0, 100, 0)], 'a');
  assert.deepEqual(got, { seconds: [110, 120, 130], old: [0.1, 0.15, 0.15], new: [null, 0.25, 0.25] });
  assert.deepEqual(series.cumulate([], 'a'), { seconds: [], old: [], new: [] });
  const long = series.cumulate(Array.from({ length: 5000 }, (_, i) => slot(i * 10, 1, 1, 10, 10)), 'a');
  assert.ok(long.seconds.length <= 800 && long.seconds.at(-1) === 50_000, `${long.seconds.length} points, the last at ${long.seconds.at(-1)}`);
});

test('an address names a ramp of a flag, whatever the flag is called', () => {
  const found = addresses.find(addresses.to.ramp('shop', 'a/b ü', 'rmp_1', 'staging').split('?')[0]);
  assert.deepEqual(found, { name: 'flags', app: 'shop', tab: 'flag:a/b ü', ramp: 'rmp_1' });
  assert.equal(addresses.find('/apps/shop/flags/flag:a/other/rmp_1').name, 'missing');
});

test('a ramp is begun by a form that says what it will do', () =>
  of({}, async (own) => {
    const { page, complaints } = await visit(browser, own.url + pages['flag-ramps-new']);
    await seen(page, 'Name an event by which they are compared');
    assert.equal(await page.$eval('form button.primary', (b) => b.disabled), true);
    assert.ok((await page.$$eval('datalist[id$="-events"] option', (l) => l.map((o) => o.value))).includes('order placed'));
    await fill(page, 'They are given', 'green');
    await fill(page, 'Event 1', 'order placed');
    await seen(page, 'At once 1 % of visitors get "green", 10 % after 1 h');
    await seen(page, 'The flag is off here');
    await fill(page, 'Share of step 2, in percent', '0.5');
    await seen(page, 'Shares grow from step to step.');
    await seen(page, 'Something is to be mended first.');
    await press(page, 'Remove step 2');
    await press(page, 'Add an event');
    await fill(page, 'Event 2', 'error shown');
    await seen(page, 'or “error shown” becomes more frequent');
    await fill(page, 'Why (optional)', 'greener');
    const body = page.waitForRequest((r) => r.method() === 'POST' && r.url().endsWith('/environments/staging/flags/flg_2/ramps'));
    await press(page, 'Begin the ramp');
    assert.deepEqual(JSON.parse((await body).postData()), {
      value: 'green', unknown: 'promote', steps: [0.01, 0.5].map((share) => ({ share, watch_seconds: hour })), vitals: [{ event: 'order placed', bad: 'drop' }, { event: 'error shown', bad: 'rise' }], false_alarms: 1, rule_out: 2, reason: 'greener',
    });
    await seen(page, '1 % of visitors get "green": step 1 of 2.');
    assert.match(page.url(), /\/flags\/flag:button-colour\/ramps\/rmp_n4/);
    await seen(page, 'What is missing: who was given what');
    assert.match(await page.$eval('[aria-label="lines that tell of exposures"]', (e) => e.innerText), /name: result\.featureId, \/\/ button-colour/);
    assert.deepEqual(JSON.parse(await page.$eval('[aria-label="an exposure"]', (e) => e.innerText)), { kind: 'exposure', name: 'button-colour', user: 'u_1', properties: { experiment: 'rmp_n4/1', variation: 'new' } });
    assert.deepEqual(complaints, []);
    await page.close();
  }));

test('what the server refuses is said, and what was typed stays', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['flag-ramps-new']);
    await fill(page, 'Event 1', 'order placed');
    // Somebody else was faster.
    own.world.flagRamps.push({ ...own.world.flagRamp, id: 'rmp_x', flag: 'flg_2' });
    await press(page, 'Begin the ramp');
    await seen(page, 'button-colour has a ramp in staging already');
    assert.equal(await page.$eval('input.event', (e) => e.value), 'order placed');
    await page.close();
  }));

test('where no ramp can be begun it is said why', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['flag-ramps-approvals']);
    await seen(page, 'Changes in production need an approval');
    await page.goto(`${own.url}/apps/shop/flags/flag:dark-mode?part=ramps`);
    await seen(page, 'it is on for an audience, and a ramp is a rule');
    await page.goto(own.url + pages['flag-ramps']);
    await seen(page, '50 % of visitors get 50 in staging.');
    assert.equal(await page.$('form'), null);
    assert.deepEqual(await texts(page, 'tbody td:nth-child(3)'), ['under way', 'taken back', 'given to all']);
    await follow(page, 'to 200');
    await seen(page, 'Taken back by itself');
    await page.close();
  }));

test('a ramp says where it stands, what its visitors do, and its moves', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['ramp-back']);
    assert.match(await words_(page), /^Taken back by itself: nobody gets 200 by this ramp any more\.\s+They did worse than those with the old value, by “order placed”/);
    const steps = await texts(page, 'ol[aria-label="Steps"] li');
    assert.match(steps[0], /^10 % done watched 1 h$/);
    assert.match(steps[1], /^50 % stopped after 21 min 40 s$/);
    assert.match(steps[2], /^Back taken back/);
    const [order] = await texts(page, 'tbody tr');
    assert.match(order, /must not drop 31 % 1\d % 0\.\d+ × .*worse$/);
    assert.deepEqual(await texts(page, 'section[aria-labelledby="moves"] li strong'), ['Taken back', 'On to 50 %', 'Resumed', 'Paused', 'Begun with 10 %']);
    await seen(page, 'A look at the shop first.');
    assert.equal(await page.$('main .acts'), null, 'what is over cannot be commanded');
    // The curves are of the event that did the harm, until another is chosen.
    assert.equal(await page.$eval('figure h3', (h) => h.innerText), 'order placed');
    await follow(page, 'error shown');
    await page.waitForFunction(() => document.querySelector('figure h3').innerText === 'error shown');
    assert.match(page.url(), /vital=error\+shown/);
    await page.close();
  }));

test('sides that are not of the size that was drawn are said, with their numbers', () =>
  of({}, async (own) => {
    Object.assign(own.world, { flagSplit: { wrong: true, share: 0.41, intended: 0.5, e_value: 4.2, threshold: 3 } });
    const { page } = await visit(browser, own.url + pages.ramp);
    await seen(page, 'The new value has 41 % of those who were told of, meant 50 %');
    await seen(page, 'look whether all clients tell of both values');
    await page.close();
  }));

test('a ramp is paused, resumed, led on and taken back, with a reason', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['ramp-quiet'], { size: narrow });
    const command = async (name, why) => {
      await press(page, name);
      await page.waitForSelector('dialog[open]');
      await page.locator('dialog[open] input').fill(why);
      await confirm(page, name);
      await shut(page);
    };
    await command('Pause it', 'a look first');
    await seen(page, 'Paused by ana: 1 % of visitors whose country is one of US, CA get true');
    await seen(page, 'A look first.');
    await command('Resume it', '');
    await seen(page, 'step 1 of 3. In about 60 min');
    await command('On to 10 %', 'it is quiet');
    await seen(page, '10 % of visitors whose country is one of US, CA get true: step 2 of 3.');
    await command('Take it back', 'not today');
    await seen(page, 'Taken back by ana');
    await gone(page, 'Pause it');
    const r = own.world.flagRamps.find((x) => x.id === 'rmp_2');
    assert.equal(r.state, 'returned');
    assert.deepEqual(r.moves.map((m) => [m.move, ...m.reasons]).slice(1), [['paused', 'a look first'], ['watching'], ['watching', 'it is quiet'], ['returned', 'not today']]);
    await page.close();
  }));

test('while it is under way it is read again by itself, and at once when it moved', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages.ramp);
    await seen(page, '50 % of visitors get 50: step 2 of 2.');
    own.world.flagRamp.state = 'held'; // and nobody is told
    await seen(page, 'It waits for you');
    await page.goto(own.url + pages['ramp-all']); // what is over is not asked for again and again
    await seen(page, 'The ramp is over.');
    await page.waitForFunction(() => document.body.innerText.includes('Live'));
    own.world.flagRamps.find((r) => r.id === 'rmp_00').state = 'returned';
    own.send('ramp.ended', { ramp: 'rmp_00' });
    await seen(page, 'Taken back: nobody gets 20 by this ramp any more.');
    await page.close();
  }));

test('who only looks sees a ramp, and commands nothing', () =>
  of({ role: 'viewer' }, async (own) => {
    const { page } = await visit(browser, own.url + pages.ramp);
    await seen(page, '50 % of visitors get 50');
    assert.equal(await page.$('main .acts'), null);
    await page.goto(own.url + pages['flag-ramps-new']);
    await seen(page, 'To begin a ramp takes a deployer of staging');
    assert.equal(await page.$('form'), null);
    await page.close();
  }));

test('a ramp that is not there says so', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + '/apps/shop/flags/flag:new-checkout/ramps/rmp_9?environment=staging');
    await seen(page, 'There is no such ramp');
    await page.close();
  }));

test('everything of a ramp on a phone is large enough for a thumb', () =>
  of({}, async (own) => {
    for (const name of Object.keys(pages).filter((n) => /^ramp(-|$)/.test(n))) {
      const { page } = await visit(browser, own.url + pages[name], { size: narrow });
      const small = await page.$$eval('main a, main button, main input, main select', (l) =>
        l.filter((e) => !e.closest('p, .hint, label, .meaning') && e.getClientRects().length > 0).map((e) => [e.getBoundingClientRect(), e]).filter(([r]) => r.height < 24 || r.width < 24).map(([r, e]) => `${e.outerHTML.slice(0, 90)} ${Math.round(r.width)}×${Math.round(r.height)}`),
      );
      assert.deepEqual(small, [], name);
      await page.close();
    }
  }));

test('changes of flags are marks where events and rollouts are drawn', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['events-trends']);
    await seen(page, 'changes of flags in this time');
    await page.goto(own.url + pages.ramp);
    await seen(page, 'banner: default changed');
    await page.close();
  }));
