// Destinations and CSV links in a real browser, against a receiver that checks signatures itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, launch, shoot, signIn, visit } from './browser.mjs';
import { Kern, sleep } from './kern.mjs';
import { Receiver, verify } from './receiver.mjs';

const kern = new Kern(['--allow-private-destinations']);
const receiver = new Receiver();
let browser;

before(async () => {
  await kern.start();
  await receiver.start();
  const batch = Array.from({ length: 12 }, (_, i) => ({ type: 'identify', userId: `klant-${i}`, traits: { tier: 'gold', firstName: `Klant ${i}`, email: `k${i}@example.nl` } }));
  await kern.collect('/v1/batch', { batch });
  await kern.ws('POST', '/segments', { key: 'vip', name: 'Trouwe klanten', query: "trait('tier') = 'gold'" });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  receiver.end();
  await kern.end();
});

async function until(check) {
  for (let i = 0; i < 300 && !(await check()); i++) await sleep(50);
  assert.ok(await check());
}

const TEXTS = {
  'nl-NL': { title: 'Bestemmingen', add: 'Bestemming toevoegen', name: 'Naam', url: 'Webadres', segments: 'Doelgroepen', purpose: 'Verwerkingsdoel', service: 'Dienstverlening', got: 'Ik heb het bewaard', test: 'Testen', ok: 'Het testbericht is aangenomen', all: 'Alles opnieuw sturen', none: 'Niets opgegeven.', links: 'CSV-link maken', revoke: 'Intrekken', noLinks: 'Nog geen links.' },
  'en-GB': { title: 'Destinations', add: 'Add a destination', name: 'Name', url: 'Address', segments: 'Segments', purpose: 'Purpose', service: 'Service', got: 'I have kept it', test: 'Test', ok: 'The test message was taken', all: 'Send all again', none: 'Nothing given up.', links: 'Make a CSV link', revoke: 'Take back', noLinks: 'No links yet.' },
};

for (const [locale, scheme, size] of [['nl-NL', 'light', { width: 1280, height: 800 }], ['en-GB', 'dark', { width: 360, height: 740 }]]) {
  test(`destinations (${locale}, ${scheme}, ${size.width})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const page = await visit(browser, kern, locale, scheme, size);
    const shot = (name) => shoot(page, `destinations-${name}-${locale}-${scheme}`);
    await signIn(page);
    await page.goto(`${kern.url}/destinations`);
    assert.equal(await page.textContent('h1'), t.title);
    await accessible(page, 'the list');
    await shot('empty');

    // Making one: the secret is shown once, and its receiver can check with it.
    receiver.answer = () => 200;
    receiver.taken.length = 0;
    await page.getByRole('button', { name: t.add }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(t.name, { exact: true }).fill('Mailtool');
    await dialog.getByLabel(t.url).fill('ftp://example.nl/');
    await dialog.getByRole('combobox', { name: t.segments }).or(dialog.getByLabel(t.segments)).first().click();
    await page.getByRole('option', { name: 'Trouwe klanten' }).click();
    await page.keyboard.press('Escape').catch(() => undefined);
    if (!(await dialog.isVisible())) throw new Error('Escape closed the dialogue');
    await dialog.getByRole('combobox', { name: t.purpose }).or(dialog.getByLabel(t.purpose)).first().click();
    await page.getByRole('option', { name: /^(Dienst|Service)/ }).click();
    await dialog.getByRole('button', { name: t.add }).click();
    await dialog.getByText('url must begin with https://').waitFor();
    await accessible(page, 'the form');
    await shot('form');
    await dialog.getByLabel(t.url).fill(receiver.url);
    await dialog.getByRole('button', { name: t.add }).click();
    const secret = await dialog.locator('.kern-code').textContent();
    assert.match(secret, /^whsec_/);
    await accessible(page, 'the secret');
    await shot('secret');
    await until(() => receiver.taken.length === 12);
    assert.ok(receiver.taken.every((c) => verify(secret, c.headers, c.raw)));
    await dialog.getByRole('button', { name: t.got }).click();
    await page.waitForURL(/\/destinations\/dst_/);
    await page.getByRole('heading', { level: 1, name: 'Mailtool' }).waitFor();
    assert.equal((await page.content()).includes(secret), false);

    await page.getByRole('button', { name: t.test, exact: true }).click();
    await page.getByText(t.ok).waitFor();
    assert.ok(receiver.taken.some((c) => c.body.type === 'destination.test' && verify(secret, c.headers, c.raw)));

    // Refused ones can be sent again.
    receiver.answer = () => 422;
    await kern.collect('/v1/identify', { userId: `nieuw-${locale}`, traits: { tier: 'gold' } });
    const again = page.getByRole('button', { name: t.all });
    await again.waitFor();
    await accessible(page, 'one destination');
    await shot('one');
    receiver.answer = () => 200;
    await again.click();
    await page.getByText(t.none).waitFor();
    await until(() => receiver.taken.length === 14);
    await page.goto(`${kern.url}/destinations`);
    await page.getByRole('link', { name: 'Mailtool' }).waitFor();
    await accessible(page, 'a full list');
    await shot('list');

    // A CSV link on the page of the segment.
    await page.goto(`${kern.url}/segments/vip`);
    await page.getByText(t.noLinks).waitFor();
    await page.getByRole('button', { name: t.links }).click();
    await dialog.getByRole('combobox', { name: t.purpose }).or(dialog.getByLabel(t.purpose)).first().click();
    await page.getByRole('option', { name: /^(Dienst|Service)/ }).click();
    await accessible(page, 'a link form');
    await dialog.getByRole('button', { name: t.links }).click();
    await dialog.getByRole('button', { name: t.got }).waitFor();
    const url = await dialog.locator('.kern-code').textContent();
    await shot('link');
    assert.match(await (await fetch(url)).text(), /^identifier\.email\r\n/);
    await dialog.getByRole('button', { name: t.got }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: new RegExp(`^${t.revoke}`) }).waitFor();
    await accessible(page, 'a segment with a link');
    await shot('segment');
    await page.getByRole('button', { name: new RegExp(`^${t.revoke}`) }).click();
    await page.getByText(t.noLinks).waitFor();
    assert.equal((await fetch(url)).status, 404);
    assert.deepEqual(page.complaints.filter((c) => !/422/.test(c)), []);
    const all = (await kern.ws('GET', '/destinations')).body.data;
    for (const d of all) await kern.ws('DELETE', `/destinations/${d.id}`);
    await kern.collect('/v1/identify', { userId: `nieuw-${locale}`, traits: { tier: null } });
    await page.context().close();
  });
}
