// Accounts in a real browser: invitations, roles, second factor, sessions, tokens, mail, audit log; both languages.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { accessible, launch, shoot, visit } from './browser.mjs';
import { Kern, freePort } from './kern.mjs';
import { codeOf } from './totp.mjs';

const kern = new Kern();
let browser;
let smtp;
let smtpPort;

before(async () => {
  await kern.start();
  browser = await launch();
  smtpPort = await freePort();
  smtp = new SMTPServer({ disabledCommands: ['STARTTLS'], authOptional: true, onData: (stream, session, done) => stream.resume().on('end', done) });
  await new Promise((resolve) => smtp.listen(smtpPort, '127.0.0.1', resolve));
  const sent = await kern.collect('/v1/identify', { userId: 'u1', traits: { email: 'klant@example.nl', firstName: 'Fenna', lastName: 'Bos' } });
  assert.ok(await kern.profile('user_id', 'u1', sent.position));
});

after(async () => {
  await browser?.close();
  await new Promise((resolve) => smtp.close(resolve));
  await kern.end();
});

async function signIn(page, email, password) {
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.click('button[type=submit]');
}

async function settings(page, path) {
  await page.goto(`${kern.url}/settings${path}`);
  await page.locator('.kern-subnav').waitFor();
}

const TEXTS = {
  'nl-NL': { invite: 'Uitnodigen', close: 'Sluiten', analyst: 'Analist', profiles: 'Profielen', actions: /Acties voor/, block: 'Blokkeren', blocked: 'Geblokkeerd', remove: 'Verwijderen', setUp: 'Instellen', confirm: 'Bevestigen', kept: 'Ik heb ze bewaard', endOthers: 'Alle andere beëindigen', make: 'Sleutel maken', export: 'Exporteren', revoke: 'Intrekken', save: 'Opslaan', send: 'Versturen', taken: /heeft de testmail aangenomen/, failed: /niet aangenomen/, saw: /Bekeek een persoon/, kind: 'Soort', changes: 'Wijziging', invited: /Nodigde iemand uit/, forgotten: 'Wachtwoord vergeten?', mayBe: /Als er een account is/, gone: /werkt niet meer/, wrongCode: /klopt niet of is al gebruikt/, none: 'Geen, alleen op deze machine', security: 'Beveiliging', last: /laatste eigenaar|last owner/, priority: /Hoogstens per profiel/ },
  'en-GB': { invite: 'Invite', close: 'Close', analyst: 'Analyst', profiles: 'Profiles', actions: /Actions for/, block: 'Block', blocked: 'Blocked', remove: 'Remove', setUp: 'Set up', confirm: 'Confirm', kept: 'I have kept them', endOthers: 'End all others', make: 'Make a token', export: 'Export', revoke: 'Revoke', save: 'Save', send: 'Send', taken: /has taken the test mail/, failed: /was not taken/, saw: /Looked at a person/, kind: 'Kind', changes: 'Change', invited: /Invited somebody/, forgotten: 'Forgot your password?', mayBe: /If there is an account/, gone: /does not work any more/, wrongCode: /not right or was used/, none: 'None, on this machine only', security: 'Encryption', last: /last owner/, priority: /At most per profile/ },
};

for (const [locale, scheme, who] of [['nl-NL', 'light', 'sanne'], ['en-GB', 'dark', 'tom']]) {
  const t = TEXTS[locale];
  const email = `${who}@example.nl`;
  let link;

  test(`an owner invites, makes a token, sets mail and reads the audit log (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const page = await visit(browser, kern, locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await page.waitForSelector('input[name=email]');
    await page.getByRole('button', { name: t.forgotten }).click();
    await page.fill('input[name=email]', 'nobody@example.nl');
    await page.click('button[type=submit]');
    await page.getByText(t.mayBe).waitFor();
    await accessible(page, 'forgotten');
    await shot('forgotten');
    await page.getByRole('button', { name: /inloggen|signing in/ }).click();
    await signIn(page, 'admin@example.nl', 'correct horse');
    await page.locator('nav').first().waitFor();

    await settings(page, '');
    await page.locator('input[name=currency]').waitFor();
    await accessible(page, 'workspace');
    await shot('settings-workspace');
    await settings(page, '/identity');
    await page.locator('table').waitFor();
    await accessible(page, 'identity');
    await shot('settings-identity');

    await settings(page, '/users');
    await page.locator('tbody tr').first().waitFor();
    await page.getByRole('button', { name: t.invite }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('input[name=email]').fill(email);
    await accessible(page, 'invite');
    await shot('settings-invite');
    await dialog.getByRole('button', { name: t.invite }).click();
    link = await dialog.locator('[data-secret]').textContent();
    assert.match(link, /\/invite#[\w-]{43}$/);
    await accessible(page, 'the link');
    await shot('settings-invited');
    await dialog.getByRole('button', { name: t.close, exact: true }).last().click();
    await page.getByText(email).first().waitFor();
    await accessible(page, 'users');
    await shot('settings-users');
    // the last owner stays: the server says so, in the dialog
    await page.getByRole('row', { name: /admin@example\.nl/ }).getByRole('button', { name: t.actions }).click();
    await page.getByRole('menuitem', { name: t.remove, exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: t.remove, exact: true }).click();
    await page.getByRole('dialog').getByText(t.last).waitFor();
    await page.locator('[role=menu]').waitFor({ state: 'detached' });
    await accessible(page, 'a refusal');
    assert.equal(page.complaints.splice(0).filter((c) => !/409/.test(c)).length, 0); // the browser tells of the refusal
    await page.keyboard.press('Escape');

    await settings(page, '/tokens');
    await page.getByRole('button', { name: t.make }).click();
    await page.getByRole('dialog').locator('input[name=name]').fill(`Winkel ${who}`);
    await page.getByRole('dialog').getByRole('checkbox', { name: t.export, exact: true }).check();
    await page.getByRole('dialog').getByRole('button', { name: t.make }).click();
    const token = await page.getByRole('dialog').locator('[data-secret]').textContent();
    assert.match(token, /^\w{40}$/);
    assert.equal((await fetch(`${kern.url}/api/v1/session`, { headers: { Authorization: `Bearer ${token}` } })).status, 200);
    await page.getByRole('dialog').getByRole('button', { name: t.close, exact: true }).last().click();
    const row = page.getByRole('row', { name: new RegExp(`Winkel ${who}`) });
    await row.waitFor();
    await accessible(page, 'tokens');
    await shot('settings-tokens');
    await row.getByRole('button', { name: t.revoke }).click();
    await page.getByRole('dialog').getByRole('button', { name: t.revoke, exact: true }).click();
    await row.waitFor({ state: 'detached' });
    assert.equal((await fetch(`${kern.url}/api/v1/session`, { headers: { Authorization: `Bearer ${token}` } })).status, 401);

    await settings(page, '/mail');
    await page.locator('input[name=host]').fill('127.0.0.1');
    await page.getByRole('combobox', { name: t.security }).or(page.getByRole('textbox', { name: t.security })).first().click();
    await page.getByRole('option', { name: t.none }).click();
    await page.fill('input[name=port]', String(smtpPort));
    await page.locator('input[name=from]').fill('kern@example.nl');
    await page.getByRole('button', { name: t.save }).click();
    await page.locator('input[name=to]').waitFor();
    await page.getByRole('button', { name: t.send, exact: true }).click();
    await page.getByText(t.taken).waitFor();
    await accessible(page, 'mail');
    await shot('settings-mail');
    await kern.api('DELETE', '/api/v1/mail');

    const profile = (await kern.profile('user_id', 'u1')).id;
    await page.goto(`${kern.url}/profiles/${profile}`);
    await page.getByRole('heading', { name: /Fenna/ }).waitFor();
    await settings(page, '/audit');
    await page.getByText(t.saw).first().waitFor();
    await accessible(page, 'audit');
    await shot('settings-audit');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()]);
    assert.equal(file.suggestedFilename(), 'audit.csv');
    await page.getByRole('combobox', { name: t.kind }).or(page.getByRole('textbox', { name: t.kind })).first().click();
    await page.getByRole('option', { name: t.changes, exact: true }).click();
    await page.getByText(t.saw).first().waitFor({ state: 'detached' });
    await page.getByText(t.invited).first().waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test(`the invited person begins, adds a second step, sees and ends sessions (${locale}, ${scheme})`, { timeout: 120000 }, async () => {
    const page = await visit(browser, kern, locale, scheme);
    const shot = (name) => shoot(page, `${name}-${locale}-${scheme}`);
    await page.goto(link);
    await page.fill('input[name=name]', `Eigen naam ${who}`);
    await page.fill('input[name=password]', 'een goede zin');
    await accessible(page, 'invitation');
    await shot('invite');
    await page.click('button[type=submit]');
    await page.locator('nav').getByRole('link', { name: t.profiles }).waitFor();
    assert.ok(!page.url().includes('#'));
    await settings(page, '/account');
    await page.locator('input[name=current]').waitFor();
    await page.getByRole('button', { name: t.setUp }).click({ trial: true });
    const factor = page.locator('section', { has: page.getByRole('button', { name: t.setUp }) });
    await factor.locator('input[name=password]').fill('een goede zin');
    await page.getByRole('button', { name: t.setUp }).click();
    await page.locator('svg[role=img][aria-label]').waitFor();
    const secret = await page.locator('[data-secret]').textContent();
    await accessible(page, 'enrolment');
    await shot('second-factor');
    await page.fill('input[name=code]', '000000');
    await page.getByRole('button', { name: t.confirm }).click();
    await page.locator('input[name=code][aria-invalid=true]').waitFor();
    const confirming = codeOf(secret);
    await page.fill('input[name=code]', confirming);
    await page.getByRole('button', { name: t.confirm }).click();
    await page.getByRole('button', { name: t.kept }).waitFor();
    const codes = (await page.locator('[data-secret]').textContent()).trim().split('\n');
    assert.equal(codes.length, 10);
    await accessible(page, 'recovery codes');
    await shot('recovery-codes');
    await page.getByRole('button', { name: t.kept }).click();

    const other = await visit(browser, kern, locale, scheme);
    await signIn(other, email, 'een goede zin');
    await other.locator('input[name=code]').waitFor();
    await accessible(other, 'the code');
    await shoot(other, `sign-in-code-${locale}-${scheme}`);
    await other.fill('input[name=code]', confirming); // it was used
    await other.click('button[type=submit]');
    await other.getByText(t.wrongCode).waitFor();
    await other.fill('input[name=code]', codes[0]);
    await other.click('button[type=submit]');
    await other.locator('nav').getByRole('link', { name: t.profiles }).waitFor();

    await settings(page, '/account');
    const endOthers = page.getByRole('button', { name: t.endOthers });
    await endOthers.waitFor();
    await accessible(page, 'account');
    await shot('settings-account');
    await endOthers.click();
    await endOthers.waitFor({ state: 'detached' });
    await other.reload();
    await other.locator('input[name=email]').waitFor();
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(other.complaints, []);
    await page.context().close();
    await other.goto(link); // used: it leads nowhere any more
    await other.reload();
    await other.fill('input[name=password]', 'een goede zin');
    await other.click('button[type=submit]');
    await other.getByText(t.gone).waitFor();
    await other.context().close();
  });
}

test('an analyst sees no persons, a phone shows every page, blocked is out at once', { timeout: 120000 }, async () => {
  const t = TEXTS['nl-NL'];
  const user = (await kern.api('POST', '/api/v1/users', { email: 'ana@example.nl', name: 'Ana', role: 'analyst' })).body;
  const page = await visit(browser, kern, 'nl-NL', 'dark', { width: 360, height: 740 });
  await page.goto(`${kern.url}/invite#${user.invite}`);
  await page.fill('input[name=password]', 'een goede zin');
  await page.click('button[type=submit]');
  await page.locator('nav').getByRole('link', { name: 'Rapporten' }).waitFor({ state: 'attached' });
  assert.equal(await page.locator('nav').getByRole('link', { name: t.profiles }).count(), 0);
  await settings(page, '/account');
  await page.locator('input[name=current]').waitFor();
  assert.equal(await page.locator('.kern-subnav a').count(), 3);
  await accessible(page, 'account on a phone');
  await shoot(page, 'settings-account-phone');

  const owner = await visit(browser, kern, 'nl-NL', 'light', { width: 360, height: 740 });
  await signIn(owner, 'admin@example.nl', 'correct horse');
  await owner.locator('nav').first().waitFor({ state: 'attached' });
  for (const path of ['', '/identity', '/tokens', '/mail', '/audit', '/users']) {
    await settings(owner, path);
    await owner.waitForLoadState('networkidle');
    await accessible(owner, `${path} on a phone`);
    await shoot(owner, `settings${path.replace('/', '-')}-phone`);
    assert.ok(await owner.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${path} is wider than a phone`);
  }
  await owner.getByRole('row', { name: /Ana/ }).getByRole('button', { name: t.actions }).click();
  await owner.getByRole('menuitem', { name: t.block }).click();
  await owner.getByRole('dialog').getByRole('button', { name: t.block, exact: true }).click();
  await owner.getByText(t.blocked).waitFor();
  await page.reload();
  await page.locator('input[name=email]').waitFor();
  assert.deepEqual([...page.complaints, ...owner.complaints], []);
  await owner.context().close();
  await page.context().close();
});
