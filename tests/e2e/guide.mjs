// The pictures of the user guide: a demo shop and an empty Kern, photographed in both languages into docs/guide/.
// usage: sh tools/node.sh tests/e2e/guide.mjs
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, signIn } from './browser.mjs';
import { BINARY, Kern, freePort, sleep } from './kern.mjs';

const GUIDE = join(import.meta.dirname, '../../docs/guide');
const SIZE = { width: 1000, height: 620 };
const LARGEST = 100_000; // bytes of a picture
const TEXTS = {
  nl: { template: 'Verlaten winkelwagen', person: 'Persoon' },
  en: { template: 'Abandoned cart', person: 'Person' },
};

async function demo(dir) {
  const port = await freePort();
  const child = spawn(BINARY, ['demo', '--data', dir, '--listen', `127.0.0.1:${port}`, '--profiles', '3000', '--days', '120', '--seed', '7'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  child.stdout.on('data', (d) => (out += d));
  for (let i = 0; i < 2400 && !out.includes('Stop with'); i++) await sleep(50);
  const said = (what) => new RegExp(`${what} +(\\S+)`).exec(out)[1];
  const url = `http://127.0.0.1:${port}`;
  const login = { email: said('login'), password: said('password') };
  const token = said('API token');
  const call = async (method, path, body) => (await fetch(`${url}/api/v1/workspaces/demo${path}`, { method, headers: { Authorization: `Bearer ${token}` }, body: body && JSON.stringify(body) })).json();
  return { url, child, call, login };
}

// Pages are photographed when nothing loads or moves any more.
async function shoot(page, language, name) {
  await page.waitForLoadState('networkidle');
  await page.waitForFunction(() => document.querySelectorAll('[role=status][aria-label]').length === 0);
  await sleep(400);
  mkdirSync(join(GUIDE, language), { recursive: true });
  const path = join(GUIDE, language, `${name}.png`);
  await page.screenshot({ path });
  assert.ok(statSync(path).size < LARGEST, `${path} is ${statSync(path).size} bytes`);
}

async function signedIn(browser, url, language, login) {
  const context = await browser.newContext({ locale: language === 'nl' ? 'nl-NL' : 'en-GB', colorScheme: 'light', viewport: SIZE, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(url);
  await signIn(page, login);
  return page;
}

async function ofTheShop(browser, shop, language) {
  const t = TEXTS[language];
  const page = await signedIn(browser, shop.url, language, shop.login);
  const at = async (path, name) => {
    await page.goto(shop.url + path);
    await page.locator('h1').waitFor();
    await shoot(page, language, name);
  };
  await page.locator('h1').waitFor();
  await shoot(page, language, 'overview');
  const buyer = (await shop.call('GET', `/profiles?limit=1&query=${encodeURIComponent("order().count() >= 3 AND identifier('email').exists()")}`)).data[0];
  await at('/profiles', 'profiles');
  await at(`/profiles/${buyer.id}`, 'person');
  await page.goto(`${shop.url}/segments/new`);
  await page.getByRole('button', { name: t.template }).click();
  await shoot(page, language, 'builder');
  const email = buyer.identifiers.find((i) => i.type === 'email').value;
  await page.goto(`${shop.url}/segments/guide`);
  await page.getByLabel(t.person, { exact: true }).fill(email);
  await page.getByRole('option', { name: email }).click();
  await page.locator('.kern-why').first().waitFor();
  await page.locator('.kern-why').first().scrollIntoViewIfNeeded();
  await shoot(page, language, 'why');
  await at('/reports/customers', 'customers');
  const source = (await shop.call('GET', '/sources')).data[0];
  await at(`/sources/${source.id}`, 'source');
  await page.context().close();
}

const browser = await launch();
const dir = mkdtempSync(join(tmpdir(), 'kern-guide-'));
const shop = await demo(join(dir, 'demo'));
const empty = new Kern();
try {
  await shop.call('POST', '/segments', { key: 'guide', name: 'Kopers', query: "order().within(90 days).count() >= 2 AND consent('marketing_email') = 'granted'" });
  while ((await shop.call('GET', '/segments/guide')).status === 'building') await sleep(100);
  await empty.start();
  for (const language of ['nl', 'en']) {
    await ofTheShop(browser, shop, language);
    const page = await signedIn(browser, empty.url, language);
    await page.waitForURL(/welcome/);
    await shoot(page, language, 'first-run');
    await page.context().close();
  }
} finally {
  await browser.close();
  await empty.end();
  shop.child.kill('SIGTERM');
  await new Promise((resolve) => shop.child.on('exit', resolve));
  rmSync(dir, { recursive: true, force: true });
}
