// Paths, overlap, comparison and favourites; conditions on steps, breakdowns, what is left out, pictures.
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
  await fillShop(kern);
  for (const [key, name, query] of [
    ['utrecht', 'Uit Utrecht', "trait('city') = 'Utrecht'"],
    ['carts', 'Met winkelwagen', "event('Product Added').count() >= 1"],
    ['buyers', 'Kopers', 'order().count() >= 1'],
  ]) {
    assert.equal((await kern.ws('POST', '/segments', { key, name, query })).status, 201);
  }
  for (const key of ['utrecht', 'carts', 'buyers']) {
    while ((await kern.ws('GET', `/segments/${key}`)).body.status !== 'ready');
  }
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await kern.end();
});

const TEXTS = {
  'nl-NL': { people: (n) => `${n} profielen`, close: 'Sluiten', filter: 'Voorwaarde', value: 'waarde', property: 'eigenschap', comparison: 'vergelijking', atLeast: 'ten minste', step: 'Stap 1', orders: 'Bestelling (elke één keer)', left: 'staat er niet bij', group: 'Groep', what: /Wat betekent/, brandHint: /geeft zijn merk 1 punt/ },
  'en-GB': { people: (n) => `${n} profiles`, close: 'Close', filter: 'Condition', value: 'value', property: 'property', comparison: 'comparison', atLeast: 'at least', step: 'Step 1', orders: 'Order (each once)', left: 'is not shown', group: 'Group', what: /What does/, brandHint: /gives its brand 1 point/ },
};

/** Opens the profiles behind a number and closes them again. */
async function opens(page, t, number, count) {
  await number.click();
  await page.getByRole('dialog').getByText(t.people(count)).waitFor();
  await page.getByRole('button', { name: t.close }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

for (const [locale, scheme] of [['nl-NL', 'light'], ['en-GB', 'dark']]) {
  test(`paths, overlap, comparison, favourites (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const page = await visit(browser, kern, locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await signIn(page);

    await page.goto(`${kern.url}/reports/paths?period=7&start=Product%20Viewed`);
    const path = page.locator('li', { hasText: 'Product Added' }).filter({ hasNotText: 'Order Completed' });
    await opens(page, t, path.getByRole('button'), 3);
    await accessible(page, 'paths');
    await shot('paths');

    await page.goto(`${kern.url}/reports/overlap?a=utrecht&b=carts&c=buyers`);
    const all = page.getByRole('row').nth(1);
    await all.getByRole('button', { name: '2' }).first().waitFor();
    // four of Utrecht and five with a cart; one with a cart is from elsewhere
    await opens(page, t, page.getByRole('row').last().getByRole('button').last(), 5);
    await accessible(page, 'overlap');
    await shot('overlap');

    await page.goto(`${kern.url}/reports/compare?segment=buyers&by=trait%3Acity`);
    const utrecht = page.getByRole('row', { name: /Utrecht/ });
    await utrecht.getByText('250').waitFor();
    await opens(page, t, utrecht.getByRole('button').last(), 4);
    await accessible(page, 'comparison');
    await shot('compare');

    await page.goto(`${kern.url}/reports/favourites`);
    const sint = page.getByRole('row', { name: /Sint/ });
    await opens(page, t, sint.getByRole('button').nth(1), 6);
    await page.getByRole('button', { name: t.what }).click();
    await page.getByText(t.brandHint).waitFor();
    await accessible(page, 'favourites, with the definition of the figure');
    await shot('favourites');
    const [picture] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'PNG' }).click()]);
    assert.equal(readFileSync(await picture.path()).subarray(1, 4).toString(), 'PNG');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test(`conditions and breakdowns (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const page = await visit(browser, kern, locale, scheme);
    await signIn(page);
    const steps = encodeURIComponent(JSON.stringify(['Product Viewed', { orders: true }]));
    await page.goto(`${kern.url}/reports/funnel?period=7&steps=${steps}`);
    await page.getByRole('button', { name: '10', exact: true }).waitFor();
    assert.equal(await page.getByRole('combobox', { name: `${t.step[0]}tap 2` }).or(page.getByLabel(t.step.replace('1', '2'))).first().inputValue(), t.orders);

    // a condition on the first step: price of at least 50
    const conditions = page.getByRole('group', { name: /Product Viewed/ });
    await conditions.getByRole('button', { name: t.filter }).click();
    await conditions.getByLabel(t.property, { exact: true }).fill('price');
    await page.keyboard.press('Escape');
    await conditions.getByLabel(t.comparison, { exact: true }).click();
    await page.getByRole('option', { name: t.atLeast }).click();
    await conditions.getByLabel(t.value, { exact: true }).fill('50');
    await page.getByRole('button', { name: '5', exact: true }).first().waitFor();
    await page.waitForURL(/at_least/);
    await accessible(page, 'conditions on a step');
    await shoot(page, `funnel-conditions-${locale}-${scheme}`);
    await page.reload();
    await page.getByRole('button', { name: '5', exact: true }).first().waitFor();

    // retention by a trait: the group is chosen, its cells open
    await page.goto(`${kern.url}/reports/retention?period=7&unit=day&first=Product%20Viewed&return=Product%20Added&by=trait%3Acity`);
    await page.getByRole('button', { name: '10', exact: true }).waitFor();
    await page.getByRole('combobox', { name: t.group }).or(page.getByLabel(t.group)).first().click();
    await page.getByRole('option', { name: 'Utrecht' }).click();
    await opens(page, t, page.getByRole('button', { name: '4', exact: true }), 4);
    await accessible(page, 'retention by group');
    await shoot(page, `retention-groups-${locale}-${scheme}`);

    // by itself retention counts orders, each once: the two that were told twice are two
    await page.goto(`${kern.url}/reports/retention?period=7&unit=day`);
    await page.getByRole('button', { name: '2', exact: true }).waitFor();
    assert.equal(await page.locator(`input[value="${t.orders}"]`).count(), 2);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('groups that are left out are told, and can be shown', { timeout: 60000 }, async () => {
  const at = new Date(Date.now() - 60_000).toISOString();
  const batch = Array.from({ length: 23 }, (_, i) => ({ userId: 'reader', type: 'track', event: 'Read', timestamp: at, sentAt: at, properties: { page: `p${i}` } }));
  const r = await kern.collect('/v1/batch', { batch });
  assert.equal(r.status, 200);
  await kern.profile('user_id', 'reader', r.position);
  const page = await visit(browser, kern, 'nl-NL', 'light');
  await signIn(page);
  await page.goto(`${kern.url}/reports/series?period=7&event=Read&by=property%3Apage`);
  await page.getByText('3 kleinere groepen staan er niet bij.').waitFor();
  await accessible(page, 'groups left out');
  await page.getByRole('button', { name: 'Meer tonen' }).click();
  await page.getByText('kleinere groepen').waitFor({ state: 'detached' });
  assert.equal(await page.locator('thead th').count(), 24);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('on a phone nothing sticks out; addresses that make no sense', { timeout: 60000 }, async () => {
  const page = await visit(browser, kern, 'nl-NL', 'dark', { width: 360, height: 740 });
  await signIn(page);
  for (const path of ['paths', 'overlap?a=utrecht&b=carts', 'compare?segment=buyers&by=trait%3Acity', 'favourites', 'retention?first=Product%20Viewed&return=']) {
    await page.goto(`${kern.url}/reports/${path}`);
    await page.locator('table, ol').first().waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), `${path}: nothing sticks out`);
    await shoot(page, `phone-${path.split('?')[0]}`);
  }
  await page.goto(`${kern.url}/reports/paths?events=%7B&length=99`);
  await page.getByRole('alert').waitFor();
  await page.goto(`${kern.url}/reports/funnel?steps=${encodeURIComponent('[{"event":7,"where":[["a"],[1,2],null,["b","equals",{}]]},null]')}`);
  await page.locator('h1').waitFor();
  await page.goto(`${kern.url}/reports/compare?segment=nobody`);
  await page.getByRole('alert').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
