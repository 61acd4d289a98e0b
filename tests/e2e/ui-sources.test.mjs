// Sources in a real browser: snippets that work as copied, the live debugger, the check, the schema.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { accessible, launch, shoot, signIn, visit } from './browser.mjs';
import { Kern, WRITE_KEY } from './kern.mjs';

const require = createRequire(import.meta.url);
const HOSTILE = '<img src=x onerror="document.title=\'broken\'"> ‮אבג 🧺 ' + 'x'.repeat(9980);
const kern = new Kern();
let browser;

before(async () => {
  await kern.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await kern.end();
});

const TEXTS = {
  'nl-NL': { silent: /Nog niets binnengekomen/, works: /Het werkt/, refusing: /zijn er 1 geweigerd/, waiting: /Wachten op het eerste/, accepted: 'Aangenomen', duplicate: 'Dubbel', refused: 'Geweigerd', pause: 'Pauze', resume: 'Verder', paused: /Gepauzeerd: 1 nieuw/, filter: 'Filter op tekst', nothing: /Niets gevonden/, choose: 'Waarmee verbindt u?', viewed: /Bekeek Alpine/, list: 'Live meekijken', link: 'Gebeurtenissen en kenmerken', find: 'Zoek een naam', send: 'Stuur naar mijn ontwikkelaar', off: /staat uit/ },
  'en-GB': { silent: /Nothing came in yet/, works: /It works/, refusing: /were refused/, waiting: /Waiting for the first/, accepted: 'Accepted', duplicate: 'Duplicate', refused: 'Refused', pause: 'Pause', resume: 'Go on', paused: /Paused: 1 new/, filter: 'Filter by text', nothing: /Nothing found/, choose: 'What do you connect?', viewed: /Viewed Alpine/, list: 'Watch it live', link: 'Events and traits', find: 'Find a name', send: 'Send to my developer', off: /is off/ },
};

for (const [locale, scheme] of [['nl-NL', 'light'], ['en-GB', 'dark']]) {
  test(`a source from nothing to what it sends (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const key = `LiveKey${locale.slice(0, 2)}12345678`;
    const source = (await kern.ws('POST', '/sources', { name: `Shop ${locale}`, kind: 'web', write_keys: [key] })).body;
    const send = (message) => kern.collect('/v1/track', message, { 'X-Write-Key': key });
    const page = await visit(browser, kern, locale, scheme);
    page.setDefaultTimeout(10_000);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await signIn(page);
    await page.goto(`${kern.url}/sources/${source.id}`);
    await page.getByText(t.silent).waitFor();
    await page.getByText(t.waiting).waitFor();
    await accessible(page, 'a silent source');
    // what arrives is there without a reload
    const live = page.getByRole('region', { name: t.list });
    const user = `l-${locale}`;
    await send({ userId: user, event: 'Product Viewed', messageId: 'one', properties: { name: 'Alpine', price: 129.95, currency: 'EUR' } });
    await live.getByText(t.viewed).waitFor();
    await page.getByText(t.works).waitFor();
    await send({ userId: user, event: 'Product Viewed', messageId: 'one' });
    await live.locator('li').getByText(t.duplicate).waitFor();
    await send({ event: 'Nobody' });
    await live.locator('li').getByText(t.refused).waitFor();
    await page.getByText(t.refusing).waitFor();
    await send({ userId: user, event: HOSTILE.slice(0, 200), properties: { html: HOSTILE } });
    await live.getByText(/<img src=x/).first().waitFor();
    assert.ok(!(await page.title()).includes('broken'));
    assert.equal(await page.locator('img[src="x"]').count(), 0);
    await live.locator('li').first().getByRole('button').last().click();
    await accessible(page, 'the debugger');
    await shot('source-live');
    // pause keeps what is there and tells what waits
    await live.getByRole('button', { name: t.pause }).click();
    await send({ userId: user, event: 'After The Pause' });
    await live.getByText(t.paused).waitFor();
    assert.equal(await live.getByText('After The Pause').count(), 0);
    await live.getByRole('button', { name: t.resume }).click();
    await live.getByText('After The Pause').waitFor();
    await live.getByText(t.refused, { exact: true }).first().click();
    await live.getByText('After The Pause').waitFor({ state: 'detached' });
    assert.equal(await live.locator('li').count(), 1);
    await live.getByRole('searchbox', { name: t.filter }).fill('no such text');
    await live.getByText(t.nothing).waitFor();
    // the snippet of every client has address and key
    const choose = page.getByRole('combobox', { name: t.choose });
    for (let i = 0; ; i++) {
      await choose.click();
      const options = page.getByRole('option');
      const count = await options.count();
      assert.ok(count >= 15);
      const name = await options.nth(i).textContent();
      await options.nth(i).click();
      const code = await page.getByRole('region').getByLabel(name, { exact: true }).textContent();
      assert.ok(code.includes(key) && code.includes(`127.0.0.1:${kern.port}`), `${name}: ${code}`);
      if (i === count - 1) break;
    }
    const href = await page.getByRole('link', { name: t.send }).getAttribute('href');
    assert.match(decodeURIComponent(href), new RegExp(`^mailto:.*${key}.*sources/${source.id}`, 's'));
    await kern.ws('PATCH', `/sources/${source.id}`, { enabled: false });
    await page.getByText(t.off).waitFor();
    // the schema
    await page.goto(`${kern.url}/sources`);
    await page.getByRole('link', { name: t.link }).click();
    await page.getByRole('cell', { name: 'Product Viewed', exact: true }).waitFor();
    await page.getByRole('searchbox', { name: t.find }).fill('viewed');
    await page.getByRole('button', { name: /Product Viewed/ }).click();
    await page.getByRole('cell', { name: 'price', exact: true }).waitFor();
    await accessible(page, 'the schema');
    await shot('schema');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('what is copied for a website works as it stands, in a browser', { timeout: 60000 }, async () => {
  const source = (await kern.ws('GET', '/sources')).body.data.find((s) => s.write_keys.includes(WRITE_KEY));
  const page = await visit(browser, kern, 'en-GB', 'light');
  page.setDefaultTimeout(10_000);
  await signIn(page);
  await page.goto(`${kern.url}/sources/${source.id}`);
  const code = await page.getByLabel('HTML', { exact: true }).textContent();
  const site = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><title>Shop</title>${code}`);
  });
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  const shop = await (await browser.newContext()).newPage();
  await shop.route('https://cdn.jsdelivr.net/**', (route) => route.fulfill({ contentType: 'text/javascript', body: readFileSync(require.resolve('@segment/analytics-next/dist/umd/index.js'), 'utf8') }));
  await shop.goto(`http://127.0.0.1:${site.address().port}/`);
  await page.getByRole('region', { name: 'Watch it live' }).getByText('Viewed Shop').waitFor();
  await shop.context().close();
  site.close();
  await page.context().close();
});

test('a phone; no source; nothing seen yet', { timeout: 60000 }, async () => {
  const empty = new Kern();
  await empty.start();
  try {
    const page = await visit(browser, empty, 'nl-NL', 'dark', { width: 360, height: 740 });
    page.setDefaultTimeout(10_000);
    await signIn(page);
    await page.goto(`${empty.url}/sources/schema`);
    await page.getByText('Nog niets gezien').waitFor();
    await accessible(page, 'an empty schema');
    await page.goto(`${empty.url}/sources/none`);
    await page.getByText('Deze databron bestaat niet').waitFor();
    const { id } = (await empty.ws('GET', '/sources')).body.data[0];
    await page.goto(`${empty.url}/sources/${id}`);
    await page.getByText(/Wachten op het eerste/).waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing sticks out');
    await accessible(page, 'a source on a phone');
    await shoot(page, 'source-phone');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  } finally {
    await empty.end();
  }
});
