// Saving reports, dashboards of them, notes on charts, alerts with their bell: as a marketer does it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, launch, shoot, signIn, visit } from './browser.mjs';
import { Kern } from './kern.mjs';
import { fillShop } from './shop.mjs';

const kern = new Kern();
let browser;

before(async () => {
  await kern.start();
  await fillShop(kern);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await kern.end();
});

const TEXTS = {
  'nl-NL': {
    keep: 'Bewaren', save: 'Opslaan', saveChanges: 'Wijzigingen bewaren', name: 'Naam', newBoard: 'Nieuw dashboard', addReport: 'Rapport toevoegen', arrange: 'Indelen', onDashboard: 'Ook op dashboard', measure: 'Maat', profiles: 'Aantal profielen',
    wider: '“Trechter NL” breder', moveBack: '“Trechter NL” naar voren', rename: 'Naam van “Bezoekers nl” wijzigen', remove: '“Bezoekers nieuw nl” verwijderen', confirm: 'Verwijderen', noneSaved: 'Nog geen bewaarde rapporten', noBoards: 'Nog geen dashboards',
    takeOff: '“Bezoekers nieuw nl” van het dashboard halen', heldBy: /shows it/, note: 'Notitie', noteText: 'Wat gebeurde er', noteDate: 'Datum', removeNote: '“Actie nl” verwijderen', changed: 'Iemand anders wijzigde dit',
    visitors: 'Bezoekers nl', renamed: 'Bezoekers nieuw nl', funnel: 'Trechter NL',
    alerts: 'Meldingen', newAlert: 'Nieuwe melding', kind: 'Waarop letten we', silent: 'Een databron zwijgt', source: 'Databron', hours: 'Na zoveel uur', quiet: 'Rustig', bell: /niets aan de hand/, fires: /1 gaat af/, all: 'Alle meldingen', segment: 'Een doelgroep verandert', off: 'Uit', segmentLabel: 'Doelgroep',
  },
  'en-GB': {
    keep: 'Keep', save: 'Save', saveChanges: 'Save changes', name: 'Name', newBoard: 'New dashboard', addReport: 'Add a report', arrange: 'Arrange', onDashboard: 'Also on dashboard', measure: 'Measure', profiles: 'Profiles',
    wider: 'Make “Funnel EN” wider', moveBack: 'Move “Funnel EN” back', rename: 'Rename “Visitors en”', remove: 'Delete “Visitors new en”', confirm: 'Delete', noneSaved: 'No saved reports yet', noBoards: 'No dashboards yet',
    takeOff: 'Take “Visitors new en” off the dashboard', heldBy: /shows it/, note: 'Note', noteText: 'What happened', noteDate: 'Date', removeNote: 'Delete “Action en”', changed: 'Somebody else changed this',
    visitors: 'Visitors en', renamed: 'Visitors new en', funnel: 'Funnel EN',
    alerts: 'Alerts', newAlert: 'New alert', kind: 'What to watch', silent: 'A source is silent', source: 'Source', hours: 'After so many hours', quiet: 'Quiet', bell: /all is well/, fires: /1 is firing/, all: 'All alerts', segment: 'A segment changes', off: 'Off', segmentLabel: 'Segment',
  },
};

const dialog = (page) => page.getByRole('dialog');
const field = (scope, name) => scope.getByLabel(name).and(scope.locator('input, textarea')).first();

async function choose(page, scope, label, option) {
  await field(scope, label).click();
  await page.getByRole('option', { name: option }).click();
}

for (const [locale, scheme] of [['nl-NL', 'light'], ['en-GB', 'dark']]) {
  test(`reports are kept and put on a dashboard (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const page = await visit(browser, kern, locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await signIn(page);
    await page.goto(`${kern.url}/reports/saved`);
    await page.getByRole('heading', { name: t.noneSaved }).waitFor();
    await accessible(page, 'nothing saved');
    await page.goto(`${kern.url}/dashboards`);
    await page.getByRole('heading', { name: t.noBoards }).waitFor();
    await accessible(page, 'no dashboards');
    await shot('dashboards-empty');
    await page.getByRole('button', { name: t.newBoard }).click();
    await field(dialog(page), t.name).fill(`Team ${locale}`);
    await accessible(page, 'a new dashboard');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/dashboards\/das_/);
    const board = page.url();
    await accessible(page, 'an empty dashboard');

    // a report is kept, changed and saved again; its address opens the same
    await page.goto(`${kern.url}/reports/series?period=7&event=Product%20Viewed`);
    await page.getByRole('button', { name: t.keep }).click();
    await field(dialog(page), t.name).fill(t.visitors);
    await choose(page, dialog(page), t.onDashboard, `Team ${locale}`);
    await page.getByRole('button', { name: t.save, exact: true }).click();
    await page.waitForURL(/saved=rep_/);
    await choose(page, page, t.measure, t.profiles);
    await page.getByRole('button', { name: t.saveChanges }).click();
    await page.getByRole('button', { name: t.saveChanges }).waitFor({ state: 'detached' });
    await accessible(page, 'a report that is kept');
    await shot('report-saved');

    // somebody else was there first: told, and nothing is lost
    const id = new URL(page.url()).searchParams.get('saved');
    const stands = (await kern.ws('GET', `/reports/saved/${id}`)).body;
    assert.deepEqual(stands.settings, { period: '7', event: 'Product Viewed', measure: 'profiles' });
    assert.equal((await kern.ws('PUT', `/reports/saved/${id}`, { ...stands, settings: { ...stands.settings, period: '30' } })).status, 200);
    await choose(page, page, t.measure, /^(Totaal|Total)$/);
    await page.getByRole('button', { name: t.saveChanges }).click();
    await page.getByText(t.changed).waitFor();
    assert.equal((await kern.ws('GET', `/reports/saved/${id}`)).body.settings.period, '30');

    // the list: rename
    await page.goto(`${kern.url}/reports/saved`);
    await page.getByRole('button', { name: t.rename }).click();
    await field(dialog(page), t.name).fill(t.renamed);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: t.renamed }).waitFor();
    await accessible(page, 'saved reports');
    await shot('reports-saved');
    // on a dashboard it cannot go
    await page.getByRole('button', { name: t.remove }).click();
    await dialog(page).getByRole('button', { name: t.confirm }).click();
    await page.getByText(t.heldBy).first().waitFor();

    // a second one by the API; arranged with buttons
    const steps = JSON.stringify(['Product Viewed', 'Product Added', { orders: true }]);
    assert.equal((await kern.ws('POST', '/reports/saved', { name: t.funnel, kind: 'funnel', settings: { period: '7', steps } })).status, 201);
    await page.goto(board);
    await page.getByRole('region', { name: t.renamed }).first().waitFor();
    await page.getByRole('button', { name: t.arrange }).click();
    await choose(page, page, t.addReport, t.funnel);
    await page.getByRole('button', { name: t.moveBack }).click();
    await page.getByRole('button', { name: t.wider }).click();
    await accessible(page, 'arranging a dashboard');
    await shot('dashboard-arrange');
    await page.getByRole('button', { name: t.save, exact: true }).click();
    await page.getByRole('button', { name: t.arrange }).waitFor();
    await page.reload();
    await page.locator('.kern-board h2').nth(1).waitFor();
    assert.deepEqual(await page.locator('.kern-board h2').allTextContents(), [t.funnel, t.renamed]);
    // its numbers open people too
    await page.getByRole('button', { name: '10', exact: true }).first().click();
    await dialog(page).getByRole('link', { name: 'Shopper 7' }).waitFor();
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'detached' });
    await accessible(page, 'a dashboard');
    await shot('dashboard');

    // taken off, the report may go
    await page.getByRole('button', { name: t.arrange }).click();
    await page.getByRole('button', { name: t.takeOff }).click();
    await page.getByRole('button', { name: t.save, exact: true }).click();
    await page.getByRole('button', { name: t.arrange }).waitFor();
    await page.goto(`${kern.url}/reports/saved`);
    await page.getByRole('button', { name: t.remove }).click();
    await dialog(page).getByRole('button', { name: t.confirm }).click();
    await page.getByRole('link', { name: t.renamed }).waitFor({ state: 'detached' });
    // clean for the other language
    for (const path of ['/dashboards', '/reports/saved']) {
      for (const d of (await kern.ws('GET', path)).body.data) assert.equal((await kern.ws('DELETE', `${path}/${d.id}`)).status, 204);
    }
    assert.deepEqual(page.complaints.filter((c) => !/status of 409/.test(c)), []);
    await page.context().close();
  });

  test(`notes and alerts (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const words = locale === 'nl-NL' ? 'Actie nl' : 'Action en';
    const page = await visit(browser, kern, locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await signIn(page);
    await page.goto(`${kern.url}/reports/series?period=7&event=Product%20Viewed`);
    await page.getByRole('button', { name: t.note, exact: true }).click();
    await field(dialog(page), t.noteText).fill(words);
    await accessible(page, 'a new note');
    await page.getByRole('button', { name: t.save, exact: true }).click();
    await page.locator('.kern-mark-line').waitFor();
    await page.locator('section').getByText(words).waitFor();
    await accessible(page, 'a note on a chart');
    await shot('series-note');
    await page.getByRole('button', { name: t.removeNote }).click();
    await dialog(page).getByRole('button', { name: t.confirm }).click();
    await page.locator('.kern-mark-line').waitFor({ state: 'detached' });

    await page.getByRole('button', { name: t.bell }).click();
    await page.getByRole('link', { name: t.all }).click();
    await page.waitForURL(/\/alerts$/);
    await accessible(page, 'no alerts');
    await page.getByRole('button', { name: t.newAlert }).first().click();
    await choose(page, dialog(page), t.kind, t.silent);
    await field(dialog(page), t.source).click();
    await page.getByRole('option').first().click();
    await field(dialog(page), t.name).fill('Bron <b>');
    await accessible(page, 'a new alert');
    await shot('alert-new');
    await page.getByRole('button', { name: t.save, exact: true }).click();
    await page.getByRole('row', { name: /Bron <b>/ }).getByText(t.quiet, { exact: true }).waitFor();

    // a segment that one day ago had nobody is not held against anything
    const firing = await kern.ws('POST', '/alerts', { name: 'Geen bestelling', kind: 'no_orders', hours: 1 });
    assert.equal(firing.body.state, 'ok');
    await page.reload();
    await page.getByRole('row', { name: /Geen bestelling/ }).waitFor();
    await page.getByRole('row', { name: /Bron <b>/ }).getByRole('switch').press('Space');
    await page.getByRole('row', { name: /Bron <b>/ }).getByText(t.off, { exact: true }).waitFor();
    await accessible(page, 'alerts');
    await shot('alerts');
    for (const d of (await kern.ws('GET', '/alerts')).body.data) assert.equal((await kern.ws('DELETE', `/alerts/${d.id}`)).status, 204);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('the bell rings when nothing is ordered', { timeout: 60000 }, async () => {
  const start = '2026-11-23T10:00:00Z';
  const quiet = await new Kern(['--clock', 'manual', '--clock-start', start]).start();
  try {
    const r = await quiet.collect('/v1/track', { userId: 'a', event: 'Order Completed', properties: { order_id: 'o', revenue: 5 }, timestamp: start, sentAt: start });
    await quiet.profile('user_id', 'a', r.position);
    assert.equal((await quiet.ws('POST', '/alerts', { name: 'Twee uur stil', kind: 'no_orders', hours: 2 })).status, 201);
    assert.equal((await quiet.api('POST', '/api/v1/clock', { now: '2026-11-23T13:00:00Z' })).status, 200);
    const page = await visit(browser, quiet, 'nl-NL', 'light', { width: 360, height: 740 });
    await signIn(page);
    await page.getByRole('button', { name: TEXTS['nl-NL'].fires }).click();
    await page.getByText('Twee uur stil').waitFor();
    await page.getByText(/Laatste bestelling/).waitFor();
    await accessible(page, 'the bell');
    await shoot(page, 'bell-phone');
    await page.getByRole('link', { name: TEXTS['nl-NL'].all }).click();
    await page.getByRole('row', { name: /Twee uur stil/ }).waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing sticks out');
    await shoot(page, 'alerts-phone');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  } finally {
    await quiet.end();
  }
});

test('a dashboard on a phone; an analyst looks and keeps nothing', { timeout: 60000 }, async () => {
  const report = (await kern.ws('POST', '/reports/saved', { name: 'Klantbehoud', kind: 'retention', settings: { period: '30', first: 'Product Viewed', return: '' } })).body;
  const board = (await kern.ws('POST', '/dashboards', { name: 'Telefoon', items: [{ report: report.id, width: 2 }] })).body;
  const invited = await kern.api('POST', '/api/v1/users', { email: 'analist@example.nl', name: 'Analist', role: 'analyst' });
  assert.equal(invited.status, 201, JSON.stringify(invited.body));
  const accepted = await kern.api('POST', '/api/v1/invite', { invite: invited.body.invite, password: 'correct horse battery' });
  assert.equal(accepted.status, 200, JSON.stringify(accepted.body));
  const page = await visit(browser, kern, 'nl-NL', 'dark', { width: 360, height: 740 });
  await page.fill('input[name=email]', 'analist@example.nl');
  await page.fill('input[name=password]', 'correct horse battery');
  await page.click('button[type=submit]');
  await page.locator('input[name=email]').waitFor({ state: 'detached' });
  await page.goto(`${kern.url}/dashboards/${board.id}`);
  await page.getByRole('columnheader', { name: 'Profielen' }).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing sticks out');
  assert.equal(await page.getByRole('button', { name: 'Indelen' }).count(), 0);
  await accessible(page, 'a dashboard on a phone');
  await shoot(page, 'dashboard-phone');
  await page.goto(`${kern.url}/reports/series`);
  await page.locator('table').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Bewaren' }).count(), 0);
  await page.goto(`${kern.url}/dashboards/das_nothing`);
  await page.getByRole('heading', { name: 'Dit dashboard bestaat niet (meer)' }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
