// Lists from outside: made of rows, of files, of a segment and of a report's number; who goes on them
// and off them, through merges, un-merges and kill -9.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Documented, WS } from './documented.mjs';
import { Kern, sleep, TOKEN } from './kern.mjs';

const kern = new Kern(['--clock', 'manual', '--clock-start', '2026-11-23T10:00:00Z']);
const documented = new Documented(kern);
const { call, ws } = documented;

before(async () => {
  await kern.start();
  await documented.load();
});
after(() => kern.end());

const identify = async (userId, traits, more = {}) => (await kern.collect('/v1/identify', { userId, traits, ...more })).position;
const track = async (userId, event, properties = {}) => (await kern.collect('/v1/track', { userId, event, properties })).position;
const profile = (userId, position) => kern.profile('user_id', userId, position);
const row = (value, type = 'user_id') => ({ type, value });
const get = async (key) => (await ws('GET', `/segments/${key}`, undefined, { status: 200 })).body;
const members = async (key, position) => (await ws('GET', `/segments/${key}/members${position ? `?after=${position}` : ''}`, undefined, { status: 200 })).body.data.map((m) => m.id);
const send = (method, path, type, body) =>
  call(method, `${WS}${path}`, body, { headers: { 'Content-Type': type }, raw: true, status: 200 });

async function ready(key) {
  for (let i = 0; i < 400; i++) {
    const s = await get(key);
    if (s.status === 'ready') return s;
    await sleep(25);
  }
  throw new Error(`${key} did not become ready`);
}

test('a list of rows: counted, reported, once each', async () => {
  await identify('u1', { email: 'ada@example.org' });
  await identify('u2', { email: 'bob@example.org' });
  const position = await identify('u3', { email: 'cas@example.org' });
  const { id } = await profile('u3', position);
  const made = await ws('POST', '/segments', {
    key: 'vip', name: 'Best customers', kind: 'static',
    members: [row('u1'), row(' ADA@example.org ', 'email'), row('u9'), row('null'), row('no address', 'email'), { profile: id }, { type: 'user_id' }, row('')],
  }, { status: 201 });
  assert.match(made.headers.get('kern-position'), /^\d+-\d+$/);
  assert.equal(made.body.kind, 'static');
  assert.equal(made.body.query, null);
  assert.equal(made.body.status, 'ready');
  assert.equal(made.body.size, 2);
  const { errors, ...counts } = made.body.result;
  assert.deepEqual(counts, { rows: 8, matched: 3, added: 2, already: 0, duplicates: 1, unknown: 1, blocked: 1, malformed: 3, errors_left_out: 0 });
  assert.deepEqual(errors.map((e) => [e.row, e.reason]), [[3, 'unknown'], [4, 'blocked'], [5, 'malformed'], [7, 'malformed'], [8, 'malformed']]);
  assert.match(errors[2].detail, /@/);
  assert.match(errors[3].detail, /"type":"email"/);
  assert.equal((await kern.api('GET', `${WS}/profiles?user_id=u9`)).status, 404); // nobody was made
  assert.equal((await members('vip')).length, 2);
  const seen = await profile('u1');
  assert.deepEqual(seen.segments.map((s) => s.key), ['vip']);
  assert.deepEqual(seen.traits, { email: 'ada@example.org' });
  const [entry] = (await ws('GET', '/segments/vip/changes', undefined, { status: 200 })).body.data;
  assert.equal(entry.change, 'entered');
  assert.equal(entry.cause, 'definition');
  assert.equal((await ws('GET', '/segments/vip/history', undefined, { status: 200 })).body.data.at(-1).size, 2);
});

test('files: CSV, JSON lines, a value a line, in parts', async () => {
  await ws('POST', '/segments', { key: 'file', kind: 'static' }, { status: 201 });
  const csv = 'Name;email;note\r\nAda;ada@example.org;"x\r\ny"\r\nBob;Bob@Example.org;\r\nEve;eve@example.org;\r\n;;\r\nBo;;none\r\n';
  const tried = (await send('POST', '/segments/match', 'text/csv', csv)).body;
  assert.deepEqual([tried.rows, tried.matched, tried.added, tried.unknown, tried.malformed], [4, 2, 2, 1, 1]);
  assert.equal((await get('file')).size, 0);
  const dry = (await send('POST', '/segments/file/members?dry_run=true', 'text/csv', csv)).body;
  assert.equal(dry.added, 2);
  assert.equal((await get('file')).size, 0);
  const put = (await send('POST', '/segments/file/members', 'text/csv; charset=utf-8', csv)).body;
  assert.equal(put.added, 2);
  assert.deepEqual(put.errors.map((e) => [e.line, e.reason]), [[5, 'unknown'], [7, 'malformed']]);
  assert.equal((await get('file')).size, 2);
  const part = (await send('POST', '/segments/file/members?type=email&line=1000', 'text/csv', 'email\nada@example.org\nnobody@example.org\n')).body;
  assert.deepEqual([part.already, part.unknown, part.errors[0].line], [1, 1, 1001]);
  const lines = (await send('POST', '/segments/file/members?type=email', 'application/x-ndjson',
    '{"type":"user_id","value":"u3"}\n\n"cas@example.org"\n{"nothing":1}\nnot json\n')).body;
  assert.deepEqual([lines.added, lines.duplicates, lines.malformed], [1, 1, 2]);
  assert.deepEqual(lines.errors.map((e) => e.line), [4, 5]);
  const plain = (await send('DELETE', '/segments/file/members?type=user_id', 'text/plain', 'u3\nu2\nu2\nu8\n')).body;
  assert.deepEqual([plain.removed, plain.absent, plain.duplicates, plain.unknown], [2, 0, 1, 1]);
  assert.equal((await get('file')).size, 1);
  const again = (await ws('DELETE', '/segments/file/members', { members: [row('u3')] }, { status: 200 })).body;
  assert.deepEqual([again.removed, again.absent], [0, 1]);
  const big = Array.from({ length: 50001 }, (_, i) => `n${i}`).join('\n');
  await call('POST', `${WS}/segments/file/members?type=user_id`, big, { headers: { 'Content-Type': 'text/plain' }, raw: true, status: 413 });
  const many = (await send('POST', '/segments/match?type=user_id', 'text/plain', big.slice(0, big.lastIndexOf('\n')))).body;
  assert.deepEqual([many.rows, many.unknown, many.errors.length, many.errors_left_out], [50000, 50000, 10000, 40000]);
});

test('wrong calls say what is wrong', async () => {
  await ws('POST', '/segments', { key: 'who_orders', query: "event('Order Completed').count() >= 1" }, { status: 201 });
  const bad = async (body, status, pointer) => {
    const answer = (await ws('POST', '/segments', body, { status })).body;
    if (pointer) assert.equal(answer.errors[0].pointer, pointer);
  };
  await bad({ key: 'vip', kind: 'static' }, 409);
  await bad({ key: 'x', kind: 'list' }, 400, '/kind');
  await bad({ key: 'X', kind: 'static' }, 400, '/key');
  await bad({ key: 'x', kind: 'static', query: "segment('vip')" }, 400, '/query');
  await bad({ key: 'x', kind: 'query', members: [] }, 400, '/kind');
  await bad({ key: 'x', members: {} }, 400, '/members');
  await bad({ key: 'x', snapshot_of: 'nothing' }, 400, '/snapshot_of');
  await bad({ key: 'x', snapshot_of: 'vip', members: [] }, 400, '/members');
  await bad({ key: 'email', kind: 'static' }, 409); // a trait's
  await ws('PUT', '/segments/vip', { query: "segment('file')" }, { status: 400 });
  await ws('POST', '/segments/who_orders/members', { members: [] }, { status: 409 });
  await ws('POST', '/segments/nothing/members', { members: [] }, { status: 404 });
  const csv = (text, params = '') => call('POST', `${WS}/segments/vip/members${params}`, text, { headers: { 'Content-Type': 'text/csv' }, raw: true, status: 400 });
  assert.match((await csv('')).body.detail, /empty/);
  assert.equal((await csv('name,age\nAda,3\n')).body.errors[0].parameter, 'column');
  assert.equal((await csv('name,age\nAda,3\n', '?column=mail')).body.errors[0].parameter, 'column');
  await call('POST', `${WS}/segments/vip/members`, 'x', { headers: { 'Content-Type': 'image/png' }, raw: true, status: 415 });
});

test('a list is a segment: read by others, renamed, exported, guarded', async () => {
  const position = await track('u1', 'Order Completed', { order_id: 'o1', total: 5 });
  await ws('POST', '/segments', { key: 'vip_orders', query: "segment('vip') AND event('Order Completed').count() >= 1" }, { status: 201 });
  await ready('vip_orders');
  const { id } = await profile('u1', position);
  assert.deepEqual(await members('vip_orders'), [id]);
  await ws('DELETE', '/segments/vip', undefined, { status: 409 });
  await ws('DELETE', '/segments/vip/members', { members: [row('u1')] }, { status: 200 });
  assert.deepEqual(await members('vip_orders'), []);
  const [exit] = (await ws('GET', '/segments/vip_orders/changes', undefined, { status: 200 })).body.data;
  assert.deepEqual([exit.change, exit.cause], ['exited', 'segment']);
  await ws('POST', '/segments/vip/members', { members: [{ profile: id }] }, { status: 200 });
  assert.deepEqual(await members('vip_orders'), [id]);
  const renamed = (await ws('PUT', '/segments/vip', { name: 'The best' }, { status: 200 })).body;
  assert.deepEqual([renamed.name, renamed.kind, renamed.size], ['The best', 'static', 2]);
  const preview = (await ws('POST', '/segments/preview', { query: "segment('vip') AND NOT segment('vip_orders')" }, { status: 200 })).body;
  assert.equal(preview.size, 1);
  const why = (await ws('POST', '/segments/explain', { query: "segment('vip')", profile: id }, { status: 200 })).body;
  assert.equal(why.truth, true);
  await ws('POST', `/profiles/${id}/consents`, { purpose: 'marketing_email', state: 'granted' }, { status: 200 });
  const out = await (await fetch(`${kern.url}${WS}/segments/vip/export.csv?purpose=marketing_email&fields=identifier.email,since`, { headers: { Authorization: `Bearer ${TOKEN}` } })).text();
  assert.match(out, /^identifier\.email,since\r\nada@example\.org,2026-11-23T10:/);
  assert.equal(out.trim().split('\r\n').length, 2); // the other one granted nothing
});

test('merged and apart again', async () => {
  await kern.collect('/v1/track', { anonymousId: 'phone', event: 'Seen' });
  const position = (await kern.collect('/v1/track', { anonymousId: 'laptop', event: 'Seen' })).position;
  await kern.profile('anonymous_id', 'laptop', position);
  await ws('POST', '/segments', { key: 'devices', members: [row('phone', 'anonymous_id')] }, { status: 201 });
  const a = await kern.profile('anonymous_id', 'phone');
  const b = await kern.profile('anonymous_id', 'laptop');
  const one = (await ws('POST', '/profiles/merge', { profiles: [a.id, b.id], reason: 'test' }, { status: 200 })).body;
  assert.deepEqual(await members('devices'), [one.id]);
  const apart = (await ws('POST', `/profiles/${one.id}/unmerge`, { identifiers: [{ type: 'anonymous_id', value: 'laptop' }], reason: 'test' }, { status: 200 })).body;
  assert.equal((await get('devices')).size, 1);
  assert.deepEqual([apart.profile, apart.split_off].map((p) => p.segments.some((s) => s.key === 'devices')).sort(), [false, true]);
  const phone = await kern.profile('anonymous_id', 'phone');
  assert.ok(phone.segments.some((s) => s.key === 'devices'));
});

test('a frozen copy, and a list of a number of a report', async () => {
  await track('u2', 'Order Completed', { order_id: 'o2', total: 7 });
  const position = await track('u3', 'Viewed');
  await ready('who_orders');
  await profile('u3', position);
  await ws('POST', '/segments', { key: 'then', name: 'Then', snapshot_of: 'who_orders' }, { status: 201 });
  const frozen = await ready('then');
  assert.deepEqual([frozen.kind, frozen.snapshot_of, frozen.size], ['static', 'who_orders', 2]);
  const later = await track('u3', 'Order Completed', { order_id: 'o3', total: 7 });
  await profile('u3', later);
  assert.equal((await get('who_orders')).size, 3);
  assert.equal((await get('then')).size, 2);
  const funnel = { steps: [{ event: 'Viewed' }, { event: 'Order Completed' }], within: '1 day', from: '2026-11-01', to: '2026-12-01' };
  const saved = (await ws('POST', '/reports/funnel/profiles', { ...funnel, cell: { step: 1 }, save_as: { key: 'went_on', name: 'Went on' } }, { status: 200 })).body;
  assert.deepEqual([saved.size, saved.segment.key, saved.segment.name, saved.segment.kind], [1, 'went_on', 'Went on', 'static']);
  await ready('went_on');
  assert.deepEqual(await members('went_on'), [(await profile('u3')).id]);
  await ws('POST', '/reports/funnel/profiles', { ...funnel, cell: { step: 1 }, save_as: 'went_on' }, { status: 409 });
  await ws('POST', '/reports/funnel/profiles', { ...funnel, cell: { step: 1 }, save_as: 'No good' }, { status: 400 });
});

test('kill -9 loses nothing and brings nothing back', async () => {
  await ws('POST', '/segments', { key: 'gone', members: [row('u1')] }, { status: 201 });
  await ws('DELETE', '/segments/gone', undefined, { status: 204 });
  const position = (await ws('POST', '/segments', { key: 'gone', kind: 'static' }, { status: 201 })).headers.get('kern-position');
  const before = {};
  for (const key of ['vip', 'file', 'then', 'went_on', 'devices', 'gone']) before[key] = (await members(key)).sort();
  assert.deepEqual(before.gone, []);
  await kern.stop('SIGKILL');
  await kern.start();
  for (const key of Object.keys(before)) assert.deepEqual((await members(key, position)).sort(), before[key], key);
  assert.equal((await get('then')).snapshot_of, 'who_orders');
});
