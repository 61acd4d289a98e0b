// Segments from outside: live membership, exits by time, building, previews, purposes, restarts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Documented } from './documented.mjs';
import { Kern, sleep } from './kern.mjs';

const START = '2026-11-23T10:00:00Z';
const kern = new Kern(['--clock', 'manual', '--clock-start', START]);
const documented = new Documented(kern);
const { call, ws } = documented;

before(async () => {
  await kern.start();
  await documented.load();
});
after(() => kern.end());

const track = async (userId, event, properties = {}, more = {}) => (await kern.collect('/v1/track', { userId, event, properties, ...more })).position;
const identify = async (userId, traits, more = {}) => (await kern.collect('/v1/identify', { userId, traits, ...more })).position;
const clock = (now) => call('POST', '/api/v1/clock', { now }, { status: 200 });
const idOf = async (userId, position) => (await kern.profile('user_id', userId, position)).id;
const preview = async (query, purpose, position) =>
  (await ws('POST', `/segments/preview?${new URLSearchParams({ ...(purpose && { purpose }), ...(position && { after: position }) })}`, { query }, { status: 200 })).body;

async function ready(key, kind = 'segments') {
  for (let i = 0; i < 400; i++) {
    const s = (await ws('GET', `/${kind}/${key}`, undefined, { status: 200 })).body;
    if (s.status === 'ready') return s;
    await sleep(25);
  }
  throw new Error(`${key} did not become ready`);
}

const make = async (key, query, kind = 'segments') => {
  const r = await ws('POST', `/${kind}`, { key, name: key, query }, { status: 201 });
  assert.match(r.headers.get('kern-position'), /^\d+-\d+$/);
  return ready(key, kind);
};

async function members(key, params = '') {
  const ids = [];
  let cursor = '';
  do {
    const page = (await ws('GET', `/segments/${key}/members?limit=3${params}${cursor}`, undefined, { status: 200 })).body;
    ids.push(...page.data.map((m) => m.id));
    cursor = page.next ? `&cursor=${page.next}` : '';
  } while (cursor);
  return ids;
}

async function select(query, params = '') {
  const ids = [];
  let cursor = '';
  do {
    const page = (await ws('GET', `/profiles?query=${encodeURIComponent(query)}&limit=3${params}${cursor}`, undefined, { status: 200 })).body;
    ids.push(...page.data.map((p) => p.id));
    cursor = page.next ? `&cursor=${page.next}` : '';
  } while (cursor);
  return ids;
}

test('an event makes a member at its position; time alone ends it at the very moment', async () => {
  await make('live', "event('Visited').within(1 hour).count() >= 2");
  await track('live-1', 'Visited', {}, { timestamp: '2026-11-23T09:30:00Z' });
  const position = await track('live-1', 'Visited', {}, { timestamp: '2026-11-23T10:00:00Z', messageId: 'second-visit' });
  const id = await idOf('live-1', position);
  assert.deepEqual((await ws('GET', `/segments/live/members?after=${position}`)).body.data, [{ id, since: START }]);
  assert.deepEqual((await ws('GET', `/profiles/${id}`)).body.segments, [{ key: 'live', since: START }]);
  assert.equal((await ws('GET', '/segments/live')).body.size, 1);

  const why = (await ws('POST', '/segments/explain', { query: "event('Visited').within(1 hour).count() >= 2", profile: id }, { status: 200 })).body;
  assert.equal(why.truth, true);
  assert.equal(why.tree.value, 2);
  assert.equal(why.next_change_at, '2026-11-23T10:30:00Z');

  await clock('2026-11-23T10:29:59.999999Z');
  assert.deepEqual(await members('live'), [id]);
  await clock('2026-11-23T10:30:00Z');
  assert.deepEqual(await members('live'), []);
  const changes = (await ws('GET', '/segments/live/changes', undefined, { status: 200 })).body.data;
  assert.deepEqual(changes, [
    { at: '2026-11-23T10:30:00Z', change: 'exited', profile: id, cause: 'time' },
    { at: START, change: 'entered', profile: id, cause: 'message', message_id: 'second-visit' },
  ]);
  const first = (await ws('GET', '/segments/live/changes?limit=1', undefined, { status: 200 })).body;
  assert.equal(first.data[0].change, 'exited');
  assert.equal((await ws('GET', `/segments/live/changes?limit=1&cursor=${first.next}`)).body.data[0].change, 'entered');
  assert.equal((await ws('GET', '/segments/live/changes?from=2026-11-23T10:10:00Z')).body.data.length, 1);
  assert.equal((await ws('GET', '/segments/live/changes?to=2026-11-23T10:10:00Z')).body.data[0].change, 'entered');
  const days = (await ws('GET', '/segments/live/history?step=day&from=2026-11-22T12:00:00Z&to=2026-11-23T12:00:00Z')).body.data;
  assert.deepEqual(days, [{ at: '2026-11-21T23:00:00Z', size: 0 }, { at: '2026-11-22T23:00:00Z', size: 0 }]);
  assert.equal((await ws('GET', '/segments/live/history')).body.data.length, 30);
  await ws('GET', '/segments/live/history?step=hour', undefined, { status: 400 });
});

test('a new segment is built over the history, and equals preview and selection', async () => {
  let position;
  for (let i = 0; i < 20; i++) {
    position = await track(`hist-${i}`, 'Bought', { value: i, sku: i % 2 ? 'odd' : 'even' });
  }
  const query = "event('Bought').where(property('sku') = 'odd').sum(property('value')) > 4";
  const before_ = await preview(query, null, position);
  assert.equal(before_.size, 8);
  assert.equal(before_.sample.length, 8);
  assert.ok(before_.took_ms >= 0);
  const made = await make('odd_buyers', query);
  assert.equal(made.size, 8);
  assert.equal(made.progress, 1);
  assert.deepEqual(await members('odd_buyers'), before_.sample);
  assert.deepEqual(await select(query), before_.sample);
  assert.deepEqual(await select(query, '&sort=desc'), before_.sample.toReversed());
  assert.deepEqual(await select("segment('odd_buyers')"), before_.sample);
  assert.equal((await preview("NOT segment('odd_buyers') AND event('Bought').count() >= 1")).size, 12);
  const causes = (await ws('GET', '/segments/odd_buyers/changes?limit=100')).body.data;
  assert.ok(causes.length === 8 && causes.every((c) => c.cause === 'definition'));
  const one = (await ws('GET', `/profiles?query=${encodeURIComponent(query)}&limit=1&fields=segments`)).body.data[0];
  assert.deepEqual(Object.keys(one), ['id', 'segments']);
  for (const bad of ['fields=nonsense', 'sort=up', 'fields=']) {
    await ws('GET', `/profiles?query=${encodeURIComponent(query)}&${bad}`, undefined, { status: 400 });
  }

  const changed = (await ws('PUT', '/segments/odd_buyers', { query: query.replace('> 4', '> 10') }, { status: 200 })).body;
  assert.equal(changed.name, 'odd_buyers');
  assert.equal(changed.version, 2);
  assert.equal((await ready('odd_buyers')).size, 5);
});

test('wrong queries say where, what was expected and what was meant', async () => {
  const wrong = await ws('POST', '/segments', { key: 'wrong', query: "event('Bought').count( >= 1" }, { status: 400 });
  assert.equal(wrong.body.errors[0].position, 23);
  assert.match(wrong.body.detail, /expected/i);
  const unknown = await ws('POST', '/segments/preview', { query: "segment('odd_buyer')" }, { status: 400 });
  assert.equal(unknown.body.errors[0].position, 0);
  assert.match(unknown.body.detail, /odd_buyers/);
  const typo = (await ws('POST', '/segments', { key: 'typo', query: "event('Bougth').count() >= 1" }, { status: 201 })).body;
  assert.equal(typo.size, 0);
  assert.deepEqual(typo.warnings.map((w) => [w.position, /Bought/.test(w.detail)]), [[0, true]]);
  for (const body of [{ query: "event('X').count() = 1" }, { key: 'Upper', query: '' }, { key: '9x', query: '' }, { key: 'x'.repeat(65), query: '' }, { key: 'no_query' }, { key: 'bad_name', name: 5, query: "event('X').count() = 1" }]) {
    await ws('POST', '/segments', body, { status: 400 });
  }
});

test('one key space, circles, and what others read', async () => {
  await make('left', "event('Left').count() >= 1");
  await make('right', "segment('left') AND event('Right').count() >= 1");
  const circle = await ws('PUT', '/segments/left', { query: "segment('right')" }, { status: 400 });
  assert.match(circle.body.detail, /circle/);
  await ws('POST', '/segments', { key: 'left', query: "event('Left').count() >= 1" }, { status: 409 });
  await ws('POST', '/computed', { key: 'left', query: "event('Left').count()" }, { status: 409 });
  await ws('GET', '/computed/left', undefined, { status: 404 });
  await identify('traits-1', { shoe_size: 43 }).then((position) => idOf('traits-1', position));
  await ws('POST', '/segments', { key: 'shoe_size', query: "event('Left').count() >= 1" }, { status: 409 });
  const used = await ws('DELETE', '/segments/left', undefined, { status: 409 });
  assert.match(used.body.detail, /right/);
  await ws('DELETE', '/segments/right', undefined, { status: 204 });
  await ws('DELETE', '/segments/left', undefined, { status: 204 });
  await ws('DELETE', '/segments/left', undefined, { status: 404 });
  const keys = (await ws('GET', '/segments?limit=1000')).body.data.map((s) => s.key);
  assert.deepEqual(keys, keys.toSorted());
  const paged = [];
  let cursor = '';
  do {
    const page = (await ws('GET', `/segments?limit=1${cursor}`, undefined, { status: 200 })).body;
    paged.push(...page.data.map((s) => s.key));
    cursor = page.next ? `&cursor=${page.next}` : '';
  } while (cursor);
  assert.deepEqual(paged, keys);
});

test('computed traits: on profiles, in segments, in previews', async () => {
  await make('spent', "event('Paid').sum(property('value'))", 'computed');
  await track('comp-1', 'Paid', { value: 10 });
  await track('comp-1', 'Paid', { value: 2.5 });
  const position = await track('comp-2', 'Paid', { value: 3 });
  const id = await idOf('comp-1', position);
  assert.deepEqual((await ws('GET', `/profiles/${id}`)).body.computed, { spent: 12.5 });
  assert.deepEqual(await select("trait('spent') > 5"), [id]);
  assert.equal((await preview("trait('spent') > 0")).size, 2);
  const report = { measure: 'profiles', unit: 'month', event: 'Paid', from: '2020-01-01', to: '2099-01-01', segment: { query: "trait('spent') > 5" } };
  const sums = (await ws('POST', '/reports/series', report)).body.groups.map((g) => g.points.reduce((a, b) => a + b, 0));
  assert.deepEqual(sums, [1]); // a report sees what a preview sees
  await make('spenders', "trait('spent') > 5");
  assert.deepEqual(await members('spenders'), [id]);
  const next = await track('comp-2', 'Paid', { value: 4 });
  assert.equal((await ws('GET', `/segments/spenders?after=${next}`)).body.size, 2);
  const traits = async (params) => (await call('GET', `/v1/spaces/default/collections/users/profiles/user_id:comp-1/traits${params}`, undefined, { status: 200 })).body.traits;
  assert.deepEqual(await traits('?class=computed_trait'), { spent: 12.5 });
  assert.deepEqual(await traits('?class=audience'), { spenders: true });
  assert.deepEqual(await traits(''), { spent: 12.5, spenders: true });
  await ws('DELETE', '/computed/spent', undefined, { status: 409 });
});

test('purposes: who may be used, in previews, members and exports', async () => {
  const said = [['p-1', 'granted'], ['p-2', 'denied'], ['p-3', null], ['p-4', 'granted']];
  const ids = {};
  for (const [user, state] of said) {
    await identify(user, { email: `${user}@example.nl`, nick: user === 'p-1' ? '=HYPERLINK("http://x")' : '-5, "quoted"', debt: -5 });
    ids[user] = await idOf(user, await track(user, 'Asked'));
    if (state) await ws('POST', `/profiles/${ids[user]}/consents`, { purpose: 'marketing_email', state, at: '2026-11-20T10:00:00Z' }, { status: 200 });
  }
  const query = "event('Asked').count() >= 1";
  await make('asked', query);
  const all = await preview(query);
  assert.equal(all.size, 4);
  assert.equal(all.eligible.marketing_email, 2);
  assert.equal(all.eligible.advertising, 0);
  const mail = await preview(query, 'marketing_email');
  assert.deepEqual([mail.size, mail.sample], [2, [ids['p-1'], ids['p-4']]]);
  assert.equal((await ws('GET', '/segments/asked?purpose=marketing_email', undefined, { status: 200 })).body.size, 2);
  assert.deepEqual(await members('asked', '&purpose=marketing_email'), [ids['p-1'], ids['p-4']]);
  assert.deepEqual(await select(query, '&purpose=marketing_email'), [ids['p-1'], ids['p-4']]);
  assert.equal((await members('asked')).length, 4);
  await ws('GET', '/segments/asked/members?purpose=No!', undefined, { status: 400 });

  await ws('GET', '/segments/asked/export.csv', undefined, { status: 400 });
  await ws('GET', '/segments/asked/export.csv?purpose=marketing_email&fields=id,password', undefined, { status: 400 });
  const csv = (await ws('GET', '/segments/asked/export.csv?purpose=marketing_email&fields=identifier.email,trait.nick,trait.debt,consent.state,consent.basis', undefined, { status: 200 })).body;
  assert.equal(
    csv,
    'identifier.email,trait.nick,trait.debt,consent.state,consent.basis\r\n' +
      'p-1@example.nl,"\'=HYPERLINK(""http://x"")",-5,granted,consent\r\n' +
      'p-4@example.nl,"\'-5, ""quoted""",-5,granted,consent\r\n',
  );
  const page = await ws('GET', '/segments/asked/export.csv?purpose=service&limit=3&fields=id', undefined, { status: 200 });
  const rest = await ws('GET', `/segments/asked/export.csv?purpose=service&limit=3&fields=id&cursor=${page.headers.get('kern-next')}`, undefined, { status: 200 });
  assert.deepEqual((page.body + rest.body).trim().split('\r\n'), ['id', ...Object.values(ids)]);
  assert.equal(rest.headers.get('kern-next'), null);

  // consent taken back: out of what may be used at once
  await ws('POST', `/profiles/${ids['p-1']}/consents`, { purpose: 'marketing_email', state: 'denied' }, { status: 200 });
  assert.deepEqual(await members('asked', '&purpose=marketing_email'), [ids['p-4']]);
});

test('roles: an analyst sees sizes and no person; a marketer makes segments and exports none', async () => {
  const token = async (role) => (await call('POST', '/api/v1/tokens', { name: role, role }, { status: 201 })).body.token;
  const as = async (role) => ({ auth: `Bearer ${await token(role)}` });
  const analyst = await as('analyst');
  const marketer = await as('marketer');
  const seen = (await ws('POST', '/segments/preview', { query: "event('Asked').count() >= 1" }, { ...analyst, status: 200 })).body;
  assert.deepEqual([seen.size, seen.sample], [4, []]);
  assert.equal((await ws('GET', '/segments/asked', undefined, { ...analyst, status: 200 })).body.size, 4);
  await ws('GET', '/segments/asked/history', undefined, { ...analyst, status: 200 });
  for (const part of ['members', 'changes', 'export.csv?purpose=service']) {
    await ws('GET', `/segments/asked/${part}`, undefined, { ...analyst, status: 403 });
  }
  await ws('POST', '/segments', { key: 'mine', query: "event('Asked').count() >= 1" }, { ...analyst, status: 403 });
  await ws('POST', '/segments', { key: 'mine', query: "event('Asked').count() >= 1" }, { ...marketer, status: 201 });
  await ws('GET', '/segments/asked/members', undefined, { ...marketer, status: 200 });
  await ws('GET', '/segments/asked/export.csv?purpose=service', undefined, { ...marketer, status: 403 });
});

test('killed at any moment, memberships are what they were at the acknowledged position', async () => {
  const query = "event('Kept').count() >= 3";
  await make('kept', query);
  let position;
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 12; i++) position = await track(`kept-${i}`, 'Kept', {}, { messageId: `kept-${round}-${i}` });
    if (round === 1) await ws('POST', '/segments', { key: 'kept_twice', query: "event('Kept').count() = 2" }, { status: 201 });
    await kern.stop('SIGKILL');
    await kern.start();
  }
  assert.equal((await ws('GET', `/segments/kept?after=${position}`, undefined, { status: 200 })).body.size, 12);
  assert.equal((await ready('kept_twice')).size, 0);
  const found = await members('kept');
  assert.equal(found.length, 12);
  assert.deepEqual(await select(query), found);
  const changes = (await ws('GET', '/segments/kept/changes?limit=100')).body.data;
  assert.equal(changes.length, 12);
  assert.equal(new Set(changes.map((c) => c.profile)).size, 12);
});

test('the limit of definitions is exact, said precisely, and takes nothing away', async () => {
  const few = new Kern(['--definitions', '3']);
  await few.start();
  try {
    const doc = new Documented(few);
    await doc.load();
    const post = (kind, key, query, status) => doc.ws('POST', `/${kind}`, { key, query }, { status });
    await post('segments', 'a', "event('X').count() >= 1", 201);
    await post('computed', 'b', "event('X').count()", 201);
    await post('segments', 'c', "segment('a')", 201);
    const refused = await post('segments', 'd', "event('X').count() >= 2", 409);
    assert.match(refused.body.detail, /at most 3 segments and computed traits, and this one has 3: .*--definitions/);
    await post('segments', 'c', "event('X').count() >= 2", 409);
    await doc.ws('PUT', '/segments/c', { query: "event('Y').count() >= 2" }, { status: 200 });
    await doc.ws('DELETE', '/computed/b', undefined, { status: 204 });
    await post('segments', 'd', "event('X').count() >= 2", 201);
    assert.deepEqual((await doc.ws('GET', '/segments', undefined, { status: 200 })).body.data.map((s) => s.key), ['a', 'c', 'd']);
    few.args = ['--definitions', '1'];
    await few.stop();
    await few.start();
    assert.equal((await doc.ws('GET', '/segments', undefined, { status: 200 })).body.data.length, 3);
    await post('segments', 'e', "event('X').count() >= 2", 409);
  } finally {
    await few.end();
  }
});
