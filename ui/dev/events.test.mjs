import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './axe.mjs';
import { narrow, open, pages, visit, wide } from './browser.mjs';
import { fixture } from './server.mjs';

// The pages about events in a real browser against the made-up server: the ways of using them. How they look, and axe-core, is in looks.mjs.
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
  await page.locator('main ol > li:nth-child(n + 3):not(:has(.bad)) button').click(); // one in nine is a failed one, which is shown otherwise
  assert.match(await page.$eval('main ol pre', (e) => e.textContent), /"properties": \{/);
  assert.deepEqual(await findings(page), []);
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

test('an environment that the app does not have is said, with those that it has', async () => {
  const { page, complaints } = await visit(browser, server.url + '/apps/shop/events/trends?environment=prodution');
  await seen(page, 'shop has no environment prodution');
  await page.locator('::-p-aria([name="production"][role="link"])').click();
  await page.waitForSelector('.uplot canvas');
  assert.deepEqual(complaints, []);
  await page.close();
});

test('a question that nothing answers says so, and to add a source where nothing sends', async () => {
  const { page } = await visit(browser, server.url + pages['events-trends-nothing']);
  await seen(page, 'Nothing sends events of staging yet');
  await page.locator('::-p-aria([name="Add one"][role="link"])').click();
  await page.waitForFunction(() => location.pathname.endsWith('/events/live') && document.body.innerText.includes('Add a source'));
  await page.close();
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

test('a source is limited to so many events a second, and what was too fast is told', async () => {
  const own = await fixture();
  try {
    const { page } = await visit(browser, own.url + pages['settings-sources']);
    await seen(page, 'at most 2,000');
    await seen(page, '1,204 requests were told to come again');
    await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => void (window.copied = text) } }));
    await press(page, 'Copy the write key of web');
    await seen(page, 'Copied');
    assert.equal(await page.evaluate(() => window.copied), own.world.sources.find((s) => s.name === 'web').write_key);
    await press(page, 'Limit order service');
    await write(page, 'Events a second; nothing for no limit', '50');
    await page.$eval('dialog[open] form', (f) => f.requestSubmit());
    await seen(page, 'at most 50');
    assert.equal(own.world.sources.find((s) => s.id === 'src_2').limit, 50);
    await page.close();
  } finally {
    await own.close();
  }
});

test('a trend follows its fields, is in the address, counts nothing as 0, and shows its SQL', async () => {
  const { page, complaints } = await visit(browser, server.url + pages['events-trends']);
  await page.waitForSelector('.uplot canvas');
  const csv = (await saved(page, 'Chart as CSV: Events: any event')).trim().split('\n');
  assert.equal(csv[0], 'time,events');
  assert.match(csv[1], /^\d{4}-\d\d-\d\d,\d+$/);
  const legend = () => page.$eval('figure ul', (e) => e.innerText.replaceAll(/\s+/g, ' '));
  const total = csv.slice(1).reduce((sum, line) => sum + Number(line.split(',')[1]), 0);
  assert.equal(await legend(), `total: events ${total.toLocaleString('en')}`);
  await page.select('#trend-measure', 'visitors');
  await seen(page, 'A visitor is one in each day, so that they make no total.');
  assert.match(await legend(), /^last day \d{4}-\d\d-\d\d: visitors \d+$/);
  await page.select('#trend-measure', 'events');
  await seen(page, 'total:');
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
  await page.waitForFunction(() => document.querySelectorAll('figure > ul > li').length === 5);
  const asked = new URL(page.url()).searchParams;
  assert.deepEqual([asked.get('measure'), asked.get('of'), asked.get('split')], ['average', 'price', 'plan']);
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('figure > ul > li').length === 2);
  await page.locator('::-p-aria([name="Show SQL"][role="link"])').click();
  await page.waitForFunction(() => location.pathname.endsWith('/events/sql') && document.querySelector('textarea').value.includes('date_trunc'));
  assert.deepEqual(complaints, []);
  await page.close();
});

test('a time of one’s own is in the address, and its mistake is said at the field', async () => {
  const { page } = await visit(browser, server.url + pages['events-trends'], { size: narrow });
  const time = await page.evaluateHandle(() => [...document.querySelectorAll('label')].find((l) => l.textContent === 'Time').control);
  await time.select('own');
  await page.waitForFunction(() => document.querySelectorAll('input[type=datetime-local]').length === 2);
  const asked = new URL(page.url()).searchParams;
  assert.equal((Date.parse(asked.get('to')) - Date.parse(asked.get('from'))) / 86_400_000, 30);
  assert.deepEqual(await findings(page), []);
  await page.$eval('input[type=datetime-local]', (e) => { e.value = '2099-01-01T00:00'; e.dispatchEvent(new Event('change', { bubbles: true })); });
  await seen(page, 'Choose a later end, or an earlier beginning.');
  for (const tab of ['trends', 'funnel', 'retention']) {
    await page.goto(server.url + `/apps/shop/events/${tab}?from=2099-01-01T00:00&to=2026-01-01T00:00&steps=` + encodeURIComponent(JSON.stringify([{ event: 'a' }, { event: 'b' }])));
    await seen(page, 'Choose a later end, or an earlier beginning.');
    assert.doesNotMatch(await page.$eval('main', (e) => e.innerText), /Asking/, tab);
  }
  await page.close();
});

test('a question that did not reach the server says so, keeps the answer before, and can be put again', async () => {
  const own = await fixture();
  try {
    const { page } = await visit(browser, own.url + pages['events-trends']);
    await page.waitForSelector('.uplot canvas');
    own.cut(true);
    await write(page, 'Event', 'order placed');
    await seen(page, 'The server cannot be reached.');
    assert.ok(await page.$('.uplot canvas'));
    own.cut(false);
    await press(page, 'Try again');
    await seen(page, 'Events: order placed');
    await page.waitForFunction(() => !document.querySelector('main [role=alert]'));
    await page.close();
  } finally {
    await own.close();
  }
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
  const csv = (await saved(page, 'Rows as CSV')).split('\n');
  assert.equal(csv[0], 'name,events,price,properties');
  assert.equal(csv[1], 'order placed,4123,12.25,"{""plan"":""pro"",""nested"":{""a"":[1,2,3]}}"');
  assert.equal(csv[4], 'Pricing,4120,,');
  await page.evaluate(() => { window.made = []; const make = URL.createObjectURL; URL.createObjectURL = (blob) => (window.made.push(blob), make(blob)); });
  await press(page, 'Rows as Parquet');
  await page.waitForFunction(() => window.made.length === 1);
  assert.deepEqual(JSON.parse(await page.evaluate(() => window.made[0].text())), { parquet: true });
  await page.locator('#sql-text').fill('SELECT nope FROM events');
  await press(page, 'Run');
  await page.waitForFunction(() => document.querySelector('form [role=alert]')?.textContent.includes('Candidate bindings'));
  assert.equal(await page.$eval('#sql-text', (e) => e.value), 'SELECT nope FROM events');
  assert.deepEqual(await findings(page), []);
  await page.$eval('#sql-text', (e) => e.setSelectionRange(7, 11));
  await press(page, 'Write user_id');
  assert.equal(await page.$eval('#sql-text', (e) => e.value), 'SELECT user_id FROM events');
  await press(page, 'Run');
  await page.waitForFunction(() => !document.querySelector('[role=alert]'));
  await page.close();
});

test('a funnel is asked once each step says something; steps are added, moved and removed, all in the address', async () => {
  const { page, complaints } = await visit(browser, server.url + pages['events-funnel-new']);
  await seen(page, 'Say for each step what visitors do');
  assert.doesNotMatch(await page.$eval('main', (e) => e.innerText), /Ask again/);
  await write(page, 'Step 1', 'Pricing');
  await write(page, 'Step 2', 'order placed');
  await seen(page, 'visitors went all the way: 46 %');
  await seen(page, 'Ask again');
  await press(page, 'Add a step');
  await seen(page, 'Say for each step what visitors do');
  await write(page, 'Step 3', 'signed up');
  await seen(page, 'visitors went all the way: 21 %');
  assert.match(await page.$eval('.bars li:nth-child(3)', (e) => e.innerText.replaceAll(/\s+/g, ' ')), /3 signed up 1,719 visitors 46 % of step 2 21 % of step 1 after 22 min/);
  await press(page, 'Move step 3 up');
  await page.waitForFunction(() => document.querySelector('.bars li:nth-child(2)')?.textContent.includes('signed up'));
  await press(page, 'Remove step 1');
  await page.waitForFunction(() => document.querySelectorAll('.bars li').length === 2);
  assert.deepEqual(JSON.parse(new URL(page.url()).searchParams.get('steps')), [{ event: 'signed up' }, { event: 'order placed' }]);
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('.bars li').length === 3);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('sources have their names in a chart, and a page view the path of its page in the tail', async () => {
  const { page, complaints } = await visit(browser, server.url + '/apps/shop/events/trends?last=30d&split=event.source');
  const name = server.world.sources.find((s) => s.id === 'src_1').name;
  await page.waitForFunction((n) => document.querySelector('figure ul')?.innerText.includes(n), { timeout: 30_000 }, name);
  assert.doesNotMatch(await page.$eval('main', (e) => e.innerText), /src_1/);
  await page.goto(server.url + pages.events);
  await page.waitForFunction(() => [...document.querySelectorAll('main ol .what')].some((e) => e.innerText.replaceAll(/\s+/g, ' ').trim() === 'page /pricing'), { timeout: 30_000 });
  assert.deepEqual(complaints, []);
  await page.close();
});

test('a wide answer scrolls in its own box: nothing short is broken, what is long is cut until somebody asks', async () => {
  const { page, complaints } = await visit(browser, server.url + '/apps/shop/events/sql?sql=' + encodeURIComponent('SELECT * FROM events'), { size: { width: 1280, height: 800 } });
  await page.waitForSelector('table.answer tbody tr');
  const seen = await page.evaluate(() => {
    const box = document.querySelector('.scroll:has(table.answer)');
    const lines = (e) => Math.round(e.getBoundingClientRect().height / parseFloat(getComputedStyle(e).lineHeight));
    return {
      page: document.documentElement.scrollWidth <= innerWidth,
      scrolls: box.scrollWidth > box.clientWidth,
      inSight: box.getBoundingClientRect().height <= innerHeight * 0.71,
      short: Math.max(...[...document.querySelectorAll('table.answer td > div')].filter((e) => e.textContent.length < 40).map(lines)),
      tall: Math.max(...[...document.querySelectorAll('table.answer td > div')].map(lines)),
    };
  });
  assert.deepEqual({ ...seen, tall: 0 }, { page: true, scrolls: true, inSight: true, short: 1, tall: 0 });
  assert.ok(seen.tall <= 4, `a row is ${seen.tall} lines high`);
  await page.evaluate(() => [...document.querySelectorAll('table.answer button')].find((b) => b.textContent === 'Show all').click());
  await page.waitForFunction(() => [...document.querySelectorAll('table.answer td')].some((e) => e.textContent.endsWith('"}')));
  assert.deepEqual(await findings(page), []);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('releases have their number and commit, in a chart and beside an event', async () => {
  const { page, complaints } = await visit(browser, server.url + pages['events-trends-release']);
  const sha = server.world.rollouts.find((r) => r.release.id === 'rel_01kc0042').release.commit.slice(0, 7);
  await seen(page, `#42 ${sha}`);
  assert.doesNotMatch(await page.$eval('main', (e) => e.innerText), /rel_/);
  assert.match(await saved(page, 'Chart as CSV: Events: any event'), new RegExp(`^time,#42 ${sha},#\\d+ \\w+,\\(none\\)\n`));
  await page.close();
  const { page: live } = await visit(browser, server.url + pages.events);
  await press(live, 'Pause');
  await live.locator('main ol > li:not(:has(.bad)) button').click();
  await seen(live, `Release #42 ${sha}`);
  assert.deepEqual(complaints, []);
  await live.close();
});

test('properties of one’s own come first, and a text is not taken for a number', async () => {
  const { page } = await visit(browser, server.url + '/apps/shop/events/live?name=signed+up');
  await seen(page, 'plan: free, table: "12", floor: 12, $browser: Firefox');
  await page.close();
});

test('a retention that is wider than the page says so, where it is', async () => {
  for (const [size, path, want] of [[narrow, pages['events-retention'], true], [wide, '/apps/shop/events/retention?last=14d&interval=week', false]]) {
    const { page } = await visit(browser, server.url + path, { size });
    await seen(page, 'Visitors who came back, by week');
    assert.equal(await page.$eval('main', (e) => e.innerText.includes('scroll it sideways')), want);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'the page itself does not scroll');
    await page.close();
  }
});

test('retention has a row a cohort with its share and number in each cell, and what nobody did is 0', async () => {
  const { page } = await visit(browser, server.url + pages['events-retention']);
  await seen(page, 'Visitors who came back, by week');
  const cells = await page.$$eval('main table tbody tr:first-child td', (l) => l.map((e) => e.innerText.replaceAll(/\s+/g, ' ')));
  assert.equal(cells[0], '240');
  assert.deepEqual(cells.slice(1, 3), ['100 % 240', '43 % 102']);
  assert.equal(cells[6], '0 % 0');
  const lengths = await page.$$eval('main table tbody tr', (rows) => rows.map((r) => r.cells.length));
  assert.ok(lengths.every((n, i) => i === 0 || n === lengths[i - 1] - 1), 'each row is one shorter');
  await page.select('#retention-interval', 'month');
  await seen(page, 'Visitors who came back, by month');
  await page.close();
});

test('a visitor has a timeline by day, found from the live tail; an unknown one is said to be', async () => {
  const { page } = await visit(browser, server.url + '/apps/shop/events/live?user=u110');
  await page.locator('main ol > li button').click();
  await page.locator('::-p-aria([name="All that u110 did"])').click();
  await page.waitForFunction(() => location.pathname.endsWith('/events/visitor') && /also known as b-u110/.test(document.body.innerText));
  assert.match(await page.$eval('main ol h2', (e) => e.textContent), /^\w+day \d+ \w+ \d{4}$|^\w+day,? /);
  await page.locator('main ol > li button').click();
  assert.deepEqual(await findings(page), []);
  await write(page, 'User id or anonymous id', 'nobody-such');
  await seen(page, 'Nobody is known as nobody-such');
  await page.close();
});

test('what came is cut where it is long, and whole where somebody asks', async () => {
  const { page } = await visit(browser, server.url + pages['events-failed']);
  await seen(page, 'too large');
  const longest = () => page.$$eval('.tales code', (l) => Math.max(...l.map((e) => e.textContent.length)));
  assert.equal(await longest(), 601);
  await press(page, 'Show all 4,048 letters');
  await page.waitForFunction(() => [...document.querySelectorAll('.tales code')].some((e) => e.textContent.length === 4048));
  assert.equal(await page.$eval('#repair-program', (e) => e.placeholder), '.user = .user_id | del(.user_id)');
  await page.close();
});

test('failed events are counted, shown by reason, and repaired once the program was tried', async () => {
  const own = await fixture();
  try {
    const { page, complaints } = await visit(browser, own.url + pages['events-failed']);
    await seen(page, 'without a user');
    await page.locator('::-p-aria([name="without a user"][role="link"])').click();
    await page.waitForFunction(() => document.querySelectorAll('section:last-of-type .tales > li').length === 2);
    assert.equal(new URL(page.url()).searchParams.get('reason'), 'no_user');
    assert.equal(await page.$$eval('button', (l) => l.find((b) => b.textContent.trim() === 'Repair').disabled), true);
    await page.locator('#repair-program').fill('.userId = .user_id | del(.user_id)');
    await press(page, 'Try it');
    await seen(page, '2 events would be repaired, 0 left as they are, 0 still no events.');
    await seen(page, '"userId":"u7"');
    assert.deepEqual(await findings(page), []);
    await press(page, 'Repair 2 events');
    await seen(page, '2 events repaired');
    await page.waitForFunction(() => !document.querySelector('table').innerText.includes('without a user'));
    assert.deepEqual(complaints, []);
    await page.close();
  } finally {
    await own.close();
  }
});

test('a server that takes no events says so above them', async () => {
  const own = await fixture();
  own.world.state = { written: 9, stored: 9, refused: "the server's disk is nearly full" };
  try {
    const { page } = await visit(browser, own.url + pages['events-sql']);
    await seen(page, "No events are taken: the server's disk is nearly full");
    assert.deepEqual(await findings(page), []);
    own.world.state = { written: 9, stored: 3, trouble: 'the last attempt to store events failed' };
    await page.reload();
    await seen(page, 'Events are taken, and not stored yet');
    await page.close();
  } finally {
    await own.close();
  }
});

test('the plan is made of what was learnt, said to be wrong beside it, and shown with what broke it', async () => {
  const own = await fixture();
  try {
    const { page, complaints } = await visit(browser, own.url + pages['events-plan']);
    await seen(page, '5 events seen, 3 planned, 1 of them never seen');
    await page.locator('::-p-aria([name="voucher refused"][role="link"])').click();
    await page.waitForFunction(() => new URLSearchParams(location.search).get('event') === 'track voucher refused');
    await press(page, 'Plan what was learnt');
    const typed = () => page.$eval('#plan-schema', (e) => e.value);
    assert.deepEqual(JSON.parse(await typed()), { type: 'object', properties: { reason: { type: 'string' } } });
    await page.locator('#plan-schema').fill('{"properties": {');
    await seen(page, 'This is not JSON yet');
    await page.locator('#plan-schema').fill('{"properties": {"price": {"type": "numbr"}}}');
    await press(page, 'Add it to the plan');
    await seen(page, '].schema/properties/price/type: does not fit anyOf');
    assert.match(await typed(), /numbr/, 'what was typed stays');
    assert.equal(complaints.filter((c) => !c.includes('422')).length, 0);
    assert.deepEqual(await findings(page), []);
    await page.locator('#plan-schema').fill('{"properties": {"reason": {"type": "string"}}}');
    await press(page, 'Add it to the plan');
    await seen(page, '5 events seen, 4 planned');
    assert.deepEqual(own.world.plan.events.at(-1), { kind: 'track', name: 'voucher refused', schema: { properties: { reason: { type: 'string' } } } });
    await page.waitForFunction(() => document.querySelector('#plan-schema').value.includes('"reason"'));
    await press(page, 'Take it out of the plan');
    await page.evaluate(() => [...document.querySelectorAll('dialog[open] button')].at(-1).click());
    await seen(page, '5 events seen, 3 planned');
    await page.goBack();
    await page.locator('tbody button[aria-expanded]').click();
    await seen(page, '"userId": "u4"');
    assert.deepEqual(await findings(page), []);
    await press(page, 'Change to Reject');
    await page.evaluate(() => [...document.querySelectorAll('dialog[open] button')].at(-1).click());
    await seen(page, 'Mode: Reject');
    assert.equal(own.world.plan.mode, 'reject');
    await page.close();
  } finally {
    await own.close();
  }
});

test('who may not deploy sees the plan and changes nothing; all that was learnt is planned at once', async () => {
  const [viewer, own] = await Promise.all([fixture({ role: 'viewer' }), fixture()]);
  try {
    const { page } = await visit(browser, viewer.url + pages['events-plan-event']);
    await seen(page, 'is null, want string');
    assert.equal(await page.$('#plan-schema'), null);
    assert.match(await page.$eval('main pre', (e) => e.textContent), /"coupon"/);
    await page.close();
    const { page: mine } = await visit(browser, own.url + pages['events-plan']);
    await press(mine, 'Plan all that was learnt');
    await mine.evaluate(() => [...document.querySelectorAll('dialog[open] button')].at(-1).click());
    await seen(mine, '5 events seen, 6 planned');
    assert.deepEqual(own.world.plan.events.slice(3).map((e) => e.kind), ['page', 'identify', 'track']);
    await mine.close();
  } finally {
    await Promise.all([viewer.close(), own.close()]);
  }
});

test('a plan of the repository says where it comes from, and is not changed on the page', async () => {
  const own = await fixture();
  try {
    await fetch(own.url + '/v1/apps/shop/events/plan');
    own.world.plan.from = { folder: 'events', environment: 'production', release: 'rel_01kc0042', number: 42, commit: '3f2a91c5d4e6f7089abc3f2a91c5d4e6f7089abc' };
    const { page, complaints } = await visit(browser, own.url + pages['events-plan-event']);
    await seen(page, 'the folder events at 3f2a91c, with release 42, live in production');
    assert.equal(await page.$('#plan-schema'), null);
    assert.ok(!/Plan all that was learnt|Take it out|Reject/.test(await page.$eval('main', (e) => e.innerText)));
    assert.deepEqual(await findings(page), []);
    assert.deepEqual(complaints, []);
    own.world.plan = { ...own.world.plan, from: undefined };
    own.send('plan.changed', { mode: 'warn' });
    await page.waitForSelector('#plan-schema');
    await page.close();
  } finally {
    await own.close();
  }
});

test('older events of a visitor follow, of one moment as well, and none twice', async () => {
  const own = await fixture();
  const one = own.world.events.find((e) => !e.failed);
  own.world.events = Array.from({ length: 250 }, (_, i) => ({ ...one, seq: i + 1, data: { ...one.data, id: `e-${i}`, user: 'u1', properties: { n: i + 1 } } }));
  try {
    const { page } = await visit(browser, own.url + '/apps/shop/events/visitor?visitor=u1');
    const numbers = () => page.$$eval('main ol > li button.row', (l) => l.map((e) => Number(e.textContent.match(/n: (\d+)/)[1])));
    for (const n of [100, 200, 250]) {
      await page.waitForFunction((want) => document.querySelectorAll('main ol > li button.row').length === want, { timeout: 30_000 }, n);
      if (n < 250) await press(page, 'Show older events');
    }
    assert.deepEqual(await numbers(), Array.from({ length: 250 }, (_, i) => 250 - i));
    await page.waitForFunction(() => ![...document.querySelectorAll('button')].some((b) => b.textContent === 'Show older events'));
    await page.close();
  } finally {
    await own.close();
  }
});

test('a change of the plan that would break a vital says so before it is made', async () => {
  const own = await fixture();
  try {
    await fetch(own.url + '/v1/apps/shop/events/plan');
    Object.assign(own.world.plan, { mode: 'reject', additional_events: false });
    const { page } = await visit(browser, own.url + pages['events-plan-event']);
    await page.waitForSelector('#plan-schema');
    await page.locator('#plan-schema').fill('{"required": ["coupon"]}');
    await press(page, 'Save the schema');
    await seen(page, 'of the newest 200, 171 would be rejected (missing: coupon)');
    assert.equal(own.world.plan.events[0].schema.required.length, 2, 'nothing is changed yet');
    assert.deepEqual(await findings(page), []);
    await page.locator('#plan-schema').fill('{"required": ["coupon"], "type": "object"}');
    await page.waitForFunction(() => !document.body.innerText.includes('171 would be rejected'));
    await press(page, 'Save the schema');
    await press(page, 'Save it all the same');
    await page.waitForFunction(() => document.body.innerText.includes('Saved.'));
    assert.deepEqual(own.world.plan.events[0].schema, { required: ['coupon'], type: 'object' });
    await press(page, 'Take it out of the plan');
    const choose = () => page.evaluate(() => [...document.querySelectorAll('dialog[open] button')].at(-1).click());
    await choose();
    await seen(page, 'and nothing be counted');
    await choose();
    await seen(page, '5 events seen, 2 planned');
    await page.close();
  } finally {
    await own.close();
  }
});

test('a plan with very many events is shown a part at a time, with the one that an address names', async () => {
  const own = await fixture();
  own.world.plan = { mode: 'observe', additional_events: false, events: Array.from({ length: 250 }, (_, i) => ({ kind: 'track', name: `made up ${String(i).padStart(3, '0')}`, schema: true })) };
  try {
    const { page } = await visit(browser, own.url + '/apps/shop/events/plan?event=' + encodeURIComponent('track made up 249'));
    await page.waitForSelector('#plan-schema');
    const shown = () => page.$$eval('main table:first-of-type tbody tr a[aria-current], main section:nth-of-type(2) tbody tr', (l) => new Set(l.map((e) => e.closest('tr'))).size);
    assert.equal(await shown(), 101);
    await press(page, 'Show 154 more of 255 events');
    await page.waitForFunction(() => !document.body.innerText.includes('more of 255'));
    assert.equal(await shown(), 255);
    await page.close();
  } finally {
    await own.close();
  }
});

test('where no event was seen and none is planned, the plan says what to do next', async () => {
  const own = await fixture();
  own.world.unheard = true;
  try {
    for (const size of [undefined, narrow]) {
      const { page, complaints } = await visit(browser, own.url + pages['events-plan'], size ? { size } : {});
      await seen(page, 'No event was seen, and none is planned');
      assert.match(await page.$eval('main', (e) => e.innerText), /Send the first one[^]*slipway events plan set plan.json[^]*\.slipway\.yaml/);
      assert.deepEqual(await findings(page), []);
      assert.deepEqual(complaints, []);
      await page.close();
    }
  } finally {
    await own.close();
  }
});
