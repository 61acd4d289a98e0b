// Accounts over HTTP: users, sessions, tokens with scopes, the second factor; all of it outlives kill -9.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ACCOUNT_ROUTES, Documented } from './documented.mjs';
import { Kern } from './kern.mjs';
import { codeOf } from './totp.mjs';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const kern = new Kern(['--trust-proxy']);
let documented;
let call;

before(async () => {
  await kern.start();
  documented = await new Documented(kern).load();
  call = documented.call;
});

after(() => kern.end());

const cookieOf = (r) => r.headers.get('set-cookie').split(';')[0];
const as = (cookie, status) => ({ auth: null, headers: { Cookie: cookie, 'X-Kern-CSRF': '1' }, status: status ?? null });
const signIn = (email, password, { code, status = 200, from = '203.0.113.77' } = {}) =>
  call('POST', '/api/v1/session', { email, password, ...(code ? { code } : {}) }, { auth: null, status, headers: { 'User-Agent': FIREFOX, 'X-Forwarded-For': from } });

async function invite(email, role, more = {}, password = 'long enough') {
  const user = (await call('POST', '/api/v1/users', { email, role, ...more }, { status: 201 })).body;
  await call('POST', '/api/v1/invite', { invite: user.invite, name: 'Chosen Name', password }, { auth: null, status: 200 });
  return user;
}

test('an invited user chooses name and password; a removed one is gone', async () => {
  const user = await invite('sanne@example.nl', 'marketer');
  assert.equal((await call('GET', `/api/v1/users/${user.id}`, undefined, { status: 200 })).body.name, 'Chosen Name');
  const cookie = cookieOf(await signIn('sanne@example.nl', 'long enough'));
  await call('DELETE', `/api/v1/users/${user.id}`, undefined, { status: 204 });
  await call('GET', '/api/v1/session', undefined, as(cookie, 401));
  await call('GET', `/api/v1/users/${user.id}`, undefined, { status: 404 });
  assert.ok(!(await call('GET', '/api/v1/users')).body.data.some((u) => u.id === user.id));
  await signIn('sanne@example.nl', 'long enough', { status: 401 });
  // the address may be invited anew, and the old invitation is worth nothing
  await invite('sanne@example.nl', 'analyst');
  await call('POST', '/api/v1/invite', { invite: user.invite, password: 'long enough' }, { auth: null, status: 404 });
});

test('the last owner cannot be removed, disabled or made less', async () => {
  const owner = (await call('GET', '/api/v1/users')).body.data.find((u) => u.role === 'owner');
  await call('DELETE', `/api/v1/users/${owner.id}`, undefined, { status: 409 });
  await call('PATCH', `/api/v1/users/${owner.id}`, { role: 'admin' }, { status: 409 });
  await call('PATCH', `/api/v1/users/${owner.id}`, { disabled: true }, { status: 409 });
  await call('PATCH', `/api/v1/users/${owner.id}`, { workspace: 'default' }, { status: 409 });
});

test('an administrator of one workspace sees and makes only what belongs to it', async () => {
  await call('POST', '/api/v1/workspaces', { name: 'shop-de' }, { status: 201 });
  await invite('chef@example.de', 'admin', { workspace: 'shop-de' });
  const chef = cookieOf(await signIn('chef@example.de', 'long enough'));
  assert.deepEqual((await call('GET', '/api/v1/users', undefined, as(chef, 200))).body.data.map((u) => u.email), ['chef@example.de']);
  assert.equal((await call('POST', '/api/v1/users', { email: 'neu@example.de', role: 'analyst' }, as(chef, 201))).body.workspace, 'shop-de');
  await call('POST', '/api/v1/users', { email: 'neu2@example.de', role: 'analyst', workspace: 'default' }, as(chef, 400));
  await call('POST', '/api/v1/users', { email: 'neu2@example.de', role: 'owner' }, as(chef, 403));
  await call('POST', '/api/v1/users', { email: 'neu2@example.de', role: 'marketer', export: true }, as(chef, 403));
  const owner = (await call('GET', '/api/v1/users')).body.data.find((u) => u.role === 'owner');
  for (const [method, path, body] of [['GET', ''], ['PATCH', '', { name: 'x' }], ['DELETE', ''], ['POST', '/invite'], ['DELETE', '/second-factor']]) {
    await call(method, `/api/v1/users/${owner.id}${path}`, body, as(chef, 404));
  }
  assert.deepEqual((await call('GET', '/api/v1/tokens', undefined, as(chef, 200))).body.data, []);
  const token = (await call('POST', '/api/v1/tokens', { name: 'de', scopes: ['read'] }, as(chef, 201))).body;
  assert.equal(token.workspace, 'shop-de');
  await call('POST', '/api/v1/tokens', { name: 'de', scopes: ['export'] }, as(chef, 403));
});

test('export is given by those who have it, and only where persons are seen', async () => {
  const user = await invite('export@example.nl', 'marketer');
  await call('PATCH', `/api/v1/users/${user.id}`, { export: true }, { status: 200 });
  assert.equal((await call('PATCH', `/api/v1/users/${user.id}`, { role: 'analyst' }, { status: 200 })).body.export, false);
  const r = await call('PATCH', `/api/v1/users/${user.id}`, { export: true }, { status: 400 });
  assert.equal(r.body.errors[0].pointer, '/export');
});

test('tokens: scopes, last use, bad input', async () => {
  const token = (await call('POST', '/api/v1/tokens', { name: 'reader', scopes: ['export'] }, { status: 201 })).body;
  assert.deepEqual(token.scopes, ['read', 'personal', 'export']);
  assert.equal(token.last_used_at, undefined);
  await call('GET', '/api/v1/session', undefined, { auth: `Bearer ${token.token}`, status: 200 });
  const find = async () => (await call('GET', '/api/v1/tokens')).body.data.find((t) => t.id === token.id);
  const used = (await find()).last_used_at;
  assert.ok(Math.abs(Date.parse(used) - Date.now()) < 60000);
  for (const [body, pointer] of [[{ name: 'x', scopes: [] }, '/scopes'], [{ name: 'x', scopes: ['all'] }, '/scopes/0'], [{ name: 'x', scopes: 'read' }, '/scopes'], [{ name: 'x', scopes: ['read'], role: 'admin' }, '/role'], [{ scopes: ['read'] }, '/name'], [{ name: 'x' }, '/role']]) {
    assert.equal((await call('POST', '/api/v1/tokens', body, { status: 400 })).body.errors[0].pointer, pointer);
  }
  await call('DELETE', `/api/v1/tokens/${token.id}`, undefined, { status: 204 });
  await call('GET', '/api/v1/session', undefined, { auth: `Bearer ${token.token}`, status: 401 });
});

test("one's own sessions: listed, one ended, all others ended", async () => {
  await invite('kees@example.nl', 'marketer');
  const [one, two, three] = [cookieOf(await signIn('kees@example.nl', 'long enough')), cookieOf(await signIn('kees@example.nl', 'long enough', { from: '2001:db8:1234:5678::9' })), cookieOf(await signIn('kees@example.nl', 'long enough'))];
  const list = (await call('GET', '/api/v1/sessions', undefined, as(one, 200))).body.data;
  assert.equal(list.length, 3);
  assert.deepEqual(list.map((s) => [s.address, s.browser, s.platform, s.present]), [['203.0.113.0', 'Firefox', 'Linux', true], ['2001:db8:1234::', 'Firefox', 'Linux', false], ['203.0.113.0', 'Firefox', 'Linux', false]]);
  await call('DELETE', `/api/v1/sessions/${list[1].id}`, undefined, as(one, 204));
  await call('DELETE', `/api/v1/sessions/${list[1].id}`, undefined, as(one, 404));
  await call('GET', '/api/v1/session', undefined, as(two, 401));
  await call('DELETE', '/api/v1/sessions', undefined, as(one, 204));
  await call('GET', '/api/v1/session', undefined, as(three, 401));
  await call('GET', '/api/v1/session', undefined, as(one, 200));
  const other = cookieOf(await signIn('admin@example.nl', 'correct horse'));
  await call('DELETE', `/api/v1/sessions/${list[0].id}`, undefined, as(other, 404));
  await call('GET', '/api/v1/sessions', undefined, { status: 403 });
  await call('DELETE', '/api/v1/session', undefined, as(other, 204));
});

test('the second factor: confirmed by a code, asked for, never twice, recovery codes once, kill -9', { timeout: 60000 }, async () => {
  const user = await invite('tom@example.nl', 'admin');
  const cookie = cookieOf(await signIn('tom@example.nl', 'long enough'));
  const path = '/api/v1/session/second-factor';
  await call('POST', path, { password: 'wrong' }, as(cookie, 400));
  await call('PUT', path, { code: '123456' }, as(cookie, 404));
  const begun = (await call('POST', path, { password: 'long enough' }, as(cookie, 201))).body;
  assert.equal(begun.uri, `otpauth://totp/Kern:tom%40example.nl?secret=${begun.secret}&issuer=Kern`);
  assert.match(begun.secret, /^[A-Z2-7]{32}$/);
  cookieOf(await signIn('tom@example.nl', 'long enough')); // not confirmed: not asked for
  assert.equal((await call('PUT', path, { code: '000000' }, as(cookie, 400))).body.errors[0].pointer, '/code');
  const first = codeOf(begun.secret);
  const { recovery_codes: codes } = (await call('PUT', path, { code: first }, as(cookie, 200))).body;
  assert.equal(new Set(codes).size, 10);
  assert.deepEqual((await call('GET', path, undefined, as(cookie, 200))).body, { enabled: true, recovery_codes_left: 10 });
  await call('POST', path, { password: 'long enough' }, as(cookie, 409));
  const asked = await signIn('tom@example.nl', 'long enough', { status: 401 });
  assert.equal(asked.body.errors[0].pointer, '/code');
  const wrong = await signIn('tom@example.nl', 'wrong', { code: codeOf(begun.secret), status: 401 });
  assert.equal(wrong.body.errors, undefined); // of the code nothing is said before the password is right
  await signIn('tom@example.nl', 'long enough', { code: first, status: 401 }); // it confirmed: used
  const next = codeOf(begun.secret, 1);
  await signIn('tom@example.nl', 'long enough', { code: next });
  await kern.stop('SIGKILL');
  await kern.start();
  await signIn('tom@example.nl', 'long enough', { code: next, status: 401 });
  await signIn('tom@example.nl', 'long enough', { code: codes[3] });
  await signIn('tom@example.nl', 'long enough', { code: codes[3], status: 401 });
  await kern.stop('SIGKILL');
  await kern.start();
  await signIn('tom@example.nl', 'long enough', { code: codes[3], status: 401 });
  assert.equal((await call('GET', path, undefined, as(cookie, 200))).body.recovery_codes_left, 9);
  // guessing ends, also for who has the password
  let last;
  for (let i = 0; i < 11; i++) last = await signIn('tom@example.nl', 'long enough', { code: '111111', status: null });
  assert.equal(last.status, 429);
  // an owner takes it away; an administrator does not
  await invite('admin2@example.nl', 'admin');
  const admin = cookieOf(await signIn('admin2@example.nl', 'long enough'));
  await call('DELETE', `/api/v1/users/${user.id}/second-factor`, undefined, as(admin, 403));
  assert.equal((await call('DELETE', `/api/v1/users/${user.id}/second-factor`, undefined, { status: 200 })).body.second_factor, false);
  await signIn('tom@example.nl', 'long enough');
  const again = (await call('POST', path, { password: 'long enough' }, as(cookie, 201))).body;
  await call('PUT', path, { code: codeOf(again.secret) }, as(cookie, 200));
  await call('DELETE', path, { password: 'long enough' }, as(cookie, 204));
  await call('PUT', '/api/v1/session/password', { current: 'long enough', password: 'longer still' }, as(cookie, 204));
  assert.ok((await call('POST', `/api/v1/users/${user.id}/invite`, undefined, { status: 201 })).body.invite);
  // no secret is on the disk as it is
  const files = readdirSync(join(kern.dir, 'system'), { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  const disk = Buffer.concat(files.map((e) => readFileSync(join(e.parentPath ?? e.path, e.name)))).toString('latin1');
  for (const secret of [begun.secret, ...codes, 'long enough', cookie.split('=')[1], user.invite]) assert.ok(!disk.includes(secret), 'a secret is on the disk');
});

const AUDIT = '/api/v1/workspaces/default/audit';
const audit = async (query = '', status = 200) => (await call('GET', `${AUDIT}?limit=1000${query}`, undefined, { status })).body.data;

test('the audit log: who signed in, changed, saw and exported; by whom and from where; without values of persons', { timeout: 60000 }, async () => {
  const sent = await kern.collect('/v1/identify', { userId: 'watched', traits: { email: 'watched@example.nl', firstName: 'Secretive' } });
  const profile = (await kern.profile('user_id', 'watched', sent.position)).id;
  const user = await invite('eva@example.nl', 'marketer', { export: true });
  const eva = cookieOf(await signIn('eva@example.nl', 'long enough', { from: '198.51.100.23' }));
  await signIn('eva@example.nl', 'wrong', { status: 401 });
  await signIn('nobody-at-all@example.nl', 'wrong', { status: 401 });
  const from = (r) => ({ ...as(eva, r), headers: { ...as(eva).headers, 'X-Forwarded-For': '198.51.100.23' } });
  const base = '/api/v1/workspaces/default';
  // a page of a person asks for all of this: it is one view
  for (const path of ['', '/events', '/orders', '/sessions', '/links', '']) await call('GET', `${base}/profiles/${profile}${path}`, undefined, from(200));
  await call('GET', `${base}/profiles?email=watched@example.nl`, undefined, from(200));
  await call('GET', `${base}/profiles?q=watched@example.nl`, undefined, from(200));
  await call('POST', `${base}/segments`, { key: 'seen', name: 'Seen', query: "trait('firstName') = 'Secretive'" }, from(201));
  await call('GET', `${base}/segments/seen/export.csv?purpose=service`, undefined, from(200));
  await call('GET', `${base}/segments/seen`, undefined, from(200));
  const mine = await audit(`&actor=${user.id}`);
  assert.deepEqual(mine.map((e) => [e.kind, e.action, e.subject, e.refused]).reverse(), [
    ['access', 'acceptInvite', '', false],
    ['access', 'signIn', '', false],
    ['access', 'signIn', '', true],
    ['view', 'getProfile', profile, false],
    ['change', 'createSegment', 'seen', false],
    ['export', 'exportMembers', 'seen', false],
  ]);
  assert.ok(mine.slice(0, 3).every((e) => e.name === 'eva@example.nl' && e.address === '198.51.100.0' && e.workspace === 'default'));
  // filters
  assert.deepEqual((await audit(`&subject=${profile}&actor=${user.id}`)).map((e) => e.action), ['getProfile']);
  assert.deepEqual((await audit(`&kind=export,change&actor=${user.id}`)).length, 2);
  assert.deepEqual(await audit(`&actor=${user.id}&to=2020-01-01`), []);
  assert.equal((await audit('&kind=other', 400)), undefined);
  // by pages, the same
  const paged = [];
  for (let cursor = ''; cursor !== null; ) {
    const page = (await call('GET', `${AUDIT}?limit=4${cursor}`, undefined, { status: 200 })).body;
    paged.push(...page.data.map((e) => e.number));
    cursor = page.next ? `&cursor=${page.next}` : null;
  }
  const all = await audit();
  assert.deepEqual(paged.slice(-all.length), all.map((e) => e.number));
  // other workspaces see nothing of this one; the installation's entries are for who may see all
  const german = (await call('GET', '/api/v1/workspaces/shop-de/audit?limit=1000', undefined, { status: 200 })).body.data;
  assert.ok(german.every((e) => e.workspace !== 'default'));
  assert.ok(german.some((e) => e.workspace === null));
  const chef = cookieOf(await signIn('chef@example.de', 'long enough'));
  const chefs = (await call('GET', '/api/v1/workspaces/shop-de/audit', undefined, as(chef, 200))).body.data;
  assert.ok(chefs.length > 0 && chefs.every((e) => e.workspace === 'shop-de'));
  await call('GET', AUDIT, undefined, as(eva, 403));
  // as a file
  const csv = (await call('GET', `${AUDIT}.csv?actor=${user.id}`, undefined, { status: 200 })).body.split('\r\n');
  assert.equal(csv[0], 'at,kind,action,actor,name,workspace,subject,address,outcome,count,profiles');
  assert.equal(csv.length, 1 + mine.length + 1);
  assert.equal((await audit('&action=exportAudit')).length, 1);
  // what was searched for and who was found is counted; a stop enters it, kill -9 keeps what was entered one by one
  await kern.stop();
  await kern.start();
  const counted = (await audit(`&actor=${user.id}&action=findProfiles`))[0];
  assert.equal(counted.kind, 'view');
  await kern.stop('SIGKILL');
  await kern.start();
  assert.equal((await audit(`&actor=${user.id}`)).length, mine.length + 1);
  const files = readdirSync(join(kern.dir, 'audit'), { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  const disk = Buffer.concat(files.map((e) => readFileSync(join(e.parentPath ?? e.path, e.name)))).toString('latin1');
  for (const value of ['watched', 'Secretive', '198.51.100.23', 'nobody-at-all']) assert.ok(!disk.includes(value), `${value} is in the audit log`);
  assert.equal((await kern.stop()).code, 0);
  assert.equal(kern.verify().status, 0);
  await kern.start();
});

test('look-ups by a token: one entry a minute, with their number and whom', { timeout: 60000 }, async () => {
  const token = (await call('POST', '/api/v1/tokens', { name: 'shop backend', scopes: ['personal'] }, { status: 201 })).body;
  for (let i = 0; i < 25; i++) await call('GET', '/api/v1/workspaces/default/profiles?user_id=watched', undefined, { auth: `Bearer ${token.token}`, status: 200 });
  assert.deepEqual(await audit(`&actor=${token.id}`), []);
  await kern.stop();
  await kern.start();
  const [entry, ...more] = await audit(`&actor=${token.id}`);
  assert.deepEqual([entry.action, entry.count, entry.profiles.length, entry.name, more.length], ['findProfiles', 25, 1, 'shop backend', 0]);
  assert.equal((await audit(`&subject=${entry.profiles[0]}&actor=${token.id}`)).length, 1);
  // when it was last used outlives a stop
  assert.ok((await call('GET', '/api/v1/tokens')).body.data.find((t) => t.id === token.id).last_used_at);
});

test('every account route has answered', () => {
  const all = Object.entries(documented.doc.paths).flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m.toUpperCase()} ${path}`));
  const missing = all.filter((route) => ACCOUNT_ROUTES.test(route) && !documented.answered.has(route));
  assert.deepEqual(missing, []);
});
