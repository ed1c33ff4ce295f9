import { execFileSync } from 'node:child_process';
import puppeteer from 'puppeteer-core';

// open starts Chromium without what it would do by itself on a network.
export function open() {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? execFileSync('which', ['chromium']).toString().trim(),
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
}

export const wide = { width: 1440, height: 900 };
export const narrow = { width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 1 };

// Every page there is, by name; those with "empty" are of a server on which nothing happened yet.
export const pages = {
  line: '/apps/shop/line',
  builds: '/apps/shop/builds',
  'build-running': '/apps/shop/builds/bld_01kc0044',
  'build-red': '/apps/shop/builds/bld_01kc0042',
  'build-green': '/apps/shop/builds/bld_01kc0041',
  rollouts: '/apps/shop/rollouts',
  'rollout-waiting': '/apps/shop/rollouts/rol_01kc0042',
  'rollout-watched': '/apps/shop/rollouts/rol_01kc0041',
  'rollout-back': '/apps/shop/rollouts/rol_01kc0039',
  'rollout-held': '/apps/shop/rollouts/rol_01kc0036',
  'rollout-promoted': '/apps/shop/rollouts/rol_01kc0040',
  'rollout-orders': '/apps/shop/rollouts/rol_01kc0040?vital=order_completed',
  'rollout-fleet': '/apps/shop/rollouts/rol_01kc0038',
  'rollout-hotfix': '/apps/shop/rollouts/rol_01kc0037',
  'rollout-going-back': '/apps/shop/rollouts/rol_01kc0034',
  'rollout-config': '/apps/shop/rollouts/rol_01kc0035',
  verdicts: '/apps/shop/verdicts',
  'verdicts-to-say': '/apps/shop/verdicts?days=90&show=to_say',
  'verdicts-empty': '/apps/shop/verdicts?environment=staging',
  events: '/apps/shop/events/live',
  'events-nothing': '/apps/shop/events/live?environment=staging',
  'events-trends': '/apps/shop/events/trends?last=30d',
  'events-trends-split': '/apps/shop/events/trends?last=30d&split=plan&measure=average&of=price&what=' + encodeURIComponent(JSON.stringify({ event: 'order placed', where: [{ property: 'price', is: 'more', value: '10' }] })),
  'events-trends-release': '/apps/shop/events/trends?last=30d&split=event.release',
  'events-trends-nothing': '/apps/shop/events/trends?environment=staging',
  'events-funnel-new': '/apps/shop/events/funnel',
  'events-funnel': '/apps/shop/events/funnel?steps=' + encodeURIComponent(JSON.stringify([{ event: 'Pricing' }, { event: 'signed up', where: [{ property: 'plan', is: 'equal', value: 'free' }] }, { event: 'order placed' }])),
  'events-retention': '/apps/shop/events/retention?last=90d&first=signed+up',
  'events-visitor-new': '/apps/shop/events/visitor',
  'events-visitor': '/apps/shop/events/visitor?visitor=u110',
  'events-visitor-nobody': '/apps/shop/events/visitor?visitor=nobody',
  'events-failed': '/apps/shop/events/failed',
  'events-plan': '/apps/shop/events/plan',
  'events-plan-event': '/apps/shop/events/plan?event=' + encodeURIComponent('track order placed'),
  'events-plan-new': '/apps/shop/events/plan?event=' + encodeURIComponent('track voucher refused'),
  'events-saved': '/apps/shop/events/trends?saved=qst_3',
  'events-saved-changed': '/apps/shop/events/sql?saved=qst_1&sql=' + encodeURIComponent('SELECT name, count(*) FROM activity'),
  'events-sql': '/apps/shop/events/sql',
  'events-sql-answer': '/apps/shop/events/sql?sql=' + encodeURIComponent('SELECT name, count(*) FROM events'),
  'events-sql-chart': '/apps/shop/events/sql?sql=' + encodeURIComponent("SELECT date_trunc('day', time), count(*) FROM events"),
  flags: '/apps/shop/flags',
  'flags-stale': '/apps/shop/flags?show=stale',
  'flags-archived': '/apps/shop/flags?show=archived',
  flag: '/apps/shop/flags/flag:new-checkout',
  'flag-experiment': '/apps/shop/flags/flag:button-colour',
  'flag-json': '/apps/shop/flags/flag:banner',
  'flag-audience': '/apps/shop/flags/flag:dark-mode',
  'flag-switch': '/apps/shop/flags/switch:maintenance',
  'flag-sample': '/apps/shop/flags/sample:trace-requests',
  'flag-unset': '/apps/shop/flags/flag:gift-cards?environment=staging',
  'flag-of-its-own': '/apps/shop/flags/flag:gift-cards',
  'flag-ramp': '/apps/shop/flags/flag:search-limit?environment=staging',
  'flag-ramps': '/apps/shop/flags/flag:search-limit?environment=staging&part=ramps',
  'flag-ramps-new': '/apps/shop/flags/flag:button-colour?environment=staging&part=ramps',
  'flag-ramps-approvals': '/apps/shop/flags/flag:search-limit?part=ramps',
  ramp: '/apps/shop/flags/flag:search-limit/ramps/rmp_1?environment=staging',
  'ramp-back': '/apps/shop/flags/flag:search-limit/ramps/rmp_0?environment=staging',
  'ramp-all': '/apps/shop/flags/flag:search-limit/ramps/rmp_00?environment=staging&vital=error+shown',
  'ramp-quiet': '/apps/shop/flags/flag:new-checkout/ramps/rmp_2?environment=staging',
  'flag-history': '/apps/shop/flags/flag:new-checkout?part=history',
  'flag-plans': '/apps/shop/flags/flag:new-checkout?part=plans',
  'flag-needs': '/apps/shop/flags/flag:new-checkout?part=needs',
  'flag-about': '/apps/shop/flags/flag:new-checkout?part=about',
  'flags-plans': '/apps/shop/flags/plans?all=1',
  'flags-try': '/apps/shop/flags/try',
  'flags-groups': '/apps/shop/flags/groups?group=beta',
  'flags-keys': '/apps/shop/flags/keys',
  'flags-settings': '/apps/shop/flags/settings',
  limits: '/apps/shop/limits',
  'limit-key': '/apps/shop/limits/api:search?key=api:search:ana',
  'limit-quiet': '/apps/shop/limits/exports?environment=staging',
  'limit-overrides': '/apps/shop/limits/api:search?part=overrides',
  'limit-try': '/apps/shop/limits/api:search?part=try',
  'limit-edit': '/apps/shop/limits/exports?part=edit',
  'release-good': '/apps/shop/releases/rel_01kc0040',
  'release-config': '/apps/shop/releases/rel_01kc0037',
  release: '/apps/shop/releases/rel_01kc0042',
  hosts: '/hosts',
  host: '/hosts?host=agt_h3',
  'settings-environment': '/apps/shop/settings/environment',
  'settings-config': '/apps/shop/settings/config',
  'settings-sources': '/apps/shop/settings/sources',
  'settings-sources-empty': '/apps/shop/settings/sources?environment=staging',
  'settings-privacy': '/apps/shop/settings/privacy',
  'settings-notices': '/apps/shop/settings/notices',
  'settings-people': '/apps/shop/settings/people',
  'settings-tokens': '/apps/shop/settings/tokens',
  'settings-machines': '/apps/shop/settings/machines',
  audit: '/audit',
  missing: '/nothing/here',
  'line-empty': '/apps/shop/line?environment=staging',
};
export const emptyPages = { 'first-run': '/', 'hosts-empty': '/hosts', 'audit-empty': '/audit', 'settings-people-empty': '/settings/people', 'settings-tokens-empty': '/settings/tokens', 'settings-machines-empty': '/settings/machines', 'events-failed-empty': '/apps/shop/events/failed' };

// visit opens a page and returns what it wrote to the console as an error.
export async function visit(browser, address, { theme = 'light', size = wide } = {}) {
  const page = await browser.newPage();
  const complaints = [];
  page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
  page.on('pageerror', (e) => complaints.push(String(e)));
  await page.setViewport(size);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }, { name: 'prefers-reduced-motion', value: 'reduce' }]);
  await page.goto(address, { waitUntil: 'load' });
  await page.waitForSelector('main h1, main [role=alert]');
  await settled(page);
  return { page, complaints };
}

// settled waits until nothing is read any more and fresh data had two frames to be drawn.
export async function settled(page) {
  await page.evaluate(async () => {
    for (let quiet = 0, last = -1; quiet < 6; ) {
      const n = performance.getEntriesByType('resource').length;
      quiet = n === last ? quiet + 1 : 0;
      last = n;
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 25)));
    }
  });
}
