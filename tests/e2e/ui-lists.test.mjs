// Lists in a real browser: pasted and from a file, looked up before they are saved, changed, frozen, and made of a
// report's number.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, launch, shoot, signIn, visit } from './browser.mjs';
import { Kern } from './kern.mjs';

const kern = new Kern();
let browser;

before(async () => {
  await kern.start();
  browser = await launch();
  const at = new Date(Date.now() - 60_000).toISOString();
  const batch = [];
  for (let i = 0; i < 12; i++) {
    const who = { userId: `c${i}`, timestamp: at, sentAt: new Date().toISOString() };
    batch.push({ ...who, type: 'identify', traits: { name: `Klant ${i}`, email: `klant${i}@example.nl` } });
    batch.push({ ...who, type: 'track', event: 'Product Viewed', properties: {} });
    if (i < 5) batch.push({ ...who, type: 'track', event: 'Order Completed', properties: { order_id: `o${i}`, revenue: 10, currency: 'EUR' } });
  }
  const r = await kern.collect('/v1/batch', { batch });
  assert.ok(await kern.profile('user_id', 'c11', r.position));
});

after(async () => {
  await browser?.close();
  await kern.end();
});

const TEXTS = {
  'nl-NL': { create: 'Nieuwe lijst', name: 'Naam', paste: 'Plak adressen of nummers', save: 'Opslaan', found: 'profielen gevonden', unknown: 'onbekend', left: /2 rijen blijven buiten/, list: 'Lijst', people: 'Mensen toevoegen of verwijderen', add: 'Toevoegen', off: 'Van de lijst halen', freeze: 'Momentopname maken', frozen: 'Momentopname', keep: 'Als lijst opslaan', change: 'Wijzigen', nobody: 'Niemand heeft dit gegeven' },
  'en-GB': { create: 'New list', name: 'Name', paste: 'Paste addresses or numbers', save: 'Save', found: 'profiles found', unknown: 'unknown', left: /2 rows are left out/, list: 'List', people: 'Add or remove people', add: 'Add', off: 'Take off the list', freeze: 'Freeze a copy', frozen: 'Frozen copy', keep: 'Save these as a list', change: 'Change', nobody: 'Nobody has this identifier' },
};

for (const [locale, scheme] of [['nl-NL', 'light'], ['en-GB', 'dark']]) {
  test(`a list from what is pasted to a frozen copy (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const key = `beste_klanten_${locale.slice(0, 2)}`;
    const page = await visit(browser, kern, locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    const size = (n) => page.locator('main').getByText(String(n), { exact: true }).first().waitFor();
    await signIn(page);
    await page.goto(`${kern.url}/segments`);
    await page.getByRole('link', { name: t.create }).first().click();
    await page.getByRole('textbox', { name: t.name, exact: false }).first().fill(`Beste klanten ${locale.slice(0, 2)}`);
    await page.getByLabel(t.paste).fill('klant0@example.nl\nKlant1@Example.nl\n\nklant0@example.nl\nniemand@example.nl\ngeen adres\nklant2@example.nl');
    await page.getByText(t.found).waitFor();
    await page.getByText(t.left).first().click();
    await page.getByText(t.nobody).waitFor();
    await page.getByText('5', { exact: true }).waitFor(); // the line
    await accessible(page, 'a new list');
    await shot('list-new');
    await page.getByRole('button', { name: t.save }).click();
    await page.waitForURL(`**/segments/${key}`);
    await size(3);
    await page.getByRole('link', { name: 'Klant 2' }).first().waitFor();
    await page.locator('main').getByText(t.list, { exact: true }).first().waitFor();
    await accessible(page, 'a list');
    await shot('list');
    // a file goes on it
    await page.getByRole('button', { name: t.people }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('input[type=file]').setInputFiles({ name: 'klanten.csv', mimeType: 'text/csv', buffer: Buffer.from('Naam;E-mail;Plaats\r\n"Vier; de";klant4@example.nl;Utrecht\r\nVijf;klant5@example.nl;Ede\r\nDrie;klant3@example.nl;Ede\r\n') });
    await dialog.getByText(t.found).waitFor();
    await accessible(page, 'people on a list');
    await shot('list-people');
    await dialog.locator('button[type=submit]').click();
    await dialog.waitFor({ state: 'detached' });
    await size(6);
    // one off it
    await page.getByRole('button', { name: t.off }).first().click();
    await size(5);
    // a new name
    await page.getByRole('link', { name: t.change, exact: true }).click();
    await page.getByRole('textbox', { name: t.name, exact: false }).first().fill('Allerbeste klanten');
    await page.getByRole('button', { name: t.save }).click();
    await page.getByRole('heading', { name: 'Allerbeste klanten' }).waitFor();
    // and a copy of it
    await page.getByRole('button', { name: t.freeze }).click();
    await page.getByRole('dialog').getByRole('textbox').fill(`Kopie ${locale.slice(0, 2)}`);
    await accessible(page, 'freezing');
    await page.getByRole('dialog').locator('button[type=submit]').click();
    await page.waitForURL(`**/segments/kopie_${locale.slice(0, 2)}`);
    await page.locator('main').getByText(t.frozen, { exact: true }).waitFor();
    await size(5);
    await page.goto(`${kern.url}/segments`);
    await page.getByRole('link', { name: 'Allerbeste klanten' }).first().waitFor();
    await accessible(page, 'segments with lists');
    await shot('segments-lists');
    // the people behind a number
    await page.goto(`${kern.url}/reports/funnel?period=7&steps=${encodeURIComponent('["Product Viewed","Order Completed"]')}`);
    await page.locator('.kern-number').first().click();
    await page.getByRole('button', { name: t.keep }).click();
    const form = page.getByRole('dialog').locator('form');
    await form.getByRole('textbox').fill(`Uit trechter ${locale.slice(0, 2)}`);
    await accessible(page, 'saving the people behind a number');
    await shot('list-save-as');
    await form.locator('button[type=submit]').click();
    await page.waitForURL(`**/segments/uit_trechter_${locale.slice(0, 2)}`);
    await page.locator('main').getByText(t.list, { exact: true }).first().waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('a new list on a phone', { timeout: 60000 }, async () => {
  const page = await visit(browser, kern, 'nl-NL', 'dark', { width: 360, height: 780 });
  await signIn(page);
  await page.goto(`${kern.url}/segments/new-list`);
  await page.getByLabel(TEXTS['nl-NL'].paste).fill('klant0@example.nl\nniemand@example.nl\nx');
  await page.getByText('profiel gevonden').waitFor();
  await accessible(page, 'a new list on a phone');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
  await shoot(page, 'list-new-phone');
  await page.goto(`${kern.url}/segments/allerbeste`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
