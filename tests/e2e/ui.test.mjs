// The web UI in a real browser, in both languages and appearances: flows, accessibility, hostile content.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, launch, shoot, signIn, visit } from './browser.mjs';
import { Kern } from './kern.mjs';

const HOSTILE = '<img src=x onerror="document.title=\'broken\'"> ‮אבג 🧺 ' + 'x'.repeat(9000);
const kern = new Kern();
let browser;

before(async () => {
  await kern.start();
  browser = await launch();
  const batch = [
    { type: 'identify', userId: 'u1', anonymousId: 'a1', traits: { firstName: 'Sanne', lastName: 'de Vries', email: 'sanne@example.nl', note: HOSTILE } },
    { type: 'page', userId: 'u1', anonymousId: 'a1', properties: { title: 'Wandelschoenen', url: 'https://shop.example.nl/wandelschoenen' } },
    { type: 'track', event: 'Product Viewed', userId: 'u1', properties: { product_id: 'p1', name: 'Alpine', price: 129.95, currency: 'EUR' } },
    { type: 'track', event: 'Order Completed', userId: 'u1', properties: { order_id: 'o1', revenue: 129.95, currency: 'EUR' } },
    { type: 'track', event: HOSTILE.slice(0, 200), userId: 'u1', properties: { html: HOSTILE } },
    ...Array.from({ length: 260 }, (_, i) => ({ type: 'page', anonymousId: `visitor-${i}`, properties: {} })),
    { type: 'track', userId: 'u2' },
  ];
  const r = await kern.collect('/v1/batch', { batch });
  assert.equal(r.status, 200);
  assert.ok(await kern.profile('user_id', 'u1', r.position));
});

after(async () => {
  await browser?.close();
  await kern.end();
});

const open = (locale, scheme, size) => visit(browser, kern, locale, scheme, size);

// Home comes first; these tests begin at the profiles.
async function toProfiles(page) {
  await signIn(page);
  await page.goto(`${kern.url}/profiles`);
  await page.waitForSelector('tbody a');
}

const TEXTS = {
  'nl-NL': { profiles: 'Profielen', wrong: /klopt niet/, viewed: 'Bekeek Alpine, € 129,95', ordered: 'Bestelde voor € 129,95', nobody: /Niemand gevonden/, refused: /Wat is geweigerd/ },
  'en-GB': { profiles: 'Profiles', wrong: /not right/, viewed: 'Viewed Alpine, €129.95', ordered: 'Ordered for €129.95', nobody: /Nobody found/, refused: /What was refused/ },
};

for (const [locale, scheme] of [['nl-NL', 'light'], ['en-GB', 'dark']]) {
  test(`from signing in to a person's timeline (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const page = await open(locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await page.waitForSelector('input[name=email]');
    await accessible(page, 'sign in');
    await page.fill('input[name=email]', 'admin@example.nl');
    await page.fill('input[name=password]', 'wrong');
    await page.click('button[type=submit]');
    assert.match(await page.textContent('[role=alert]'), t.wrong);
    await shot('sign-in');
    await toProfiles(page);
    assert.equal(await page.textContent('h1'), t.profiles);
    await accessible(page, 'profiles');
    await shot('profiles');
    // scrolling brings all of them, without a row for each in the page
    for (let i = 0; i < 40; i++) {
      await page.mouse.wheel(0, 2000);
      await page.waitForTimeout(40);
    }
    assert.ok((await page.locator('tbody tr').count()) < 60);
    assert.match(await page.textContent('[role=status]'), /261/);
    await page.fill('input[type=search]', 'nobody at all');
    await page.getByText(t.nobody).waitFor();
    await page.fill('input[type=search]', 'sanne');
    await page.getByRole('link', { name: 'Sanne de Vries' }).click();
    await page.getByText(t.viewed).waitFor();
    await page.getByText(t.ordered).waitFor();
    assert.ok(!(await page.title()).includes('broken'));
    assert.equal(await page.locator('img[src="x"]').count(), 0);
    await accessible(page, 'profile');
    await shot('profile');
    await page.goto(`${kern.url}/sources`);
    await page.locator('tbody a').first().click();
    await page.getByRole('heading', { name: t.refused }).waitFor();
    await page.locator('pre').first().waitFor();
    await accessible(page, 'source');
    await shot('source');
    await page.goto(`${kern.url}/settings`);
    await page.locator('input[name=currency]').waitFor();
    await accessible(page, 'settings');
    await shot('settings');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

const AUDIENCES = {
  'nl-NL': { template: 'Kijkt veel, bestelt niet', name: 'Naam', save: 'Opslaan', text: 'Tekst', sentences: 'Zinnen', ready: 'Actueel', entered: /kwam erbij/, change: 'Wijzigen', remove: 'Verwijderen', empty: /Nog geen doelgroepen/, add: 'Voorwaarde', trait: 'Kenmerk', expected: /verwacht|expected/ },
  'en-GB': { template: 'Looks a lot, does not order', name: 'Name', save: 'Save', text: 'Text', sentences: 'Sentences', ready: 'Up to date', entered: /came in/, change: 'Change', remove: 'Delete', empty: /No segments yet/, add: 'Condition', trait: 'Trait', expected: /expected/ },
};

for (const [locale, scheme] of [['nl-NL', 'dark'], ['en-GB', 'light']]) {
  test(`a segment from an example to its members (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = AUDIENCES[locale];
    const before = (await kern.ws('POST', '/segments/preview', { query: "event('Product Viewed').count() >= 1" })).body.size;
    const page = await open(locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await toProfiles(page);
    await page.goto(`${kern.url}/segments`);
    await page.getByText(t.empty).waitFor();
    await accessible(page, 'no segments');
    await page.goto(`${kern.url}/segments/new`);
    await page.getByRole('button', { name: t.template }).click();
    await page.getByRole('textbox', { name: t.name, exact: false }).first().fill('Kijkers');
    const size = page.locator('[aria-live=polite]');
    await size.getByText('0', { exact: true }).first().waitFor();
    await accessible(page, 'the builder');
    await shot('segment-new');
    // as text, wrong, and right again
    await page.getByText(t.text, { exact: true }).click();
    const text = page.locator('textarea').first();
    await text.fill("event('Product Viewed').cuont() >= 1");
    await size.getByText(/count/).waitFor();
    await text.fill("event('Product Viewed').count() >= 1");
    await size.getByText(String(before), { exact: true }).first().waitFor();
    await page.getByText(t.sentences, { exact: true }).click();
    await page.getByRole('button', { name: t.save }).click();
    await page.getByText(t.ready).waitFor();
    await page.getByRole('link', { name: 'Sanne de Vries' }).first().waitFor();
    await accessible(page, 'a segment');
    await shot('segment');
    // somebody else does it: in at once, without a reload
    const r = await kern.collect('/v1/track', { event: 'Product Viewed', userId: `late-${locale}`, traits: {}, properties: { name: 'Alpine' } });
    assert.equal(r.status, 200);
    await page.getByText(String(before + 1), { exact: true }).first().waitFor();
    await page.getByText(t.entered).first().waitFor();
    await page.getByRole('link', { name: t.change, exact: true }).click();
    await page.getByRole('button', { name: t.save }).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: t.remove }).click();
    await page.getByRole('dialog').getByRole('button', { name: t.remove }).click();
    await page.getByText(t.empty).waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('a phone, the keyboard alone, unknown addresses', { timeout: 60000 }, async () => {
  const page = await open('nl-NL', 'light', { width: 360, height: 740 });
  await toProfiles(page);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing sticks out');
  await shoot(page, 'profiles-phone');
  await accessible(page, 'profiles on a phone');
  await page.keyboard.press('Tab');
  await page.goto(`${kern.url}/profiles/0000000000000000000000000a`);
  await page.getByText('Dit profiel bestaat niet').waitFor();
  await page.goto(`${kern.url}/no/such/page`);
  await page.waitForURL((url) => url.pathname === '/');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('what is served, and to whom', async () => {
  const html = await fetch(`${kern.url}/profiles`, { headers: { Accept: 'text/html' } });
  const policy = html.headers.get('content-security-policy');
  const nonce = /'nonce-([^']+)'/.exec(policy)[1];
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self' 'nonce-/);
  assert.doesNotMatch(policy, /unsafe/);
  const text = await html.text();
  assert.ok(text.includes(`content="${nonce}"`));
  const again = await (await fetch(kern.url)).text();
  assert.ok(!again.includes(nonce));
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(text)[1];
  const packed = await fetch(kern.url + script);
  assert.equal(packed.headers.get('content-encoding'), 'gzip');
  assert.match(packed.headers.get('cache-control'), /immutable/);
  const plain = await fetch(kern.url + script, { headers: { 'Accept-Encoding': 'identity' } });
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.equal(await plain.text(), await packed.text());
  // programs get what programs expect
  assert.equal((await fetch(`${kern.url}/assets/none.js`, { headers: { Accept: 'text/html' } })).status, 404);
  assert.equal((await fetch(`${kern.url}/api/v1/none`, { headers: { Accept: 'text/html' } })).status, 404);
  assert.equal((await fetch(`${kern.url}/none`)).status, 404);
  assert.equal((await fetch(`${kern.url}/profiles`, { method: 'POST' })).status, 404);
});
