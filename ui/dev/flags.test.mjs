import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './axe.mjs';
import { narrow, open, pages, visit } from './browser.mjs';
import { another } from './flags.mjs';
import { fixture } from './server.mjs';

// The pages of flags in a real browser against the made-up server.
let browser;
before(async () => void (browser = await open()));
after(() => browser?.close());

const seen = (page, what) => page.waitForFunction((w) => document.body.innerText.includes(w), { timeout: 30_000 }, what);
const gone = (page, what) => page.waitForFunction((w) => !document.body.innerText.includes(w), { timeout: 30_000 }, what);
const press = (page, name) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click();
const follow = (page, name) => page.locator(`::-p-aria([name="${name}"][role="link"])`).click();
const fill = (page, name, text) => page.locator(`::-p-aria([name="${name}"])`).fill(text);
const dialog = (page) => page.waitForSelector('dialog[open]');
const shut = (page) => page.waitForFunction(() => !document.querySelector('dialog[open]'));
const confirm = (page, name) => page.locator(`dialog[open] ::-p-aria([name="${name}"][role="button"])`).click();
const texts = (page, selector) => page.$$eval(selector, (l) => l.map((e) => e.innerText.trim()));
const asked = (page) => Object.fromEntries(new URL(page.url()).searchParams);
const flag = (world, name) => world.flags.find((f) => f.name === name);

async function of(options, work) {
  const own = await fixture(options);
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

// free makes changes need no approval.
const free = (own) => (own.world.flagSettings = { approvals: [] });

test('flags are found by text, by kind, and by what became of them', () =>
  of({}, async (own) => {
    const { page, complaints } = await visit(browser, own.url + pages.flags);
    const names = () => texts(page, 'tbody tr td:first-child .title a');
    assert.equal((await names()).length, 9);
    await page.locator('#flags-text').fill('checkout');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
    assert.deepEqual(await names(), ['button-colour', 'new-checkout']);
    assert.equal(asked(page).text, 'checkout');
    await page.locator('#flags-text').click({ count: 3 });
    await page.keyboard.press('Backspace');
    await page.select('#flags-kind', 'switch');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    assert.deepEqual(await names(), ['maintenance']);
    await page.goto(own.url + pages['flags-stale']);
    await seen(page, 'old-header');
    assert.deepEqual(await names(), ['old-header']);
    await press(page, 'stale');
    await seen(page, 'Everybody has had true for 57 days');
    await page.goto(own.url + pages['flags-archived']);
    await seen(page, 'summer-sale');
    assert.deepEqual(await names(), ['summer-sale']);
    await page.goto(own.url + pages.flags);
    await follow(page, '2 planned changes');
    await seen(page, 'waits for an approval');
    assert.deepEqual(complaints, []);
    await page.close();
  }));

test('without a flag there is the next step, and the first one is made', () =>
  of({}, async (own) => {
    own.world.flags = [];
    const { page } = await visit(browser, own.url + pages.flags, { size: narrow });
    await seen(page, 'No flag yet');
    await seen(page, 'X-API-Key: sfk_backend8Jd2sK9mPq4xVt7Lr5Nw1Yb');
    assert.deepEqual(await findings(page), []);
    await press(page, 'New flag');
    await fill(page, 'Name', 'new checkout');
    await seen(page, 'A name has no spaces');
    await fill(page, 'Name', 'new-checkout');
    await page.keyboard.press('Enter');
    await seen(page, 'Off in production');
    assert.ok(page.url().endsWith('/apps/shop/flags/flag:new-checkout'));
    await page.close();
  }));

test('a rule is added by fields and saved with its reason, after its change was shown', () =>
  of({}, async (own) => {
    free(own);
    const { page, complaints } = await visit(browser, own.url + pages['flag-unset'].replace('staging', 'production'));
    await seen(page, 'Off in production');
    await page.goto(own.url + pages.flag + '?environment=staging');
    await press(page, 'Add a rule');
    await press(page, 'Add a condition');
    await fill(page, 'Attribute of condition 1', 'orders');
    await fill(page, 'Value of condition 1', 'many');
    await seen(page, 'no number'); // orders were seen as numbers
    assert.ok(await page.$eval('section[aria-label="Changes that are not saved"] button', (b) => b.disabled));
    await fill(page, 'Value of condition 1', '3');
    await fill(page, 'Share of them, in %', '25');
    await fill(page, 'Id of the rule', 'buyers');
    await seen(page, 'It can be saved');
    await seen(page, 'of 9,800 visitors');
    await press(page, 'Save…');
    await dialog(page);
    await seen(page, 'Rule 1 added');
    assert.deepEqual(await findings(page), []);
    await page.locator('dialog[open] input.why').fill('a first quarter');
    await confirm(page, 'Save');
    await shut(page);
    await seen(page, 'Saved.');
    const { rules } = flag(own.world, 'new-checkout').states.staging;
    assert.deepEqual(rules, [{ force: true, hashVersion: 2, id: 'buyers', condition: { orders: 3 }, coverage: 0.25 }]);
    assert.equal(own.world.flagChanges[0][1].reason, 'a first quarter');
    await gone(page, 'Not saved yet');
    assert.deepEqual(complaints, []);
    await page.close();
  }));

test('faults stand at their field while one types, and nothing that was typed is lost by leaving', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages.flag);
    await seen(page, 'of 9,800 visitors');
    const second = 'ol > li:nth-child(2)';
    await page.locator(`${second} ::-p-aria([name="As JSON"][role="button"])`).click();
    await page.locator(`${second} textarea`).fill('{"country": {"$im": ["US"]}}');
    await page.waitForFunction((s) => document.querySelector(s).innerText.includes('country.$im: $im is no operator'), {}, second);
    assert.ok(await page.$eval(second, (e) => e.querySelector('textarea').getAttribute('aria-invalid') === 'true'));
    assert.ok(!(await page.$eval('ol > li:nth-child(1)', (e) => e.innerText)).includes('no operator'));
    assert.deepEqual(await findings(page), []);
    await page.locator(`${second} textarea`).fill('{"country": {"$in');
    await seen(page, 'This is not JSON yet');
    await follow(page, 'Flags');
    await seen(page, 'trace-requests');
    await page.goBack();
    await seen(page, 'This is not JSON yet');
    await page.reload();
    await seen(page, 'This is not JSON yet');
    await press(page, 'Throw it away');
    await gone(page, 'Not saved yet');
    assert.equal(await page.$eval('ol > li:nth-child(2) input', (e) => e.value), 'country');
    await page.close();
  }));

test('rules are moved, taken out and turned into experiments by keyboard', () =>
  of({}, async (own) => {
    free(own);
    const { page } = await visit(browser, own.url + pages.flag, { size: narrow });
    await page.focus('[aria-label="Move rule 2 up"]');
    await page.keyboard.press('Enter');
    await seen(page, 'place 2');
    assert.match((await texts(page, 'ol h3'))[0], /^1\. 10 % where country/);
    await page.focus('[aria-label="Remove rule 2"]');
    await page.keyboard.press('Enter');
    await seen(page, 'Rule 1 taken out');
    await page.locator('li.card ::-p-aria([name="They get"])').fill('variations');
    await seen(page, 'Variation 2');
    await page.locator('.variations .line:nth-child(1) input.short').fill('30');
    await seen(page, 'Each variation needs a percentage');
    await page.locator('.variations .line:nth-child(2) input.short').fill('60');
    await seen(page, 'Together they are 90 %');
    await page.locator('.variations .line:nth-child(2) input.short').fill('70');
    await seen(page, 'It can be saved');
    await page.evaluate(() => scrollTo(0, 0)); // what is below the bar of the page is out of sight
    assert.deepEqual(await findings(page), []);
    await press(page, 'Save…');
    await dialog(page);
    await confirm(page, 'Save');
    await shut(page);
    const { rules } = flag(own.world, 'new-checkout').states.production;
    assert.deepEqual(rules, [{ id: 'ramp', condition: { country: { $in: ['US', 'CA'] }, plan: 'pro' }, coverage: 0.1, hashVersion: 2, variations: [false, true], weights: [0.3, 0.7] }]);
    await page.close();
  }));

test('who was overtaken sees what others changed, and keeps what was typed', () =>
  of({}, async (own) => {
    free(own);
    const { page } = await visit(browser, own.url + pages['flag-json']);
    await page.locator('textarea').fill('{"text": "Sale"}');
    await seen(page, 'It can be saved');
    another(own.world, own.send, 'banner', 'production', { off: { text: 'closed' } });
    await seen(page, 'while you were typing');
    await press(page, 'Look at it again');
    await seen(page, 'What they changed');
    await seen(page, '{"text":"closed"}');
    assert.equal(await page.$eval('textarea', (e) => e.value), '{"text": "Sale"}');
    assert.deepEqual(await findings(page), []);
    await press(page, 'Go on with mine');
    await gone(page, 'while you were typing');
    own.world.flagsFaster = true;
    await press(page, 'Save…');
    await dialog(page);
    await confirm(page, 'Save');
    await seen(page, 'it was changed by somebody else meanwhile');
    await seen(page, 'What you typed is kept');
    own.world.flagsFaster = false;
    await confirm(page, 'Save');
    await shut(page);
    assert.deepEqual(flag(own.world, 'banner').states.production.default, { text: 'Sale' });
    await page.close();
  }));

test('the switch is off at once, with a reason, whatever is being typed and whoever has to approve', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages.flag, { size: narrow });
    await page.locator('ol > li:nth-child(2) ::-p-aria([name="Share of them, in %"])').fill('50');
    await press(page, 'Switch off');
    await dialog(page);
    await confirm(page, 'Switch off');
    await seen(page, 'Say why in a few words.');
    await page.locator('dialog[open] input.why').fill('orders fail');
    assert.deepEqual(await findings(page), []);
    await confirm(page, 'Switch off');
    await seen(page, 'Off in production');
    const s = flag(own.world, 'new-checkout').states.production;
    assert.equal(s.on, false);
    assert.equal(s.rules[1].coverage, 0.1);
    assert.equal(await page.$eval('ol > li:nth-child(2) input[placeholder="100"]', (e) => e.value), '50');
    assert.ok(!(await page.evaluate(() => document.body.innerText)).includes('while you were typing'));
    await press(page, 'Propose to switch on');
    await dialog(page);
    await confirm(page, 'Propose');
    await seen(page, 'Proposed. Somebody else has to approve it.');
    assert.deepEqual(own.world.flagPlans[0].patch, { on: true });
    await page.close();
  }));

test('where changes need an approval they are proposed, or planned for a time in a zone', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['flag-audience']);
    await fill(page, 'Share of visitors, in %', '20');
    await seen(page, 'It can be saved');
    await press(page, 'Propose…');
    await dialog(page);
    await seen(page, 'As soon as somebody approves it');
    await page.locator('dialog[open] ::-p-aria([name="At a time, if somebody approves it"])').click();
    await fill(page, 'Zone', 'Mars/Base');
    await confirm(page, 'Propose for then');
    await seen(page, 'there is no time zone');
    await fill(page, 'Zone', 'Europe/Berlin');
    assert.deepEqual(await findings(page), []);
    await confirm(page, 'Propose for then');
    await seen(page, 'Proposed. Somebody else has to approve it.');
    const [p] = own.world.flagPlans;
    assert.equal(p.zone, 'Europe/Berlin');
    assert.match(p.wall, /^\d{4}-\d\d-\d\dT\d\d:00$/);
    assert.equal(p.patch.audience.percent, 20);
    assert.equal(flag(own.world, 'dark-mode').states.production.audience.percent, 10);
    await follow(page, 'Planned changes');
    await seen(page, 'dark-mode in production');
    await press(page, 'Withdraw it');
    await dialog(page);
    await page.locator('dialog[open] button:not([type])').click();
    await shut(page);
    assert.equal(own.world.flagPlans[0].status, 'withdrawn');
    await page.close();
  }));

test('somebody else\'s planned change is approved as it was seen, or refused', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + '/apps/shop/flags/plans', { size: narrow });
    await seen(page, 'sales went up');
    assert.ok((await texts(page, 'dd')).includes('10 % → 25 %') || (await texts(page, 'dd')).some((t) => t.includes('25 %')));
    Object.assign(own.world.flagPlans[0], { reason: 'sales went up a lot' });
    await press(page, 'Approve it');
    await dialog(page);
    await page.locator('dialog[open] button:not([type])').click();
    await seen(page, 'It was edited by somebody else meanwhile');
    assert.equal(own.world.flagPlans[0].status, 'waiting');
    await seen(page, 'sales went up a lot');
    await page.locator('dialog[open] button:not([type])').click();
    await shut(page);
    assert.equal(own.world.flagPlans[0].status, 'approved');
    await page.close();
  }));

test('the history tells each change, and restores what was', () =>
  of({}, async (own) => {
    free(own);
    const { page } = await visit(browser, own.url + pages['flag-history'], { size: narrow });
    await seen(page, 'a week without trouble');
    await page.locator('ol li:nth-child(1) button[aria-expanded]').click();
    await seen(page, '5 %');
    assert.deepEqual(await findings(page), []);
    await page.locator('ol li:nth-child(2) button:not([aria-expanded])').click();
    await dialog(page);
    await seen(page, 'Restore new-checkout in production?');
    await page.locator('dialog[open] input.why').fill('10 % was too many');
    await confirm(page, 'Restore');
    await seen(page, 'Restored.');
    assert.equal(flag(own.world, 'new-checkout').states.production.rules[1].coverage, 0.05);
    await page.close();
  }));

test('a visitor is tried as attributes are typed, and told why', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['flags-try']);
    await seen(page, 'an experiment, rule 1: variation 1');
    const row = (name) => page.$$eval('tbody tr', (l, n) => l.map((r) => [...r.cells].map((c) => c.innerText)).find((r) => r[0] === n), name);
    assert.deepEqual(await row('search-limit'), ['search-limit', '20', 'no rule means this visitor']);
    await press(page, 'Set plan to "pro"');
    await seen(page, '100');
    assert.deepEqual(await row('new-checkout'), ['new-checkout', 'true', 'rule 2 (ramp)']);
    await page.locator('#try-attributes').fill('{"id": ');
    await seen(page, 'This is not JSON yet');
    assert.deepEqual(await findings(page), []);
    await page.reload();
    await seen(page, 'This is not JSON yet');
    await page.close();
  }));

test('keys are added, stopped and turned, and the lines of each client have them', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['flags-keys'], { size: narrow });
    await seen(page, 'sfk_backend');
    await fill(page, 'Who asks', 'tv');
    await press(page, 'Add it');
    await seen(page, 'cfk_made7Lr5Nw1Yb');
    const lines = () => page.$eval('section:last-of-type pre', (e) => e.innerText);
    const client = (name) => page.locator('::-p-aria([name="Client"])').fill(name);
    assert.match(await lines(), new RegExp(`^curl ${own.url}/ofrep/v1/evaluate/flags/\\S+ -H 'X-API-Key: cfk_made7Lr5Nw1Yb'`));
    await client('GrowthBook JS');
    await page.waitForFunction(() => document.body.innerText.includes("clientKey: 'cfk_made7Lr5Nw1Yb'"));
    await page.locator('::-p-aria([name="Key"][role="combobox"])').fill('fky_2');
    await seen(page, 'remoteEval: true');
    await page.locator('::-p-aria([name="Key"][role="combobox"])').fill('fky_4');
    await seen(page, "decryptionKey: 'q83vEjRWeJASNFZ4kBI0Vg=='");
    await client('waffle.js');
    await seen(page, '/wafflejs?key=cfk_web-staging');
    await press(page, 'Stop web');
    await dialog(page);
    await page.locator('dialog[open] button:not([type])').click();
    await shut(page);
    assert.equal(own.world.flagKeys.find((k) => k.name === 'web').stopped, true);
    await press(page, 'Turn backend');
    await dialog(page);
    await page.locator('dialog[open] button:not([type])').click();
    await seen(page, 'cfk_turned2sK9mPq4x');
    await page.close();
  }));

test('groups are made, changed and removed; settings say where changes need an approval', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + '/apps/shop/flags/groups');
    await press(page, 'New group');
    await fill(page, 'Name', 'beta');
    await seen(page, 'There is a group of this name');
    await fill(page, 'Name', 'early');
    await page.locator('::-p-aria([name="It is"])').fill('condition');
    await press(page, 'Add a condition');
    await fill(page, 'Attribute of condition 1', 'plan');
    await fill(page, 'Value of condition 1', 'pro');
    assert.deepEqual(await findings(page), []);
    await press(page, 'Make it');
    await seen(page, 'Whoever fits: plan is pro');
    assert.deepEqual(own.world.flagGroups.at(-1).definition, { type: 'condition', condition: { plan: 'pro' } });
    await follow(page, 'Change beta');
    await fill(page, 'Values, one a line', 'u_1\nu_99');
    await press(page, 'Save the group');
    await seen(page, '2 values: u_1, u_99');
    await follow(page, 'Change adults');
    await press(page, 'Remove adults');
    await dialog(page);
    await page.locator('dialog[open] button.danger').click();
    await page.waitForFunction(() => ![...document.querySelectorAll('main h2')].some((h) => h.innerText === 'adults'));
    await page.goto(own.url + pages['flags-settings']);
    await page.waitForFunction(() => document.querySelector('fieldset input')?.checked);
    await page.locator('::-p-aria([name="staging"][role="checkbox"])').click();
    await fill(page, 'Stale after so many days in which everybody had the same', '14');
    await press(page, 'Save the settings');
    await seen(page, 'Saved.');
    assert.deepEqual(own.world.flagSettings.approvals, ['production', 'staging']);
    assert.equal(own.world.flagSettings.stale_days, 14);
    await page.close();
  }));

test('where the code names a flag is shown line by line, and what needs it is a link', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['flag-needs']);
    await seen(page, '3 lines in 2 files');
    await follow(page, 'gift-cards');
    await seen(page, 'Off in production');
    await page.goto(own.url + '/apps/shop/flags/flag:old-header?part=needs');
    await seen(page, 'The code names it nowhere, and it is stale');
    await page.goto(own.url + '/apps/shop/flags/flag:old-header?part=about');
    await press(page, 'Take it out of use');
    await dialog(page);
    await page.locator('dialog[open] button.danger').click();
    await seen(page, 'It is out of use since');
    await press(page, 'Bring it back');
    await dialog(page);
    await page.locator('dialog[open] button:not([type])').click();
    await gone(page, 'It is out of use since');
    await page.close();
  }));

test('a ramp under way says how far it is, and is paused and taken back', () =>
  of({}, async (own) => {
    const { page } = await visit(browser, own.url + pages['flag-ramp'], { size: narrow });
    await seen(page, '50 % of those whom it means get it: step 2 of 2');
    await press(page, 'Pause it');
    await dialog(page);
    await page.locator('dialog[open] button:not([type])').click();
    await seen(page, 'paused');
    assert.equal(own.world.flagRamp.state, 'paused');
    await press(page, 'Take it back');
    await dialog(page);
    await page.locator('dialog[open] button.danger').click();
    await gone(page, 'step 2 of 2');
    assert.equal(own.world.flagRamp.state, 'returned');
    await page.close();
  }));

test('who only looks may look at everything, and change nothing', () =>
  of({ role: 'viewer' }, async (own) => {
    const { page } = await visit(browser, own.url + pages.flag);
    await seen(page, 'You may look');
    const buttons = await page.$$eval('main button', (l) => l.filter((b) => b.getClientRects().length > 0).map((b) => b.innerText.trim()));
    assert.deepEqual(buttons, ['flag']);
    await page.goto(own.url + pages['flags-plans']);
    await seen(page, 'waits for an approval');
    assert.deepEqual(await page.$$eval('main button', (l) => l.map((b) => b.innerText.trim())), []);
    await page.goto(own.url + pages['flags-keys']);
    await seen(page, 'Keys are shown to those who may deploy');
    await page.close();
  }));

test('everything on a phone is large enough for a thumb', () =>
  of({}, async (own) => {
    for (const name of Object.keys(pages).filter((n) => /^flags?(-|$)/.test(n))) {
      const { page } = await visit(browser, own.url + pages[name], { size: narrow });
      const small = await page.$$eval('main a, main button, main input, main select, main textarea', (l) =>
        l.filter((e) => !e.closest('p, .hint, label') && e.getClientRects().length > 0).map((e) => [e.getBoundingClientRect(), e]).filter(([r, e]) => (r.height < 24 || r.width < 24) && !/checkbox|radio/.test(e.type)).map(([r, e]) => `${e.outerHTML.slice(0, 90)} ${Math.round(r.width)}×${Math.round(r.height)}`),
      );
      assert.deepEqual(small, [], name);
      await page.close();
    }
  }));
