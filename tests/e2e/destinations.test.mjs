// Destinations from outside: signed webhooks, consent, refusals, dead letters, addresses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Documented } from './documented.mjs';
import { Kern, sleep } from './kern.mjs';
import { Receiver, verify } from './receiver.mjs';

const kern = new Kern(['--allow-private-destinations', '--clock', 'manual', '--clock-start', '2026-11-23T10:00:00Z']);
const documented = new Documented(kern);
const { call, ws } = documented;
const receiver = new Receiver();
let now = Date.parse('2026-11-23T10:00:00Z');

before(async () => {
  await kern.start();
  await documented.load();
  await receiver.start();
  await ws('POST', '/segments', { key: 'vip', query: "trait('tier') = 'yes'" }, { status: 201 });
});
after(async () => {
  receiver.end();
  await kern.end();
});

const identify = async (userId, traits) => (await kern.collect('/v1/identify', { userId, traits })).position;
const pass = (seconds) => call('POST', '/api/v1/clock', { now: new Date((now += seconds * 1000)).toISOString() }, { status: 200 });
const idOf = async (userId, position) => (await kern.profile('user_id', userId, position)).id;
const consent = (id, state) => ws('POST', `/profiles/${id}/consents`, { purpose: 'marketing_email', state }, { status: 200 });
const get = async (id) => (await ws('GET', `/destinations/${id}`, undefined, { status: 200 })).body;

async function until(what, check, tries = 400) {
  for (let i = 0; i < tries; i++) {
    const found = await check();
    if (found) return found;
    await sleep(25);
  }
  throw new Error(`in vain: ${what}`);
}

async function make(more = {}) {
  receiver.calls.length = receiver.taken.length = 0;
  receiver.answer = () => 200;
  const r = await ws('POST', '/destinations', { name: 'Mail', url: receiver.url, purpose: 'service', segments: ['vip'], ...more }, { status: 201 });
  await until('ready', async () => (await get(r.body.id)).audiences.every((a) => a.ready));
  return r.body;
}
const remove = (d) => ws('DELETE', `/destinations/${d.id}`, undefined, { status: 204 });

test('an entry and an exit arrive, signed, with what may be told and no more', async () => {
  const d = await make({ purpose: 'marketing_email', fields: ['identifier.email', 'trait.firstName', 'trait.absent'] });
  assert.match(d.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.equal((await get(d.id)).secret, undefined);
  assert.equal(d.status === 'active' || d.status === 'building', true);

  const position = await identify('anna', { tier: 'yes', firstName: 'Anna', email: 'anna@example.nl' });
  const anna = await idOf('anna', position);
  await sleep(300);
  assert.equal(receiver.calls.length, 0); // nobody said she may be written to
  await consent(anna, 'granted');
  await until('the entry', () => receiver.taken.length === 1);
  const entry = receiver.taken[0];
  assert.ok(verify(d.secret, entry.headers, entry.raw));
  assert.ok(!verify(d.secret, entry.headers, `${entry.raw} `));
  assert.equal(entry.headers['content-type'], 'application/json');
  assert.equal(entry.body.type, 'audience.entered');
  assert.equal(entry.body.data.cause, 'consent');
  assert.equal(entry.body.data.segment, 'vip');
  assert.equal(entry.body.data.purpose, 'marketing_email');
  assert.deepEqual(entry.body.data.profile, { id: anna, fields: { 'identifier.email': 'anna@example.nl', 'trait.firstName': 'Anna' } });

  // Taking consent back is an exit, and says who and nothing else of her.
  await consent(anna, 'denied');
  await until('the exit', () => receiver.taken.length === 2);
  const exit = receiver.taken[1].body;
  assert.equal(exit.type, 'audience.exited');
  assert.equal(exit.data.cause, 'consent');
  assert.deepEqual(exit.data.profile, { id: anna });
  assert.notEqual(receiver.taken[1].id, entry.id);

  // Leaving by a message, with consent: the fields go along.
  await consent(anna, 'granted');
  await identify('anna', { tier: 'no' });
  await until('both', () => receiver.taken.length === 4);
  assert.equal(receiver.taken[3].body.data.cause, 'message');
  assert.match(receiver.taken[3].body.data.message_id, /./);
  assert.equal(receiver.taken[3].body.data.profile.fields['identifier.email'], 'anna@example.nl');
  const s = (await get(d.id)).statistics;
  assert.equal(s.delivered, 4);
  assert.equal(s.waiting, 0);
  assert.doesNotMatch(kern.log, /anna|whsec_/i);
  await remove(d);
});

test('consent that is gone by the time of a retry keeps the entry in', async () => {
  const d = await make({ purpose: 'marketing_email' });
  receiver.answer = (_, times) => (times === 0 ? 500 : 200);
  const id = await idOf('ben', await identify('ben', { tier: 'yes', email: 'ben@example.nl' }));
  await consent(id, 'granted');
  await until('the first try', async () => (await get(d.id)).statistics.failed_tries === 1);
  await consent(id, 'denied');
  await pass(10);
  await until('the exit', () => receiver.taken.some((c) => c.body.type === 'audience.exited') || (pass(10), false));
  assert.equal(receiver.calls.filter((c) => c.body.type === 'audience.entered').length, 1);
  assert.equal(JSON.stringify(receiver.taken).includes('ben@example.nl'), false);
  assert.equal((await get(d.id)).statistics.withheld, 1);
  await remove(d);
});

test('a secret can be rotated; for a day both hold', async () => {
  const d = await make();
  const rotated = (await ws('POST', `/destinations/${d.id}/secret`, undefined, { status: 200 })).body;
  assert.notEqual(rotated.secret, d.secret);
  const cas = await idOf('cas', await identify('cas', { tier: 'yes' }));
  const one = await until('the call', () => receiver.taken.find((c) => c.body.data.profile.id === cas));
  assert.ok(verify(rotated.secret, one.headers, one.raw));
  assert.equal(one.headers['webhook-signature'].split(' ').length, 2);
  await remove(d);
});

test('a test call is one of its own', async () => {
  const d = await make();
  receiver.calls.length = 0;
  const good = (await ws('POST', `/destinations/${d.id}/test`, undefined, { status: 200 })).body;
  assert.equal(good.ok, true);
  assert.equal(good.status, 200);
  const test = receiver.calls.find((c) => c.body.type === 'destination.test');
  assert.ok(verify(d.secret, test.headers, test.raw));
  receiver.answer = () => 302; // not followed
  assert.deepEqual({ ...(await ws('POST', `/destinations/${d.id}/test`, undefined, { status: 200 })).body, took_ms: 0 }, { ok: false, status: 302, took_ms: 0 });
  receiver.answer = () => 'close';
  const closed = (await ws('POST', `/destinations/${d.id}/test`, undefined, { status: 200 })).body;
  assert.equal(closed.ok, false);
  assert.ok(closed.error);
  await remove(d);
});

test('410 switches it off and loses nothing', async () => {
  const d = await make();
  await until('those there already', () => receiver.taken.length >= 1);
  const before = receiver.taken.length;
  receiver.answer = () => 410;
  await identify('dirk', { tier: 'yes' });
  await until('gone', async () => (await get(d.id)).status === 'gone');
  await identify('eva', { tier: 'yes' });
  await sleep(200);
  assert.equal(receiver.taken.length, before);
  receiver.answer = () => 200;
  await ws('PATCH', `/destinations/${d.id}`, { enabled: true }, { status: 200 });
  await until('both', () => receiver.taken.length === before + 2);
  assert.equal((await get(d.id)).statistics.dead_letters, 0);
  await remove(d);
});

test('what is given up is a dead letter and can be sent again', async () => {
  const d = await make();
  await until('those there already', async () => receiver.taken.length >= 1 && (await get(d.id)).statistics.waiting === 0);
  receiver.answer = () => 404;
  const id = await idOf('fien', await identify('fien', { tier: 'yes' }));
  await idOf('gijs', await identify('gijs', { tier: 'yes' }));
  await until('two dead', async () => (await get(d.id)).statistics.dead_letters === 2);
  const dead = (await ws('GET', `/destinations/${d.id}/dead-letters?limit=1`, undefined, { status: 200 })).body;
  assert.equal(dead.data[0].status, 404);
  const second = (await ws('GET', `/destinations/${d.id}/dead-letters?limit=1&cursor=${dead.next}`, undefined, { status: 200 })).body;
  assert.equal(second.next, null);
  assert.equal(second.data[0].profile, id);
  receiver.answer = () => 204;
  const was = receiver.calls.find((c) => c.body.data.profile.id === id && c.id === second.data[0].webhook_id);
  receiver.taken.length = 0;
  assert.deepEqual((await ws('POST', `/destinations/${d.id}/dead-letters/resend`, { ids: [second.data[0].id] }, { status: 200 })).body, { resent: 1 });
  await until('one again', () => receiver.taken.length === 1);
  assert.equal(receiver.taken[0].id, was.id); // the same id
  assert.deepEqual((await ws('POST', `/destinations/${d.id}/dead-letters/resend`, { all: true }, { status: 200 })).body, { resent: 1 });
  await until('the other', () => receiver.taken.length === 2);
  await until('none dead', async () => (await get(d.id)).statistics.dead_letters === 0);
  for (const body of [{}, { ids: [second.data[0].id] }, { ids: ['x'] }, { ids: [], all: true }]) {
    await ws('POST', `/destinations/${d.id}/dead-letters/resend`, body, { status: 400, body: false });
  }
  await remove(d);
});

test('tries follow the schedule and end', async () => {
  const d = await make();
  await until('those there already', async () => receiver.taken.length >= 1 && (await get(d.id)).statistics.waiting === 0);
  receiver.answer = () => 503;
  receiver.calls.length = 0;
  await identify('hugo', { tier: 'yes' });
  await until('the first try', async () => (await get(d.id)).statistics.failed_tries === 1);
  await pass(4);
  await sleep(150);
  assert.equal(receiver.calls.length, 1); // not before 5 s
  await pass(3);
  await until('the second', async () => (await get(d.id)).statistics.failed_tries === 2);
  for (let i = 2; i < 10; i++) {
    await pass(30 * 3600);
    await until(`try ${i + 1}`, async () => (await get(d.id)).statistics.failed_tries === i + 1);
  }
  await until('dead', async () => (await get(d.id)).statistics.dead_letters === 1);
  assert.equal(new Set(receiver.calls.map((c) => c.id)).size, 1);
  assert.equal(receiver.calls.length, 10);
  await remove(d);
});

test('twenty refusals in a row stop it, and the rest waits', async () => {
  const d = await make();
  await until('those there already', async () => receiver.taken.length >= 1 && (await get(d.id)).statistics.waiting === 0);
  receiver.answer = () => 401;
  for (let i = 0; i < 40; i++) await identify(`many${i}`, { tier: 'yes' });
  const s = await until('refused', async () => {
    const at = await get(d.id);
    return at.status === 'refused' && at.statistics.dead_letters + at.statistics.waiting === 40 && at;
  });
  assert.ok(s.statistics.dead_letters >= 20 && s.statistics.dead_letters < 30);
  receiver.answer = () => 200;
  receiver.taken.length = 0;
  await ws('PATCH', `/destinations/${d.id}`, { url: `${receiver.url}/new` }, { status: 200 });
  await ws('POST', `/destinations/${d.id}/dead-letters/resend`, { all: true }, { status: 200 });
  await until('all', () => new Set(receiver.taken.map((c) => c.id)).size === 40);
  assert.ok(receiver.taken.every((c) => c.url === '/hook/new'));
  const metrics = await (await fetch(`${kern.url}/metrics`)).text();
  assert.match(metrics, new RegExp(`kern_deliveries_total\\{workspace="default",destination="${d.id}",result="delivered"\\} \\d+`));
  assert.match(metrics, new RegExp(`kern_deliveries_dead\\{workspace="default",destination="${d.id}"\\} 0`));
  await remove(d);
});

test('bad documents get an answer that says where', async () => {
  const good = { url: receiver.url, purpose: 'service', segments: ['vip'] };
  const cases = [
    [{ ...good, url: 'nonsense' }, '/url'],
    [{ ...good, url: 'ftp://example.com/' }, '/url'],
    [{ ...good, url: 'https://user:pw@example.com/' }, '/url'],
    [{ purpose: 'service', segments: ['vip'] }, '/url'],
    [{ ...good, purpose: undefined }, '/purpose'],
    [{ ...good, purpose: 'No Such' }, '/purpose'],
    [{ ...good, segments: [] }, '/segments'],
    [{ ...good, segments: ['nobody'] }, '/segments/0'],
    [{ ...good, segments: ['vip', 'vip'] }, '/segments/1'],
    [{ ...good, segments: 'vip' }, '/segments'],
    [{ ...good, fields: ['trait.a', 'password'] }, '/fields/1'],
    [{ ...good, fields: ['consent.state'] }, '/fields/0'],
    [{ ...good, enabled: 'yes' }, '/enabled'],
    [{ ...good, kind: 'mail' }, '/kind'],
    [{ ...good, name: '' }, '/name'],
  ];
  for (const [body, pointer] of cases) {
    const r = await ws('POST', '/destinations', body, { status: 400, body: false });
    assert.equal(r.body.errors[0].pointer, pointer, JSON.stringify(body));
  }
  await ws('GET', '/destinations/dst_none', undefined, { status: 404 });
  const d = await make();
  const refused = await ws('DELETE', '/segments/vip', undefined, { status: 409 });
  assert.match(refused.body.detail, /destination/);
  assert.equal((await ws('GET', '/segments', undefined, { status: 200 })).body.data.length, 1);
  await remove(d);
});

test('addresses of private networks are refused unless the operator allows them', async () => {
  const closed = new Kern();
  await closed.start();
  try {
    await closed.ws('POST', '/segments', { key: 'vip', query: "trait('tier') = 'yes'" });
    for (const url of [receiver.url, 'https://127.0.0.1/', 'https://localhost/x', 'https://169.254.169.254/', 'https://[::1]/', 'https://10.0.0.1/', 'http://example.com/']) {
      const r = await closed.ws('POST', '/destinations', { url, purpose: 'service', segments: ['vip'] });
      assert.equal(r.status, 400, url);
      assert.equal(r.body.errors[0].pointer, '/url');
    }
  } finally {
    await closed.end();
  }
});
