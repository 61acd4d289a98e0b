// A new directory, as a new user meets it: connect, see the first event arrive, build the first segment.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, launch, shoot, signIn, visit } from './browser.mjs';
import { Kern } from './kern.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const TEXTS = {
  'nl-NL': { welcome: 'Welkom bij Kern', waiting: /Wachten op de eerste/, refused: /geweigerd werd/, arrived: 'Daar is hij', build: 'Doelgroep maken', overview: 'Naar het overzicht', resume: 'Verder met instellen', ready: /klaar/, template: 'Deze week actief', name: 'Naam', save: 'Opslaan', status: 'Actueel', home: 'Overzicht', first: 'Maak uw eerste doelgroep', send: 'Stuur naar mijn ontwikkelaar' },
  'en-GB': { welcome: 'Welcome to Kern', waiting: /Waiting for the first/, refused: /was refused/, arrived: 'Here it is', build: 'Build a segment', overview: 'To the overview', resume: 'Go on setting up', ready: /done/, template: 'Active this week', name: 'Name', save: 'Save', status: 'Up to date', home: 'Overview', first: 'Build your first segment', send: 'Send to my developer' },
};

for (const [locale, scheme, size] of [['nl-NL', 'light', undefined], ['en-GB', 'dark', { width: 360, height: 740 }]]) {
  test(`from an empty directory to a first segment (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const t = TEXTS[locale];
    const kern = new Kern();
    await kern.start();
    try {
      const page = await visit(browser, kern, locale, scheme, size);
      page.setDefaultTimeout(10_000);
      await signIn(page);
      await page.getByRole('heading', { name: t.welcome }).waitFor();
      await page.getByText(t.waiting).waitFor();
      await page.getByRole('link', { name: t.send }).waitFor();
      assert.equal(await page.getByRole('link', { name: t.build }).count(), 0, 'not before there is anything');
      await accessible(page, 'the first steps');
      await shoot(page, `first-run-${locale}-${scheme}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), 'nothing sticks out');
      // a mistake is told at once, then the right one arrives by itself
      await kern.collect('/v1/track', { event: 'Nobody' });
      await page.getByText(t.refused).waitFor();
      await kern.collect('/v1/page', { anonymousId: 'first', properties: { title: '<b>Home</b> ‮אבג 🧺' + 'x'.repeat(9000) } });
      await page.getByText(t.arrived).waitFor();
      await page.getByText(/<b>Home<\/b>/).waitFor();
      await page.getByText(t.ready).first().waitFor();
      await accessible(page, 'the first event');
      await shoot(page, `first-event-${locale}-${scheme}`);
      // away and back again, until there is a segment
      await page.getByRole('link', { name: t.overview }).click();
      await page.getByRole('heading', { name: t.home, level: 1 }).waitFor();
      await page.getByText(t.resume).waitFor();
      await accessible(page, 'the overview on the way');
      await page.getByRole('link', { name: t.first }).click();
      await page.getByRole('link', { name: t.build }).click();
      await page.getByRole('button', { name: t.template }).click();
      await page.getByRole('textbox', { name: t.name, exact: false }).first().fill('Mijn eerste');
      await page.getByRole('button', { name: t.save }).click();
      await page.getByText(t.status).waitFor();
      await page.goto(kern.url);
      await page.getByRole('heading', { name: t.home, level: 1 }).waitFor();
      assert.equal(await page.getByText(t.resume).count(), 0);
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    } finally {
      await kern.end();
    }
  });
}
