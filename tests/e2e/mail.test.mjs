// Mail with a real SMTP server: settings, a test mail, invitations, forgotten passwords, an outbox that outlives kill -9.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { Documented, MAIL_ROUTES } from './documented.mjs';
import { Kern, freePort, sleep } from './kern.mjs';

const kern = new Kern();
const mails = [];
let answer = null; // what the server refuses with
let smtp;
let port;
let documented;
let call;

function listen() {
  smtp = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: (auth, session, done) => (auth.username === 'kern' && auth.password === 'smtp-secret' ? done(null, { user: 'kern' }) : done(new Error('Invalid username or password'))),
    onRcptTo: (address, session, done) => done(answer ? Object.assign(new Error(answer.text), { responseCode: answer.code }) : undefined),
    onData: (stream, session, done) => {
      const chunks = [];
      stream.on('data', (c) => chunks.push(c));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString('latin1');
        const [head, ...body] = raw.split('\r\n\r\n');
        mails.push({ from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((r) => r.address), head, text: Buffer.from(body.join('').replace(/\s/g, ''), 'base64').toString('utf8') });
        done();
      });
    },
  });
  smtp.on('error', () => {});
  return new Promise((resolve) => smtp.listen(port, '127.0.0.1', resolve));
}

const unlisten = () => new Promise((resolve) => smtp.close(resolve));

async function mail(count) {
  for (let i = 0; i < 200 && mails.length < count; i++) await sleep(50);
  assert.equal(mails.length, count);
  return mails[count - 1];
}

before(async () => {
  port = await freePort();
  await listen();
  await kern.start();
  documented = await new Documented(kern).load();
  call = documented.call;
});

after(async () => {
  await unlisten();
  await kern.end();
});

const settings = () => ({ host: '127.0.0.1', port, tls: 'none', user: 'kern', password: 'smtp-secret', from: 'kern@shop.example', url: 'https://kern.shop.example/', language: 'nl' });
const forgotten = (email, status = 204) => call('POST', '/api/v1/session/forgotten', { email }, { auth: null, status });
const linkOf = (m) => m.text.match(/https:\/\/kern\.shop\.example\/invite#([\w-]{43})\n/)[1];

test('settings: checked, shown without the password, kept', async () => {
  assert.equal((await call('GET', '/api/v1/mail', undefined, { status: 200 })).body.enabled, false);
  await call('POST', '/api/v1/mail/test', { to: 'a@example.nl' }, { status: 404 });
  for (const [bad, pointer] of [[{ host: 'a/b' }, '/host'], [{ port: 0 }, '/port'], [{ port: 70000 }, '/port'], [{ tls: 'yes' }, '/tls'], [{ from: 'x\r\nBcc: y@z.nl' }, '/from'], [{ url: 'javascript:alert(1)' }, '/url'], [{ language: 'de' }, '/language']]) {
    assert.equal((await call('PUT', '/api/v1/mail', { ...settings(), ...bad }, { status: 400 })).body.errors[0].pointer, pointer);
  }
  const set = (await call('PUT', '/api/v1/mail', settings(), { status: 200 })).body;
  assert.equal(set.has_password, true);
  assert.ok(!JSON.stringify(set).includes('smtp-secret'));
  assert.equal(set.url, 'https://kern.shop.example');
  const { password, ...rest } = settings();
  assert.equal((await call('PUT', '/api/v1/mail', rest, { status: 200 })).body.has_password, true);
});

test('a test mail arrives; a refusal comes back in the words of the server', async () => {
  await call('POST', '/api/v1/mail/test', { to: 'me@example.nl' }, { status: 204 });
  const m = await mail(1);
  assert.deepEqual([m.from, m.to], ['kern@shop.example', ['me@example.nl']]);
  assert.match(m.head, /^Subject: =\?UTF-8\?B\?/m);
  assert.match(m.text, /Kern kan mail versturen/);
  await call('POST', '/api/v1/mail/test', { to: 'me@example.nl\r\nDATA' }, { status: 400 });
  answer = { code: 550, text: 'no such mailbox' };
  const r = await call('POST', '/api/v1/mail/test', { to: 'me@example.nl' }, { status: 502 });
  assert.match(r.body.detail, /550/);
  answer = null;
  await call('PUT', '/api/v1/mail', { ...settings(), password: 'wrong' }, { status: 200 });
  await call('POST', '/api/v1/mail/test', { to: 'me@example.nl' }, { status: 502 });
  await call('PUT', '/api/v1/mail', settings(), { status: 200 });
});

test('an invitation goes by mail, and is not shown', async () => {
  const user = (await call('POST', '/api/v1/users', { email: 'sanne@example.nl', role: 'marketer' }, { status: 201 })).body;
  assert.deepEqual([user.invite, user.mailed], [undefined, true]);
  const m = await mail(2);
  assert.deepEqual(m.to, ['sanne@example.nl']);
  await call('POST', '/api/v1/invite', { invite: linkOf(m), name: 'Sanne', password: 'long enough' }, { auth: null, status: 200 });
});

test('a forgotten password: a link that works once; whoever asks learns nothing', async () => {
  await forgotten('nobody@example.nl');
  await forgotten('SANNE@example.nl ');
  const m = await mail(3);
  assert.deepEqual(m.to, ['sanne@example.nl']);
  const login = async (password, status) => call('POST', '/api/v1/session', { email: 'sanne@example.nl', password }, { auth: null, status });
  await login('long enough', 200); // until it is used nothing has changed
  await call('POST', '/api/v1/invite', { invite: linkOf(m), password: 'brand new one' }, { auth: null, status: 200 });
  await call('POST', '/api/v1/invite', { invite: linkOf(m), password: 'another one' }, { auth: null, status: 404 });
  await login('long enough', 401);
  await login('brand new one', 200);
  // three mails a quarter of an hour, whatever is asked
  for (let i = 0; i < 4; i++) await forgotten('sanne@example.nl');
  await mail(5);
  await sleep(1200);
  assert.equal(mails.length, 5);
  for (let i = 0; i < 14; i++) await forgotten(`x${i}@example.nl`);
  await forgotten('x@example.nl', 429);
});

test('an invited person without a password gets no link from a stranger', async () => {
  await kern.stop();
  await kern.start(); // the tries are forgotten
  await call('POST', '/api/v1/users', { email: 'later@example.nl', role: 'analyst' }, { status: 201 });
  await mail(6);
  await forgotten('later@example.nl');
  await sleep(1200);
  assert.equal(mails.length, 6);
});

test('nobody takes mail: it waits, outlives kill -9, and goes once there is a server again', { timeout: 60000 }, async () => {
  await unlisten();
  await call('POST', '/api/v1/users', { email: 'wait@example.nl', role: 'analyst' }, { status: 201 });
  for (let i = 0; i < 100 && !(await call('GET', '/api/v1/mail')).body.error; i++) await sleep(50);
  const state = (await call('GET', '/api/v1/mail', undefined, { status: 200 })).body;
  assert.equal(state.waiting, 1);
  assert.match(state.error, /connect/i);
  await kern.stop('SIGKILL');
  await listen();
  await kern.start();
  const m = await mail(7);
  assert.deepEqual(m.to, ['wait@example.nl']);
  for (let i = 0; i < 100 && (await call('GET', '/api/v1/mail')).body.waiting > 0; i++) await sleep(50);
  await kern.stop('SIGKILL');
  await kern.start();
  await sleep(1200);
  assert.equal(mails.length, 7); // sent is sent
  // no link and no password is on the disk as it is
  const files = ['system', 'audit'].flatMap((d) => readdirSync(join(kern.dir, d), { recursive: true, withFileTypes: true })).filter((e) => e.isFile());
  const disk = Buffer.concat(files.map((e) => readFileSync(join(e.parentPath ?? e.path, e.name)))).toString('latin1');
  for (const secret of [linkOf(m), 'smtp-secret', 'brand new one']) assert.ok(!disk.includes(secret), 'a secret is on the disk');
});

test('without a server links are shown again; every mail route has answered', async () => {
  await call('DELETE', '/api/v1/mail', undefined, { status: 204 });
  assert.equal((await call('GET', '/api/v1/mail')).body.enabled, false);
  assert.ok((await call('POST', '/api/v1/users', { email: 'shown@example.nl', role: 'analyst' }, { status: 201 })).body.invite);
  const all = Object.entries(documented.doc.paths).flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m.toUpperCase()} ${path}`));
  assert.deepEqual(all.filter((route) => MAIL_ROUTES.test(route) && !documented.answered.has(route)), []);
});
