// Home and the reports in a real browser: numbers that are known, the people behind them, links that share a report.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { accessible, launch, shoot, signIn, visit } from './browser.mjs';
import { Kern } from './kern.mjs';
import { fillShop } from './shop.mjs';

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
  'nl-NL': { home: 'Overzicht', visitors: 'Bezoekers', orders: 'Bestellingen', revenue: 'Omzet', money: '€ 201,00', people: '10 profielen', lost: '5 haakten af (50%)', group: 'Nieuw', close: 'Sluiten', by: 'Uitgesplitst naar', rates: ['10 · 100%', '5 · 50%', '2 · 20%'] },
  'en-GB': { home: 'Overview', visitors: 'Visitors', orders: 'Orders', revenue: 'Revenue', money: '€201.00', people: '10 profiles', lost: '5 left (50%)', group: 'New', close: 'Close', by: 'Broken down by', rates: ['10 · 100%', '5 · 50%', '2 · 20%'] },
};

test('an empty workspace leads to a first event', { timeout: 60000 }, async () => {
  const page = await visit(browser, kern, 'nl-NL', 'light');
  await signIn(page);
  await page.waitForURL(/\/welcome$/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
  await fillShop(kern);
});

for (const [locale, scheme] of [['nl-NL', 'light'], ['en-GB', 'dark']]) {
  test(`home and reports (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const page = await visit(browser, kern, locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    const path = '?period=7';
    await signIn(page);
    await page.goto(`${kern.url}/${path}`);
    assert.equal(await page.textContent('h1'), t.home);
    const figure = (name) => page.getByRole('region', { name, exact: true });
    await figure(t.visitors).getByText('10', { exact: true }).waitFor();
    await figure(t.orders).getByText('2', { exact: true }).waitFor();
    await figure(t.revenue).getByText(t.money, { exact: true }).waitFor();
    await page.locator('table').nth(1).waitFor();
    await accessible(page, 'home');
    await shot('home');

    // a figure leads to its report; every number of it to people
    await figure(t.visitors).getByRole('link').click();
    await page.waitForURL(/\/reports\/series\?period=7/);
    await page.getByRole('button', { name: '10', exact: true }).click();
    await page.getByRole('dialog').getByText(t.people).waitFor();
    await page.getByRole('dialog').getByRole('link', { name: 'Shopper 3' }).waitFor();
    await accessible(page, 'people behind a number');
    await page.getByRole('button', { name: t.close }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('combobox', { name: t.by }).or(page.getByLabel(t.by)).first().click();
    await page.getByRole('option', { name: 'city' }).click();
    await page.waitForURL(/by=trait%3Acity/);
    await page.getByRole('columnheader', { name: 'Utrecht' }).waitFor();
    await accessible(page, 'series');
    await shot('series');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()]);
    const csv = readFileSync(await file.path(), 'utf8');
    assert.match(csv, /Utrecht/);
    assert.ok(csv.includes(`"'=HYPERLINK(""x"")"`), csv);
    // whoever gets the link sees the same
    await page.reload();
    await page.getByRole('columnheader', { name: 'Utrecht' }).waitFor();

    await page.goto(`${kern.url}/reports/funnel?period=7&steps=${encodeURIComponent('["Product Viewed","Product Added","Order Completed"]')}`);
    for (const rate of t.rates) await page.getByText(rate.replace('%', '')).or(page.locator('li', { hasText: rate })).first().waitFor();
    await page.getByRole('button', { name: t.lost }).click();
    await page.getByRole('dialog').getByRole('link', { name: 'Shopper 7' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await accessible(page, 'funnel');
    await shot('funnel');

    await page.goto(`${kern.url}/reports/retention?period=7&first=Product%20Viewed&return=`);
    await page.getByRole('button', { name: '10', exact: true }).waitFor();
    await accessible(page, 'retention');
    await shot('retention');

    await page.goto(`${kern.url}/reports/customers`);
    await page.getByRole('rowheader', { name: t.group }).first().waitFor();
    await accessible(page, 'customers');
    await shot('customers');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('reports on a phone; an address that makes no sense', { timeout: 60000 }, async () => {
  const page = await visit(browser, kern, 'nl-NL', 'light', { width: 360, height: 740 });
  await signIn(page);
  for (const path of ['/', '/reports/series?measure=profiles', '/reports/funnel', '/reports/retention', '/reports/customers']) {
    await page.goto(kern.url + path);
    await page.locator('table, ol').first().waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), `${path}: nothing sticks out`);
  }
  await shoot(page, 'customers-phone');
  await page.goto(`${kern.url}/reports/funnel?steps=%7B&within=nonsense&period=2026-13-01~x&by=:`);
  await page.locator('h1').waitFor();
  await page.goto(`${kern.url}/reports/series?unit=century&measure=nonsense`);
  await page.getByRole('alert').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('what is loaded first is small', async () => {
  const html = await (await fetch(kern.url, { headers: { Accept: 'text/html' } })).text();
  let bytes = 0;
  for (const [script] of html.matchAll(/\/assets\/[^"]+\.js/g)) {
    bytes += Number((await fetch(kern.url + script)).headers.get('content-length'));
  }
  assert.ok(bytes > 50_000 && bytes < 350_000, `${bytes}`);
});
