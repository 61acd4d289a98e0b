// One person in a real browser: the whole page, customer service, merging and splitting, why in or out; hostile content.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, launch, shoot, signIn, visit } from './browser.mjs';
import { Kern } from './kern.mjs';

const HOSTILE = '<img src=x onerror="document.title=\'broken\'"> ‮אבג 🧺 ' + 'x'.repeat(9980);
const LIBRARY = { library: { name: 'analytics.js' }, page: { url: 'https://shop.example.nl/?utm_source=nieuwsbrief&utm_medium=email&utm_campaign=week-47' } };
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1';
const kern = new Kern();
let browser;
const ids = {};
const ago = (hours) => new Date(Date.now() - hours * 3600e3).toISOString();

before(async () => {
  await kern.start();
  browser = await launch();
  const sanne = { userId: 'u1', anonymousId: 'a1' };
  const product = { product_id: 'p1', name: 'Alpine', brand: 'Noordpool', category: 'Tenten', price: 129.95, currency: 'EUR' };
  const batch = [
    { type: 'identify', ...sanne, timestamp: ago(900), traits: { firstName: 'Sanne', lastName: 'de Vries', email: 'sanne@example.nl', city: 'Gouda', loyalty: 12, note: HOSTILE }, context: { ...LIBRARY, userAgent: PHONE, consent: { categoryPreferences: { marketing_email: true } } } },
    { type: 'page', ...sanne, timestamp: ago(899), properties: { title: 'Wandelschoenen' }, context: { ...LIBRARY, userAgent: PHONE } },
    { type: 'track', event: 'Product Viewed', ...sanne, timestamp: ago(50), properties: product },
    { type: 'track', event: 'Order Completed', ...sanne, timestamp: ago(49), properties: { order_id: 'W-1001', revenue: 129.95, currency: 'EUR', products: [product] } },
    { type: 'track', event: HOSTILE.slice(0, 200), ...sanne, timestamp: ago(40), properties: { html: HOSTILE } },
    { type: 'identify', userId: 'u2', anonymousId: 'a2', traits: { name: 'Sanne de Vries-Bakker', email: 's.bakker@example.nl' } },
    { type: 'identify', userId: 'u3', anonymousId: 'a3', traits: { name: HOSTILE, email: 'lang@example.nl' } },
    { type: 'page', anonymousId: 'nobody-1', properties: {} },
  ];
  const r = await kern.collect('/v1/batch', { batch });
  for (const user of ['u1', 'u2', 'u3']) ids[user] = (await kern.profile('user_id', user, r.position)).id;
  await kern.ws('POST', '/segments', { key: 'kopers', name: 'Kopers', query: "event('Order Completed').within(30 days).count() >= 1 AND (trait('city') = 'Gouda' OR identifier('phone').exists()) AND NOT consent('advertising') = 'granted'" });
  for (let i = 0; i < 100; i++) {
    if ((await kern.ws('GET', '/segments/kopers')).body.status === 'ready') break;
    await new Promise((done) => setTimeout(done, 50));
  }
});
after(async () => {
  await browser?.close();
  await kern.end();
});

const TEXTS = {
  'nl-NL': { brand: 'Noordpool', points: /punten uit/, orders: 'Bestellingen', visits: 'Bezoeken', device: 'Telefoon', why: 'Waarom? Kopers', holds: 'klopt', next: /verandert dit/, all: 'Alles moet kloppen', history: 'Geschiedenis', fold: /Toon alles/, less: 'Toon minder', kinds: 'Alle soorten', notes: 'Notities', none: 'Geen gebeurtenissen.', activity: 'Bezoeken per maand' },
  'en-GB': { brand: 'Noordpool', points: /points from/, orders: 'Orders', visits: 'Visits', device: 'Phone', why: 'Why? Kopers', holds: 'holds', next: /this changes/, all: 'All must hold', history: 'History', fold: /Show all/, less: 'Show less', kinds: 'All kinds', notes: 'Notes', none: 'No events.', activity: 'Visits per month' },
};

for (const [locale, scheme] of [['nl-NL', 'light'], ['en-GB', 'dark']]) {
  test(`everything about one person (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const page = await visit(browser, kern, locale, scheme);
    page.setDefaultTimeout(10_000);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await signIn(page);
    await page.goto(`${kern.url}/profiles/${ids.u1}`);
    await page.getByText(t.points).first().waitFor();
    await page.getByRole('img', { name: new RegExp(t.activity) }).waitFor();
    await page.getByText(t.brand).first().waitFor();
    assert.equal(await page.locator('h1').textContent(), 'Sanne de Vries');
    // a value of ten thousand characters is folded, harmless, and opens
    const fold = page.getByRole('button', { name: t.fold }).first();
    await fold.waitFor();
    assert.ok((await page.locator('main').innerText()).length < 9000);
    await fold.click();
    await page.getByRole('button', { name: t.less }).first().click();
    assert.ok(!(await page.title()).includes('broken'));
    assert.equal(await page.locator('img[src="x"]').count(), 0);
    await page.getByRole('button', { name: t.history, exact: true }).click();
    await page.getByRole('list', { name: t.history }).waitFor();
    await accessible(page, 'a person');
    await shot('person');
    await page.getByRole('tab', { name: t.orders }).click();
    await page.getByText('W-1001').waitFor();
    await accessible(page, 'orders');
    await page.getByRole('tab', { name: t.visits }).click();
    await page.getByRole('cell', { name: new RegExp(`^${t.device}`) }).first().waitFor();
    await page.getByRole('cell', { name: /week-47/ }).first().waitFor();
    await accessible(page, 'visits');
    await shot('person-visits');
    await page.getByRole('tab').first().click();
    await page.getByRole('combobox', { name: t.kinds }).click();
    await page.getByRole('option', { name: t.notes }).click();
    await page.getByText(t.none).waitFor();
    // why in the segment
    await page.getByRole('button', { name: t.why }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(t.next).waitFor();
    await dialog.getByText(t.all).waitFor();
    assert.ok((await dialog.getByText(t.holds, { exact: true }).count()) >= 4);
    await accessible(page, 'why in a segment');
    await shot('person-why');
    await page.keyboard.press('Escape');
    // and for anybody, from the segment; by keyboard
    await page.goto(`${kern.url}/segments/kopers`);
    const find = page.getByPlaceholder(/klantnummer|customer number/);
    await find.fill('bakker');
    await page.getByRole('option', { name: /bakker/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByText(locale === 'nl-NL' ? 'Sanne de Vries-Bakker zit niet in deze doelgroep' : 'Sanne de Vries-Bakker is not in this segment').waitFor();
    await accessible(page, 'a segment with an explanation');
    await shot('segment-why');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('customer service: note, correction, mail, objection; each is seen at once', { timeout: 120000 }, async () => {
  const page = await visit(browser, kern, 'nl-NL', 'light');
  page.setDefaultTimeout(10_000);
  await signIn(page);
  await page.goto(`${kern.url}/profiles/${ids.u1}`);
  const act = async (name) => {
    await page.getByRole('button', { name: 'Acties' }).click();
    await page.getByRole('menuitem', { name }).click();
  };
  const dialog = page.getByRole('dialog');
  const save = (name = 'Opslaan') => dialog.getByRole('button', { name, exact: true }).click();
  await page.getByRole('button', { name: 'Acties' }).click();
  await page.getByRole('menuitem', { name: 'Notitie toevoegen' }).waitFor();
  await accessible(page, 'the menu of actions');
  await page.keyboard.press('Escape');
  await act('Notitie toevoegen');
  await accessible(page, 'a note');
  await dialog.getByLabel('Notitie').fill('Belde over de tent <b>x</b> ‮אבג 🧺');
  await save();
  await page.getByText(/Notitie van .*Belde over de tent <b>x<\/b>/).waitFor();
  await act('Gegeven corrigeren');
  await dialog.getByRole('combobox', { name: 'Kenmerk' }).fill('city');
  await page.getByRole('option', { name: 'city' }).click();
  assert.equal(await dialog.getByRole('textbox', { name: 'Nieuwe waarde' }).inputValue(), 'Gouda');
  await dialog.getByRole('textbox', { name: 'Nieuwe waarde' }).fill('Utrecht');
  await dialog.getByRole('textbox', { name: 'Reden' }).fill('Verhuisd');
  await save();
  await page.getByRole('row', { name: /city/ }).getByText('Utrecht').waitFor();
  await page.getByRole('row', { name: /city/ }).getByText(/een medewerker/).waitFor();
  await page.getByText(/corrigeerde city: Verhuisd/).waitFor();
  await act('Mail stoppen');
  await save('Mail stoppen');
  await page.getByRole('row', { name: /Marketing per e-mail/ }).getByText('Geweigerd').waitFor();
  await act('Bezwaar vastleggen');
  await accessible(page, 'an objection');
  await save('Bezwaar vastleggen');
  await page.getByRole('row', { name: /Advertenties/ }).getByText(/bezwaar/).waitFor();
  const now = (await kern.ws('GET', `/profiles/${ids.u1}`)).body;
  assert.equal(now.traits.city, 'Utrecht');
  assert.ok(now.consents.filter((c) => c.basis === 'objection').length >= 6);
  // a number stays a number
  await act('Gegeven corrigeren');
  await dialog.getByRole('combobox', { name: 'Kenmerk' }).fill('loyalty');
  await dialog.getByRole('textbox', { name: 'Nieuwe waarde' }).fill('13,5');
  await save();
  await page.getByText('loyalty is gecorrigeerd').waitFor();
  assert.equal((await kern.ws('GET', `/profiles/${ids.u1}`)).body.traits.loyalty, 13.5);
  // out as files
  await page.getByRole('button', { name: 'Acties' }).click();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Download als JSON' }).click()]);
  const stream = await file.createReadStream();
  let text = '';
  for await (const chunk of stream) text += chunk;
  const whole = JSON.parse(text);
  assert.equal(whole.profile.id, ids.u1);
  assert.ok(whole.orders.length === 1 && whole.events.length >= 6 && whole.consents.length >= 8);
  await page.getByRole('button', { name: 'Acties' }).click();
  const [sheet] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Download als CSV' }).click()]);
  assert.equal(sheet.suggestedFilename(), `${ids.u1}.csv`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('merging and splitting show their result first', { timeout: 120000 }, async () => {
  const page = await visit(browser, kern, 'en-GB', 'light');
  page.setDefaultTimeout(10_000);
  await signIn(page);
  await page.goto(`${kern.url}/profiles/${ids.u3}`);
  await page.getByRole('button', { name: 'Actions' }).waitFor();
  assert.ok((await page.locator('h1').textContent()).length < 200, 'a name of ten thousand characters');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 1280), 'nothing sticks out');
  await page.goto(`${kern.url}/profiles/${ids.u2}`);
  const act = async (name) => {
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name }).click();
  };
  const dialog = page.getByRole('dialog');
  // two known people are not made one
  await act('Merge');
  await dialog.getByLabel('Other profile').fill('sanne@');
  await page.getByRole('option', { name: /sanne@example/ }).click();
  await dialog.getByRole('alert').waitFor();
  await accessible(page, 'a merge that is refused');
  assert.ok(await dialog.getByRole('button', { name: 'Merge', exact: true }).isDisabled());
  await dialog.getByLabel('Other profile').fill('nobody-1');
  await page.getByRole('option', { name: /Unknown/ }).click();
  await dialog.getByText('The profile becomes').waitFor();
  await dialog.getByText('nobody-1').last().waitFor();
  await accessible(page, 'the result of a merge');
  await shoot(page, 'person-merge');
  await dialog.getByRole('button', { name: 'Merge', exact: true }).click();
  await page.getByText('The profiles are merged').waitFor();
  await page.getByText(/nobody-1/).first().waitFor();
  await act('Split');
  await dialog.getByLabel(/nobody-1/).check();
  await dialog.getByText('A new profile gets').waitFor();
  await accessible(page, 'the result of a split');
  await shoot(page, 'person-split');
  await dialog.getByRole('button', { name: 'Split', exact: true }).click();
  await page.getByText('The profile is split').waitFor();
  const apart = await kern.profile('anonymous_id', 'nobody-1');
  assert.notEqual(apart.id, ids.u2);
  assert.deepEqual(page.complaints.filter((c) => !/status of 409/.test(c)), []);
  await page.context().close();
});

test('the latest first; a phone; a role that sees no persons', { timeout: 60000 }, async () => {
  const page = await visit(browser, kern, 'nl-NL', 'dark', { width: 360, height: 740 });
  page.setDefaultTimeout(10_000);
  await signIn(page);
  await page.goto(`${kern.url}/profiles/${ids.u1}`);
  await page.getByText(/punten uit/).first().waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing sticks out');
  await accessible(page, 'a person on a phone');
  await shoot(page, 'person-phone');
  const { position } = await kern.collect('/v1/track', { anonymousId: 'nobody-1', event: 'Back' });
  await kern.profile('anonymous_id', 'nobody-1', position);
  await page.goto(`${kern.url}/profiles`);
  await page.locator('tbody a').first().waitFor();
  assert.equal(await page.locator('tbody a').first().textContent(), 'Onbekende bezoeker');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
