// A real browser for the tests of the UI: pages of fresh visitors, accessibility, pictures.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const artefacts = join(import.meta.dirname, '../artefacts');

export const launch = () =>
  chromium.launch({
    executablePath: process.env.KERN_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });

// A page of a fresh visitor; everything the browser complains of is in page.complaints.
export async function visit(browser, kern, locale, colorScheme, size = { width: 1280, height: 800 }) {
  const context = await browser.newContext({ locale, colorScheme, viewport: size });
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (e) => page.complaints.push(e.message));
  page.on('console', (m) => {
    if (m.type() === 'error' && !/status of (401|400|404)/.test(m.text())) page.complaints.push(m.text());
  });
  page.on('request', (r) => {
    if (!r.url().startsWith(kern.url) && !/^(data|blob):/.test(r.url())) page.complaints.push(`asked ${r.url()}`);
  });
  await page.goto(kern.url);
  return page;
}

// As the administrator of a test's Kern; done when the navigation and a page stand there.
export async function signIn(page, { email, password } = { email: 'admin@example.nl', password: 'correct horse' }) {
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.click('button[type=submit]');
  await page.locator('nav a').first().waitFor({ state: 'attached' });
  await page.locator('h1').first().waitFor();
}

export async function accessible(page, what) {
  // what fades in is judged when it stands there
  await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity));
  await page.evaluate(axe); // not as a script of the page: its policy lets none in
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 160)}`), [], what);
}

export function shoot(page, name) {
  mkdirSync(artefacts, { recursive: true });
  return page.screenshot({ path: join(artefacts, `${name}.png`), fullPage: true });
}
