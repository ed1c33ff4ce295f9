import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// findings are what axe-core says against a page, by all rules of WCAG 2.2 AA and of good practice, or by the rules named.
export async function findings(page, rules) {
  await page.evaluate(axe);
  const result = await page.evaluate((only) => window.axe.run(document, { runOnly: only, resultTypes: ['violations'] }), rules ? { type: 'rule', values: rules } : { type: 'tag', values: standards });
  return result.violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.slice(0, 4).map((n) => `${n.html.slice(0, 160)}\n    ${n.failureSummary?.split('\n').slice(1, 2).join('')}`).join('\n  ')}`);
}
