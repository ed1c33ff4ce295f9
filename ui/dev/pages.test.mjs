import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './axe.mjs';
import { emptyPages, narrow, open, pages, settled, visit, wide } from './browser.mjs';
import { fixture } from './server.mjs';

// The pages in a real browser against the made-up server: the ways of using them. How each looks is in looks.mjs.
let full, empty, browser;
before(async () => {
  [full, empty, browser] = await Promise.all([fixture(), fixture({ empty: true }), open()]);
});
after(async () => {
  await browser?.close();
  await Promise.all([full?.close(), empty?.close()]);
});

// text is what a part says, without the definitions that are not open.
const text = (page, selector) => page.$eval(selector, (e) => {
  const copy = e.cloneNode(true);
  for (const tip of copy.querySelectorAll('[role=tooltip]')) tip.remove();
  return copy.textContent;
});
const seen = (page, what) => page.waitForFunction((w) => document.body.innerText.includes(w), { timeout: 30_000 }, what);
const press = (page, name) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click();

test('signing in: a wrong token says why and stays, a good one enters where one wanted to go', async () => {
  const server = await fixture();
  try {
    await fetch(server.url + '/v1/session', { method: 'DELETE' });
    const page = await browser.newPage();
    await page.goto(server.url + '/apps/shop/builds');
    await page.waitForSelector('#token');
    assert.deepEqual(await findings(page), []);
    await page.type('#token', 'wrong');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=alert]');
    assert.match(await text(page, '[role=alert]'), /not known here/);
    assert.equal(await page.$eval('#token', (e) => e.value), 'wrong');
    await page.type('#token', '', { delay: 0 });
    await page.$eval('#token', (e) => { e.value = ''; e.dispatchEvent(new Event('input', { bubbles: true })); });
    await page.type('#token', 'good');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Builds');
    await page.close();
  } finally {
    await server.close();
  }
});

test('a rollback asks once with its consequence, and shows at once', async () => {
  const server = await fixture();
  try {
    const { page, complaints } = await visit(browser, server.url + pages['rollout-watched']);
    const from = server.world.rollouts.find((r) => r.number === 41).from;
    await press(page, `Roll back to ${from.commit.slice(0, 7)}`);
    await page.waitForSelector('dialog[open]');
    assert.match(await text(page, 'dialog[open]'), /Everyone in production is back on #42/);
    assert.deepEqual(await findings(page), []);
    await page.type('dialog[open] input', 'the phones ring');
    await page.keyboard.press('Enter');
    await seen(page, 'Rolled back by ana.');
    await seen(page, 'the phones ring');
    assert.equal(await page.$('dialog[open]'), null);
    assert.deepEqual(complaints, []);
    await page.close();
  } finally {
    await server.close();
  }
});

test('promoting needs a reason', async () => {
  const { page } = await visit(browser, full.url + pages['rollout-watched']);
  await press(page, 'Promote now');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Tab');
  await page.$eval('dialog[open] form', (f) => f.requestSubmit());
  await seen(page, 'Say why in a few words.');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('dialog[open]'));
  await page.close();
});

test('what can be seen is said before the push, during it, and for each setting of false alarms', async () => {
  const server = await fixture(); // of its own: the watch of the other one may be over by now
  let { page } = await visit(browser, server.url + pages['rollout-watched']);
  await seen(page, 'sees a doubling of errors in about');
  await seen(page, 'A doubling from now on');
  assert.match(await text(page, 'main'), /seen in about 48 s.*about 5 min more/s);
  await page.close();
  await server.close();
  ({ page } = await visit(browser, full.url + pages['settings-environment']));
  await seen(page, 'a doubling of errors is seen in about 97 s in the first step');
  assert.equal(await text(page, 'tr.chosen td'), '1 a month, as set');
  assert.deepEqual(await findings(page), []);
  await page.close();
});

test('since everyone has it stands beside before the push, and says that it compares nothing', async () => {
  const { page } = await visit(browser, full.url + pages['rollout-promoted']);
  await seen(page, 'Since everyone has it');
  assert.match(await text(page, 'main'), /1 % of 379,002 requests failed; in the half hour before the push 1 % of 381,240\..*no comparison/s);
  await page.close();
  const { page: running } = await visit(browser, full.url + pages['rollout-watched']);
  await seen(running, 'Vitals, old against new');
  assert.doesNotMatch(await text(running, 'main'), /Since everyone has it/);
  await running.close();
});

test('the running rollout moves by itself, and its charts grow', async () => {
  const server = await fixture(); // of its own, as above
  const { page } = await visit(browser, server.url + pages['rollout-watched']);
  const before = await page.$eval('main header', (e) => e.innerText);
  await page.waitForFunction((b) => document.querySelector('main header').innerText !== b, { timeout: 30_000 }, before);
  assert.equal(await page.$$eval('.uplot canvas', (c) => c.length), 3);
  await page.close();
  await server.close();
});

test('the choice of a vital is in the address, and back works', async () => {
  const { page } = await visit(browser, full.url + pages['rollout-back']);
  await page.locator('::-p-aria([name="Requests slower than 36 ms"][role="link"])').click();
  await page.waitForFunction(() => location.search === '?vital=latency_p90' && document.body.innerText.includes('Evidence: requests slower than 36 ms'));
  await page.goBack();
  await page.waitForFunction(() => location.search === '' && document.body.innerText.includes('Evidence: errors'));
  await page.close();
});

test('of a vital whose drop is harm less is ruled out, and half is the harm', async () => {
  const { page } = await visit(browser, full.url + pages['rollout-orders']);
  await page.waitForFunction(() => document.querySelectorAll('.uplot canvas').length === 3);
  const said = await page.$eval('section[aria-labelledby=vitals]', (s) => s.innerText);
  assert.match(said, /Ruled out\s+less than 0\.\d+ ×/);
  assert.match(said, /how many order_completed per page/);
  assert.match(said, /harm to rule out\s+0\.5 ×/);
  await page.close();
});

test('a lost connection shows, heals by itself, and keeps what was typed', async () => {
  const server = await fixture();
  try {
    const { page } = await visit(browser, server.url + pages['settings-environment']);
    await page.type('#env-reason', 'half a sent');
    server.cut(true);
    await seen(page, 'Connection lost.');
    server.cut(false);
    server.world.freeze = { by: 'person:bo', reason: 'the sale starts', at: new Date().toISOString() };
    await page.waitForFunction(() => !document.body.innerText.includes('Connection lost.'), { timeout: 60_000 });
    await seen(page, 'the sale starts');
    assert.equal(await page.$eval('#env-reason', (e) => e.value), 'half a sent');
    await page.close();
  } finally {
    await server.close();
  }
});

test('pages that were left keep no stream open, and open one again on the way back', async () => {
  const server = await fixture();
  const streams = async (ok) => {
    for (let tries = 0; !ok(server.streams()) && tries < 800; tries++) await new Promise((done) => setTimeout(done, 25));
    return server.streams();
  };
  try {
    const { page } = await visit(browser, server.url + pages.hosts);
    // More pages than a browser allows connections: what each of them kept would leave none.
    for (const name of ['line', 'builds', 'rollouts', 'hosts', 'audit', 'line', 'builds', 'rollouts']) {
      await page.goto(server.url + pages[name]);
      await settled(page);
    }
    assert.equal(await streams((n) => n === 1), 1);
    await page.goBack();
    await settled(page);
    assert.equal(await streams((n) => n === 1), 1);
    await seen(page, 'Live');
    await page.close();
  } finally {
    await server.close();
  }
});

test('100,000 log lines: only those in view are in the document; it finds, follows and jumps', async () => {
  const { page } = await visit(browser, full.url + pages['build-red'] + '?log=lse_42_0');
  await seen(page, '100,000 lines');
  const nodes = await page.$$eval('[role=log] .line', (l) => l.length);
  assert.ok(nodes < 120, `${nodes} lines are in the document`);
  await page.waitForFunction(() => [...document.querySelectorAll('[role=log] .no')].some((n) => n.textContent === '100000'));
  await page.$eval('[role=log]', (e) => e.scrollTo(0, 0));
  await page.waitForFunction(() => document.querySelector('[role=log] .no')?.textContent === '1');
  await page.type('#log-find', 'TestBasket/50032');
  await seen(page, '1 line;');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('[role=log] .current')?.textContent.includes('TestBasket/50032'));
  await page.close();
});

test('a growing log is followed until one scrolls up', async () => {
  const server = await fixture(); // of its own: the log of the other one may have come to its end by now
  const { page } = await visit(browser, server.url + pages['build-running']);
  const last = () => page.$$eval('[role=log] .no', (n) => Number(n.at(-1)?.textContent ?? 0));
  const first = await last();
  await page.waitForFunction((f) => Number([...document.querySelectorAll('[role=log] .no')].at(-1)?.textContent) > f, { timeout: 30_000 }, first);
  await page.$eval('[role=log]', (e) => e.scrollTo(0, 0));
  await page.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent.includes('Follow')));
  await page.close();
  await server.close();
});

test('/ opens the search; it finds builds, hosts and pages by keyboard', async () => {
  const { page } = await visit(browser, full.url + pages.line);
  await page.keyboard.press('/');
  await page.waitForSelector('dialog[open] input');
  await page.keyboard.type('voucher');
  await page.waitForFunction(() => [...document.querySelectorAll('[role=option]')].some((o) => o.textContent.includes('Rollout #39')));
  assert.deepEqual(await findings(page), []);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.pathname.startsWith('/apps/shop/rollouts/rol_'));
  await page.goBack();
  await page.waitForFunction(() => location.pathname === '/apps/shop/line');
  await page.close();
});

test('the theme switch turns the page and is kept', async () => {
  const { page } = await visit(browser, full.url + pages.line);
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await press(page, 'Use the dark theme');
  assert.notEqual(await ground(), light);
  await page.reload();
  await page.waitForSelector('main h1');
  assert.notEqual(await ground(), light);
  await press(page, 'Use the light theme');
  assert.equal(await ground(), light);
  await page.close();
});

test('on a phone the menu unfolds and folds again on the next page', async () => {
  const { page } = await visit(browser, full.url + pages.line, { size: narrow });
  assert.equal(await page.$eval('nav[aria-label=Pages]', (e) => getComputedStyle(e).display), 'none');
  await press(page, 'Menu');
  assert.deepEqual(await findings(page), []);
  await page.locator('::-p-aria([name="Hosts"][role="link"])').click();
  await page.waitForFunction(() => location.pathname === '/hosts' && getComputedStyle(document.querySelector('nav[aria-label=Pages]')).display === 'none');
  await page.close();
});

test('settings are saved as one version; a bad name is told while typing and kept', async () => {
  const server = await fixture();
  try {
    const { page } = await visit(browser, server.url + pages['settings-config']);
    await press(page, 'Add a setting');
    await page.type('input[aria-label=Name]', 'bad name');
    await seen(page, 'Capital letters, digits and _ only.');
    await page.$eval('input[aria-label=Name]', (e) => { e.value = 'CURRENCY'; e.dispatchEvent(new Event('input', { bubbles: true })); });
    await page.type('input[aria-label="Value of CURRENCY"]', 'EUR');
    await press(page, 'Save 1 change');
    await seen(page, 'Saved as version 8');
    assert.equal(server.world.config.settings.CURRENCY, 'EUR');
    await page.close();
  } finally {
    await server.close();
  }
});

test('a viewer sees no buttons that act', async () => {
  const server = await fixture({ role: 'viewer' });
  try {
    const { page } = await visit(browser, server.url + pages['rollout-watched']);
    await seen(page, 'You may look but not act here.');
    assert.equal(await page.$('.wheel'), null);
    await page.close();
  } finally {
    await server.close();
  }
});

test('joining a machine gives the command to copy', async () => {
  const { page } = await visit(browser, full.url + pages.hosts);
  await press(page, 'Add a machine');
  await press(page, 'Make the command');
  await page.waitForFunction(() => document.querySelector('dialog[open] pre')?.textContent.includes('slipway agent --server'));
  assert.deepEqual(await findings(page), []);
  await page.close();
});

test('adding somebody gives the link that signs them in', async () => {
  const { page } = await visit(browser, full.url + pages['settings-people']);
  await page.type('#person-name', 'zoe');
  await press(page, 'Add');
  await page.waitForFunction(() => document.querySelector('.link pre')?.textContent.includes('slc_for_zoe'));
  assert.deepEqual(await findings(page), []);
  await page.close();
});

test('somebody deploys to the environments that are ticked, and to no other', async () => {
  const { page } = await visit(browser, full.url + pages['settings-people']);
  const sent = [];
  page.on('request', (r) => r.url().includes('/grants/') && sent.push([r.method(), new URL(r.url()).pathname.split('/').pop() + new URL(r.url()).search, r.postData() ?? '']));
  const ticks = () => page.$$eval('fieldset[aria-label="Environments that bo deploys to"] input', (all) => all.map((i) => i.checked));
  assert.equal(await page.$eval('select[aria-label="Role of bo in shop"]', (s) => s.value), 'some');
  assert.deepEqual(await ticks(), [false, true]); // production, staging
  assert.deepEqual(await findings(page), []);
  await page.click('fieldset[aria-label="Environments that bo deploys to"] input');
  await page.waitForFunction(() => true);
  await settled(page);
  await page.select('select[aria-label="Role of chen in shop"]', 'some');
  assert.equal(await page.$$eval('fieldset[aria-label="Environments that chen deploys to"] input', (all) => all.filter((i) => i.checked).length), 0);
  await seen(page, 'chen stays a viewer until you tick one.');
  await page.select('select[aria-label="Role of bo in shop"]', 'deployer');
  await settled(page);
  assert.deepEqual(sent, [
    ['PUT', 'bo', '{"environment":"production","role":"deployer"}'],
    ['PUT', 'bo', '{"environment":"*","role":"deployer"}'],
    ['DELETE', 'bo?environment=staging', ''],
  ]);
  await page.close();
});

test('the failing route is the one with more errors than expected, not the busiest', async () => {
  const { page } = await visit(browser, full.url + pages['rollout-back']);
  assert.match(await text(page, 'section[aria-labelledby=paths]'), /Errors rose most on \/checkout\./);
  const rows = await page.$$eval('section[aria-labelledby=paths] tbody tr', (all) => all.map((r) => [r.querySelector('code').textContent, r.querySelectorAll('.worse').length, r.querySelector('[data-label="More than expected"] button').textContent]));
  assert.deepEqual(rows, [['/checkout', 2, '+47'], ['/api/basket', 0, '+2'], ['/search', 0, '−3']]);
  await page.close();
});

test('charts download as CSV', async () => {
  const { page } = await visit(browser, full.url + pages['rollout-back']);
  await page.evaluate(() => {
    window.kept = [];
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => (window.kept.push(blob), make(blob));
    HTMLAnchorElement.prototype.click = () => {};
  });
  await press(page, 'Download Errors as CSV');
  const csv = await page.evaluate(() => window.kept[0].text());
  assert.match(csv, /^time,old,new\n\d{4}-\d\d-\d\dT/);
  await press(page, 'Download Errors as PNG');
  await page.waitForFunction(() => window.kept.length === 2 && window.kept[1].type === 'image/png' && window.kept[1].size > 5000);
  await settled(page);
  await page.close();
});

test('the picture of a ratio says its range, and is cut at a named end', async () => {
  const { page } = await visit(browser, full.url + pages['rollout-watched']);
  assert.match(await text(page, 'figure:last-of-type ul'), /range (< )?[\d.]+ × to (> )?[\d.]+ ×/);
  await page.close();
});

test('of how often visitors err again no range is shown, and no ratio where there is none', async () => {
  const server = await fixture();
  try {
    const r = server.world.rollouts.find((r) => r.number === 39);
    const { page } = await visit(browser, server.url + pages['rollout-back']);
    await page.close();
    Object.assign(r.vitals[0], { name: 'visitor_errors', label: 'errors, visitor by visitor', unit: 'errors', ratio: 2.4, ratio_low: 0, ratio_high: 0 });
    Object.assign(r.vitals[1], { state: 'unknown', ratio: 0, ratio_low: 11.3, ratio_high: 0, new: { events: 16, at_risk: 36, rate: 0.444 }, old: { events: 2, at_risk: 489, rate: 0.0041 } });
    const { page: again } = await visit(browser, server.url + pages['rollout-back'] + '?vital=visitor_errors');
    await seen(again, 'Errors, visitor by visitor');
    assert.doesNotMatch(await text(again, 'figure:last-of-type'), /range|band/);
    assert.match(await text(again, 'tbody tr:nth-child(2)'), /– above 11 ×/);
    await again.close();
  } finally {
    await server.close();
  }
});

test('between the phone and a wide screen no table runs out of its card', async () => {
  for (const width of [700, 900, 1100, 1240, 1241, 1280, 1360]) {
    const { page } = await visit(browser, full.url + pages['rollout-back'], { size: { width, height: 900 } });
    const out = await page.$$eval('.card', (all) => all.filter((c) => [...c.querySelectorAll('table')].some((t) => t.getBoundingClientRect().right > c.getBoundingClientRect().right)).map((c) => c.innerText.slice(0, 40)));
    assert.deepEqual(out, [], `at ${width} px`);
    await page.close();
  }
});

test('a rollout that waits says for whom, names what is live, and can be taken out of the queue', async () => {
  const server = await fixture();
  try {
    server.world.freeze = { by: 'person:bo', reason: 'the sale starts', at: new Date().toISOString() };
    const { page } = await visit(browser, server.url + pages['rollout-waiting']);
    await seen(page, 'Waits, because production is frozen by bo: the sale starts.');
    await seen(page, 'Lift the freeze');
    assert.doesNotMatch(await text(page, 'main'), /first release/);
    await press(page, 'Take it out of the queue');
    await page.waitForSelector('dialog[open]');
    assert.match(await text(page, 'dialog[open]'), /Nobody has it yet/);
    await page.$eval('dialog[open] form', (f) => f.requestSubmit());
    await seen(page, 'Taken back before it began, by ana.');
    await page.close();
  } finally {
    await server.close();
  }
});

test('a release of a new configuration says who changed what and why', async () => {
  for (const name of ['rollout-config', 'release-config']) {
    const { page } = await visit(browser, full.url + pages[name]);
    await seen(page, 'configuration 6: TAX_COUNTRY, secret PAYMENT_KEY, without TAX_RATE');
    const card = await page.$eval('section[aria-labelledby=changed]', (e) => e.innerText.replaceAll(/\s+/g, ' '));
    assert.match(card, /Settings TAX_COUNTRY Secrets PAYMENT_KEY Removed TAX_RATE Who bo Why “the new tax law”/);
    await page.close();
  }
});

test('going back reads as going back, and a hotfix says what it skips', async () => {
  let { page } = await visit(browser, full.url + pages['rollout-going-back']);
  await seen(page, 'Back to release #36');
  await seen(page, 'by ana: the phones ring.');
  await seen(page, 'It goes back from release #35');
  await seen(page, 'not watched');
  assert.doesNotMatch(await text(page, 'main'), /hotfix/i);
  await page.close();
  ({ page } = await visit(browser, full.url + pages['rollout-hotfix']));
  await seen(page, 'Hotfix of dara: “Payments are down without it”. It skips the watch: nobody compares it with the release before');
  await page.close();
});

test('a rollout lists its commits with their authors, and what is live offers the way back to the last good release', async () => {
  const server = await fixture();
  try {
    let { page } = await visit(browser, server.url + pages['rollout-promoted']);
    assert.match(await text(page, 'section[aria-labelledby=commits]'), /1 commit since #41.*Keep the basket when a session ends.*Bo Lindqvist/s);
    assert.equal(await page.$('.wheel'), null, 'one cannot go back while something is under way');
    await page.close();
    Object.assign(server.world.rollouts.find((r) => r.number === 41), { state: 'promoted', outcome: 'rolled_back', ended_at: new Date().toISOString() });
    for (const r of server.world.rollouts) if (r.state === 'held') r.ended_at = new Date().toISOString();
    ({ page } = await visit(browser, server.url + pages['rollout-promoted']));
    const good = server.world.rollouts.find((r) => r.number === 40).from;
    await press(page, `Roll back to #41 ${good.commit.slice(0, 7)}`);
    await page.waitForSelector('dialog[open]');
    assert.match(await text(page, 'dialog[open]'), /production goes back to the last good release, #41/);
    await page.type('dialog[open] input', 'the phones ring');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.pathname.endsWith('rol_01kc0034'));
    assert.deepEqual(server.world.wentBack, { release: good.id, reason: 'the phones ring' });
    await page.close();
  } finally {
    await server.close();
  }
});

test('a release is offered as a way back only when the server takes it, and else it is said why not', async () => {
  const server = await fixture();
  try {
    let { page } = await visit(browser, server.url + pages['release-good']);
    await seen(page, 'One cannot go back to it now: a rollout is under way.');
    assert.doesNotMatch(await text(page, 'main'), /Roll back to/);
    await page.close();
    for (const r of server.world.rollouts) if (!r.ended_at && r.state !== 'queued') r.ended_at = new Date().toISOString();
    ({ page } = await visit(browser, server.url + pages['release-good']));
    const sha = server.world.rollouts.find((r) => r.release.id === 'rel_01kc0040').release.commit.slice(0, 7);
    await press(page, `Roll back to ${sha}`);
    assert.match(await text(page, 'dialog[open]'), /production goes back from release #42/);
    await page.close();
    ({ page } = await visit(browser, server.url + pages['release-config']));
    await seen(page, 'its archive is not kept any more');
    await page.close();
  } finally {
    await server.close();
  }
});

test('before the first app there are settings, and the first page says how git signs in', async () => {
  const { page } = await visit(browser, empty.url + emptyPages['first-run']);
  await seen(page, `slipway login ${empty.url}`);
  await seen(page, `git config --global credential.${empty.url}.helper '!slipway git-credential'`);
  await page.locator('::-p-aria([name="Settings"][role="link"])').click();
  await seen(page, 'Add somebody');
  await page.locator('::-p-aria([name="Join tokens"][role="link"])').click();
  await page.waitForFunction(() => location.pathname === '/settings/machines');
  await page.close();
});

test('the table of units breaks long names behind a slash, and nothing else', async () => {
  const { page } = await visit(browser, full.url + pages['build-green'], { size: { width: 1280, height: 900 } });
  const rows = await page.$$eval('td.name', (cells) => cells.map((c) => ({ name: c.textContent, wide: c.clientWidth, lines: Math.round((c.clientHeight - 20) / 20), row: c.parentElement.clientHeight })));
  const long = rows.find((r) => r.name.startsWith('github.com/'));
  assert.ok(long && long.lines <= 3, `the long name takes ${long?.lines} lines`);
  assert.ok(rows.every((r) => r.name === long.name || r.row < 50), 'a short row takes more than a line');
  await page.close();
});

test('the hosts of a rollout that has ended are said to be those of now', async () => {
  for (const [name, want] of [['rollout-promoted', '10 hosts by release, now'], ['rollout-watched', '10 hosts by release']]) {
    const { page } = await visit(browser, full.url + pages[name]);
    assert.equal(await text(page, '#hosts'), want);
    await page.close();
  }
});

test('the page of the API can be used on a phone: it finds, it leads, and nothing is squeezed', async () => {
  const page = await browser.newPage();
  await page.setViewport(narrow);
  await page.goto(full.url + '/docs');
  await page.waitForSelector('article');
  assert.deepEqual(await findings(page), []);
  const seenOf = () => page.evaluate(() => ({
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    index: document.querySelector('nav').clientHeight,
    meaning: Math.min(...[...document.querySelectorAll('td:nth-child(3)')].filter((c) => c.textContent).map((c) => c.clientWidth)),
  }));
  const seen = await seenOf();
  assert.ok(seen.sideways <= 0, `it scrolls sideways by ${seen.sideways} px`);
  assert.ok(seen.index > 100 && seen.index < 400, `the list of operations is ${seen.index} px high`);
  assert.ok(seen.meaning > 300, `what a field means has ${seen.meaning} px`);
  await page.type('#search', 'agents');
  assert.equal(await page.$$eval('article:not([hidden])', (a) => a.length), 1);
  await page.locator('nav a:not([hidden])').click();
  await page.waitForFunction(() => location.hash === '#agents');
  await page.close();
});

// row is the row of a verdict in the table.
const row = (number) => `//tbody/tr[.//a[text()="#${number}"]]`;
const inRow = (page, number, name) => page.locator(`::-p-xpath(${row(number)}) ::-p-aria([name="${name}"][role="button"])`);
const tile = (page, name) => page.$eval(`section[aria-labelledby=tile-${name}]`, (e) => e.innerText.replaceAll(/\s+/g, ' '));

test('one click calls a rollback wrong; the score follows, and Undo takes it back', async () => {
  const server = await fixture();
  try {
    const { page, complaints } = await visit(browser, server.url + pages['verdicts-to-say']);
    const sent = [];
    page.on('request', (r) => r.method() !== 'GET' && sent.push([r.method(), new URL(r.url()).pathname.split('/').slice(-2).join('/'), r.headers()['if-match'], r.postData() ?? '']));
    assert.match(await tile(page, 'alarms'), /1 of 3 .*1 false alarm in 90 days; the budget is 3\. One rollback is still to be called\./);
    const spared = await tile(page, 'spared');
    assert.match(spared, /≈ 5,200 failed requests At least 1,800; 55 were met, in 1 rollback\./);
    await inRow(page, 39, 'Wrong').click();
    await page.waitForFunction(() => document.querySelector('section[aria-labelledby=tile-alarms]').innerText.includes('2 false alarms in 90 days'));
    assert.doesNotMatch(await tile(page, 'spared'), /failed requests/, 'a false alarm spares nothing');
    // It stays in its row, though the list is of those that nobody has called.
    await seen(page, 'you, now');
    assert.equal(await page.$$eval('tbody tr', (rows) => rows.length), 1);
    assert.equal(await page.$eval('button.wrong', (b) => b.ariaPressed), 'true');
    assert.deepEqual(await findings(page), []);
    await press(page, 'Undo');
    await page.waitForFunction(() => document.querySelector('section[aria-labelledby=tile-alarms]').innerText.includes('1 false alarm in 90 days'));
    assert.equal(await page.$eval('button.wrong', (b) => b.ariaPressed), 'false');
    assert.equal(await tile(page, 'spared'), spared);
    assert.deepEqual(sent, [['PUT', 'rol_01kc0039/assessment', '"0"', '{"word":"wrong","note":""}'], ['DELETE', 'rol_01kc0039/assessment', '"1"', '']]);
    assert.deepEqual(complaints, []);
    await page.close();
  } finally {
    await server.close();
  }
});

test('Undo brings back what was said before, with its note', async () => {
  const server = await fixture();
  try {
    const { page } = await visit(browser, server.url + pages.verdicts);
    const said = () => server.world.verdicts.find((v) => v.number === 4).assessment;
    await inRow(page, 4, 'Right').click();
    await page.waitForFunction(() => document.body.innerText.includes('you, now'));
    assert.deepEqual([said().word, said().note], ['right', undefined]);
    await press(page, 'Undo');
    await page.waitForFunction(() => document.body.innerText.includes('you, now: “a crawler ran wild on the canaries”'));
    assert.deepEqual([said().word, said().note], ['wrong', 'a crawler ran wild on the canaries']);
    // The same click again takes a word back.
    await inRow(page, 4, 'Wrong').click();
    await page.waitForFunction(() => !document.body.innerText.includes('a crawler ran wild'));
    assert.equal(said().word, '');
    await page.close();
  } finally {
    await server.close();
  }
});

test('a word that came too late is not sent over another one, and says so', async () => {
  const { page } = await visit(browser, full.url + pages['verdicts-to-say']);
  await page.setRequestInterception(true);
  page.on('request', (r) =>
    r.method() === 'PUT' ? r.respond({ status: 412, contentType: 'application/problem+json', body: JSON.stringify({ status: 412, detail: 'it was changed by somebody else meanwhile' }) }) : r.continue(),
  );
  await inRow(page, 39, 'Right').click();
  await page.waitForSelector('td [role=alert]');
  assert.match(await text(page, 'td [role=alert]'), /changed by somebody else meanwhile/);
  assert.equal(await page.$eval('button.right', (b) => b.ariaPressed), 'false');
  await page.close();
});

test('each number of the score has its definition by pointer and by keyboard, and Escape puts it away', async () => {
  for (const size of [wide, narrow]) {
    const { page } = await visit(browser, full.url + pages.verdicts, { size });
    const shown = () => page.$$eval('[role=tooltip]', (all) => all.filter((t) => getComputedStyle(t).display !== 'none').map((t) => t.textContent));
    assert.deepEqual(await shown(), []);
    await page.focus('#tile-spared button');
    const [said] = await shown();
    assert.match(said, /An estimate of the bad requests that the rest of the planned watch would have cost/);
    assert.equal(await page.$eval('#tile-spared button', (b) => document.getElementById(b.getAttribute('aria-describedby')).textContent), said);
    assert.deepEqual(await findings(page), []);
    await page.keyboard.press('Escape');
    assert.deepEqual(await shown(), []);
    if (size === wide) {
      await page.hover('#tile-alarms .meaning');
      assert.match((await shown()).join(), /what false_alarms in .slipway.yaml accepts/);
    }
    await page.focus('.harm button');
    assert.match((await shown()).join(), /With everybody on it there had been 18 failed requests a second more/);
    const out = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(out <= 0, `a definition makes the page scroll sideways by ${out} px`);
    await page.close();
  }
});

test('the span and the list are in the address, and older verdicts are read on', async () => {
  const server = await fixture();
  try {
    const one = server.world.verdicts.find((v) => v.number === 33);
    for (let i = 0; i < 60; i++) server.world.verdicts.push({ ...one, id: `rol_01kb00${i + 10}`, number: 1000 + i });
    const { page } = await visit(browser, server.url + pages.verdicts);
    const link = (name) => page.locator(`::-p-aria([name="${name}"][role="link"])`).click();
    assert.equal(await page.$$eval('tbody tr', (rows) => rows.length), 50);
    const all = Number((await text(page, '.lead')).match(/\d+/)[0]); // how many are of the last 30 days depends on the hour
    assert.ok(all > 80, `${all} verdicts`);
    await press(page, 'Show older verdicts');
    await page.waitForFunction((n) => document.querySelectorAll('tbody tr').length === n, {}, all);
    assert.equal(new Set(await page.$$eval('tbody tr > td:first-child a', (list) => list.map((a) => a.textContent))).size, all);
    await link('7 days');
    await page.waitForFunction(() => location.search === '?days=7' && document.body.innerText.includes('judged in 7 days'));
    await link('Came back');
    await page.waitForFunction(() => location.search === '?days=7&show=rolled_back' && document.querySelectorAll('tbody tr').length === 1);
    await page.goBack();
    await page.waitForFunction(() => location.search === '?days=7' && document.querySelectorAll('tbody tr').length === 50);
    await page.close();
  } finally {
    await server.close();
  }
});

test('a viewer reads what others say of a verdict, and cannot', async () => {
  const server = await fixture({ role: 'viewer' });
  try {
    const { page } = await visit(browser, server.url + pages.verdicts);
    await seen(page, 'Wrong: a false alarm');
    await seen(page, 'not called yet');
    assert.equal(await page.$('[aria-pressed]'), null);
    assert.deepEqual(await findings(page), []);
    await page.close();
  } finally {
    await server.close();
  }
});

test('without a verdict the page says what to do next', async () => {
  const { page } = await visit(browser, full.url + pages['verdicts-empty']);
  await seen(page, 'No verdict in the last 30 days');
  assert.equal(await text(page, 'pre'), 'git push slipway next');
  await page.locator('::-p-aria([name="look at the last 90 days"][role="link"])').click();
  await seen(page, 'No verdict in the last 90 days');
  await seen(page, 'What is on its way is on the Line.');
  await page.close();
});

test('on its page a rollout that has ended can be called right or wrong, with a note', async () => {
  const server = await fixture();
  try {
    let { page } = await visit(browser, server.url + pages['rollout-back']);
    await seen(page, 'Was it right to take it back?');
    await seen(page, 'It spared visitors about 5,200 failed requests.');
    await press(page, 'Right');
    await press(page, 'Add a note');
    await page.type('dialog[open] input', 'orders were lost');
    await page.keyboard.press('Enter');
    await seen(page, 'you, now: “orders were lost”');
    const { assessment } = server.world.verdicts.find((v) => v.number === 39);
    assert.deepEqual([assessment.word, assessment.note], ['right', 'orders were lost']);
    await press(page, 'Wrong');
    await seen(page, 'It spared visitors nothing.');
    await press(page, 'Undo');
    await seen(page, 'It spared visitors about 5,200 failed requests.');
    assert.deepEqual(await findings(page), []);
    await page.close();
    for (const name of ['rollout-watched', 'rollout-hotfix', 'rollout-waiting', 'rollout-held']) {
      ({ page } = await visit(browser, server.url + pages[name]));
      assert.doesNotMatch(await text(page, 'main'), /Was it right/, name);
      await page.close();
    }
  } finally {
    await server.close();
  }
});

// bare gives the numbers on a rollout's page that have no definition. Names are no numbers (#41, a commit, a host, a route), nor is the time of an event, which says its own
// on hover, or what a button does.
const bare = (page) =>
  page.evaluate(() => {
    const out = [];
    const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const at = node.parentElement;
      const text = node.data.replaceAll(/#\d+|\b[0-9a-f]{7}\b|\bhost-\d+|\bconfiguration \d+/gi, '');
      if (!/\d/.test(text) || at.closest('.meaning, time, code, dialog, .uplot, .sr, button') || !at.checkVisibility()) continue;
      out.push(`${at.closest('section, ol, header')?.className} ${at.localName}: ${node.data.trim()}`);
    }
    return out;
  });

// unreachable are definitions that cannot be reached by keyboard, or say nothing.
const unreachable = (page) =>
  page.$$eval('main .meaning', (all) => all.filter((m) => {
    const [on, tip] = m.children;
    return m.checkVisibility() && (!on.matches('button, a[href]') || on.tabIndex < 0 || on.getAttribute('aria-describedby') !== tip.id || !/\w.*\.$/.test(tip.textContent));
  }).map((m) => m.innerText));

for (const name of Object.keys(pages).filter((p) => p.startsWith('rollout-'))) {
  test(`each number of ${name} has its definition`, async () => {
    const server = await fixture(); // of its own: what goes on says other things later
    try {
      for (const size of [wide, narrow]) {
        const { page } = await visit(browser, server.url + pages[name], { size });
        assert.deepEqual(await bare(page), []);
        assert.deepEqual(await unreachable(page), []);
        await page.close();
      }
    } finally {
      await server.close();
    }
  });
}

test('definitions are seen for what rollouts seldom show: a suspect, means of hosts, another harm, a wrong split', async () => {
  const server = await fixture();
  try {
    const held = server.world.rollouts.find((r) => r.number === 36);
    const vital = held.vitals[0];
    Object.assign(held, { rule_out: 1.5, split: { intended: 0.1, share: 0.081, wrong: true }, missing: 'the split is wrong: the new release gets 8.1 % of the requests, and should get 10 %' });
    Object.assign(vital, { name: 'cpu', label: 'cpu', unit: 'cores', suspect: 'host-4', rule_out: 1.5, detect_s: 40, needed_s: 90, missing_requests: 800, ratio: 1.3, ratio_low: 1.1, ratio_high: 1.6, new: { events: 0, at_risk: 3, rate: 0.4 }, old: { events: 0, at_risk: 6, rate: 0.3 }, text: "cpu: 1.30 times the old release's (3 hosts against 6)" });
    const { page } = await visit(browser, server.url + pages['rollout-held']);
    await seen(page, 'A rise to 1.5 × from now on');
    await seen(page, '8.1 %, meant 10 %');
    assert.deepEqual(await bare(page), []);
    assert.deepEqual(await unreachable(page), []);
    const told = await page.$$eval('main [role=tooltip]', (all) => all.map((t) => t.textContent).join('\n'));
    assert.match(told, /Here: mean of 6 hosts\./);
    assert.match(told, /This host alone makes the new release look bad/);
    assert.match(told, /uses on a host\. 1 × is no difference/);
    await page.close();
  } finally {
    await server.close();
  }
});

test('a definition opens under the pointer, by keyboard and by a tap, stays inside the page, and Escape puts it away', async () => {
  const shown = (page) => page.$$eval('[role=tooltip]', (all) => all.filter((t) => t.checkVisibility()).map((t) => t.textContent));
  const within = (page) => page.$eval('.shown', (t) => t.getBoundingClientRect().left >= 0 && t.getBoundingClientRect().right <= document.documentElement.clientWidth);
  let { page } = await visit(browser, full.url + pages['rollout-back']);
  const threshold = '.chosen .evidence .muted .meaning button';
  await page.hover(threshold);
  const [text] = await shown(page);
  assert.match(text, /strong enough to act/);
  assert.ok(await within(page));
  assert.deepEqual(await findings(page), []);
  await page.keyboard.press('Escape');
  assert.deepEqual(await shown(page), []);
  await page.mouse.move(0, 0);
  await page.focus('.chosen .evidence .small > .meaning button');
  await page.keyboard.press('Tab');
  assert.deepEqual(await shown(page), [text]);
  await page.keyboard.press('Tab');
  assert.ok(!(await shown(page)).includes(text));
  await page.close();
  ({ page } = await visit(browser, full.url + pages['rollout-back'], { size: narrow }));
  await page.tap(threshold);
  assert.deepEqual(await shown(page), [text]);
  assert.ok(await within(page));
  await page.evaluate(() => scrollTo(0, 0)); // what the bar at the top half covers would be too small
  assert.deepEqual(await shown(page), [text]);
  assert.deepEqual(await findings(page), []);
  await page.tap('#vitals');
  assert.deepEqual(await shown(page), []);
  await page.close();
});
