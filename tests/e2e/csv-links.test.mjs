// CSV links: one address, one segment, one purpose; streamed, limited, taken back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { get as httpGet } from 'node:http';
import { Documented } from './documented.mjs';
import { Kern, sleep } from './kern.mjs';

const kern = new Kern(['--clock', 'manual', '--clock-start', '2026-11-23T10:00:00Z']);
const documented = new Documented(kern);
const { call, ws } = documented;
const PEOPLE = 5000;

before(async () => {
  await kern.start();
  await documented.load();
  let position;
  for (let i = 0; i < PEOPLE; i += 500) {
    const batch = Array.from({ length: 500 }, (_, k) => ({
      type: 'identify',
      userId: `u${i + k}`,
      traits: { tier: 'gold', email: `u${i + k}@example.nl`, firstName: i + k === 7 ? '=cmd()' : `N${i + k}` },
    }));
    position = (await kern.collect('/v1/batch', { batch })).position;
  }
  await ws('POST', '/segments', { key: 'golds', query: "trait('tier') = 'gold'" }, { status: 201 });
  for (let i = 0; i < 400; i++) {
    if ((await ws('GET', `/segments/golds?after=${position}`, undefined, { status: 200 })).body.status === 'ready') break;
    await sleep(25);
  }
});
after(() => kern.end());

const make = async (body) => (await ws('POST', '/segments/golds/csv-links', body, { status: 201 })).body;
const list = async () => (await ws('GET', '/segments/golds/csv-links', undefined, { status: 200 })).body.data;
const open = (url) => fetch(url);

test('the file holds every member who may be used for the purpose, without a header to send', async () => {
  const link = await make({ name: 'Sheet', purpose: 'service', fields: ['identifier.user_id', 'trait.firstName'] });
  assert.match(link.url, new RegExp(`^${kern.url}/csv/default/lnk_[A-Za-z0-9]{12}/[A-Za-z0-9]{43}$`));
  const r = await open(link.url);
  assert.equal(r.status, 200);
  assert.match(r.headers.get('content-type'), /^text\/csv/);
  assert.equal(r.headers.get('cache-control'), 'no-store');
  assert.equal(r.headers.get('referrer-policy'), 'no-referrer');
  const lines = (await r.text()).trimEnd().split('\r\n');
  assert.equal(lines[0], 'identifier.user_id,trait.firstName');
  assert.equal(lines.length, PEOPLE + 1);
  assert.equal(new Set(lines.slice(1).map((l) => l.split(',')[0])).size, PEOPLE);
  assert.ok(lines.includes("u7,'=cmd()"));
  let shown;
  for (let i = 0; i < 100 && !shown?.used_at; i++) {
    await sleep(20); // the use is noted behind the answer
    [shown] = await list();
  }
  assert.equal(shown.url, undefined);
  assert.equal(shown.used_at, '2026-11-23T10:00:00Z');
  assert.equal(JSON.stringify(shown).includes(link.url.split('/').at(-1)), false);
  assert.equal(kern.log.includes(link.url.split('/').at(-1)), false);
  const entries = (await ws('GET', '/audit?action=openCsvLink', undefined, { status: 200 })).body.data;
  assert.deepEqual(entries.map((e) => [e.kind, e.subject]), [['export', link.id]]);
  await ws('DELETE', `/segments/golds/csv-links/${link.id}`, undefined, { status: 204 });
  assert.equal((await open(link.url)).status, 404);
});

test('only who may be used for its purpose is in it', async () => {
  const link = await make({ purpose: 'marketing_email', fields: ['identifier.email', 'consent.state'] });
  assert.equal(await (await open(link.url)).text(), 'identifier.email,consent.state\r\n');
  const { id } = await kern.profile('user_id', 'u42');
  await ws('POST', `/profiles/${id}/consents`, { purpose: 'marketing_email', state: 'granted' }, { status: 200 });
  assert.equal(await (await open(link.url)).text(), 'identifier.email,consent.state\r\nu42@example.nl,granted\r\n');
  await ws('POST', `/profiles/${id}/consents`, { purpose: 'marketing_email', state: 'denied' }, { status: 200 });
  assert.equal(await (await open(link.url)).text(), 'identifier.email,consent.state\r\n');
});

test('it expires, wrong ones get one answer, and tries are limited', async () => {
  const link = await make({ purpose: 'service', expires_at: '2026-11-24T10:00:00Z' });
  const wrong = [
    link.url.slice(0, -1) + (link.url.endsWith('a') ? 'b' : 'a'),
    link.url.replace(/lnk_\w{12}/, 'lnk_aaaaaaaaaaaa'),
    link.url.replace(/[^/]+$/, 'x'),
  ];
  const answers = await Promise.all(wrong.map(async (u) => (await open(u)).text()));
  assert.equal(new Set(answers).size, 1);
  assert.match(answers[0], /no such link/);
  await call('POST', '/api/v1/clock', { now: '2026-11-24T10:00:00Z' }, { status: 200 });
  assert.equal((await open(link.url)).status, 404);
  assert.equal((await list()).find((l) => l.id === link.id).expired, true);

  const busy = await make({ purpose: 'service', fields: ['id'] });
  const statuses = [];
  for (let i = 0; i < 24; i++) {
    const r = await open(busy.url);
    statuses.push(r.status);
    await r.arrayBuffer();
  }
  const limited = await open(busy.url);
  assert.equal(limited.status, 429);
  assert.ok(Number(limited.headers.get('retry-after')) > 0);
  assert.ok(statuses.filter((s) => s === 200).length <= 20);
});

test('one who reads slowly and one who goes away hold up nobody', async () => {
  const link = await make({ purpose: 'service', fields: ['id', 'identifier.email', 'trait.firstName', 'created_at', 'last_seen_at', 'since'] });
  const slow = await new Promise((resolve) => httpGet(link.url, (r) => resolve(r)));
  slow.pause();
  const gone = await new Promise((resolve) => httpGet(link.url, (r) => resolve(r)));
  gone.destroy();
  assert.equal((await (await open(link.url)).text()).split('\r\n').length, PEOPLE + 2);
  let bytes = '';
  for await (const piece of slow) bytes += piece;
  assert.equal(bytes.split('\r\n').length, PEOPLE + 2);
});

test('bad documents, a segment with links, and who may', async () => {
  for (const [body, pointer] of [
    [{}, '/purpose'],
    [{ purpose: 'No' }, '/purpose'],
    [{ purpose: 'service', fields: ['password'] }, '/fields'],
    [{ purpose: 'service', fields: [] }, '/fields'],
    [{ purpose: 'service', fields: 'id' }, '/fields'],
    [{ purpose: 'service', expires_at: 'soon' }, '/expires_at'],
    [{ purpose: 'service', expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    [{ purpose: 'service', expires_at: '2036-01-01T00:00:00Z' }, '/expires_at'],
  ]) {
    const r = await ws('POST', '/segments/golds/csv-links', body, { status: 400, body: false });
    assert.equal(r.body.errors[0].pointer, pointer, JSON.stringify(body));
  }
  await ws('POST', '/segments/none/csv-links', { purpose: 'service' }, { status: 404 });
  await ws('DELETE', '/segments/golds/csv-links/lnk_none', undefined, { status: 404 });
  await ws('DELETE', '/segments/golds', undefined, { status: 409 });
  const marketer = (await call('POST', '/api/v1/tokens', { name: 'm', role: 'marketer', workspace: 'default' }, { status: 201 })).body;
  for (const [method, path, body] of [
    ['POST', '/segments/golds/csv-links', { purpose: 'service' }],
    ['GET', '/segments/golds/csv-links'],
    ['POST', '/destinations', { url: 'https://example.com/', purpose: 'service', segments: ['golds'] }],
  ]) {
    const r = await fetch(`${kern.url}/api/v1/workspaces/default${path}`, { method, headers: { Authorization: `Bearer ${marketer.token ?? marketer.secret}` }, body: body && JSON.stringify(body) });
    assert.equal(r.status, 403);
  }
  assert.equal((await kern.stop()).code, 0);
});
