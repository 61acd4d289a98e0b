// What a team keeps survives kill -9; pages of it; alerts follow the clock and what comes in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kern } from './kern.mjs';

const START = '2026-11-23T10:00:00Z';
const made = async (kern, path, body) => {
  const r = await kern.ws('POST', path, body);
  assert.equal(r.status, 201, JSON.stringify(r.body));
  return r.body;
};

test('saved reports, dashboards and notes survive kill -9; at once and in pages', { timeout: 60000 }, async () => {
  const kern = await new Kern().start();
  try {
    // many at the same time: each is kept
    const reports = await Promise.all(Array.from({ length: 30 }, (_, i) => made(kern, '/reports/saved', { name: `R${i}`, kind: 'series', settings: { measure: 'profiles' } })));
    const board = await made(kern, '/dashboards', { name: 'Team "één" \u{1F600}', items: reports.slice(0, 3).map((r) => ({ report: r.id })) });
    const note = await made(kern, '/notes', { at: '2026-11-20', text: 'Actie' });
    // of ten changes made from one version a single one wins
    const races = await Promise.all(Array.from({ length: 10 }, (_, i) => kern.ws('PUT', `/notes/${note.id}`, { at: '2026-11-20', text: `T${i}`, version: 1 })));
    assert.deepEqual(races.map((r) => r.status).sort(), [200, ...Array(9).fill(409)]);
    await kern.stop('SIGKILL');
    await kern.start();
    const seen = [];
    let cursor = '';
    do {
      const r = await kern.ws('GET', `/reports/saved?limit=7${cursor}`);
      assert.ok(r.body.data.length <= 7);
      seen.push(...r.body.data);
      cursor = r.body.next ? `&cursor=${encodeURIComponent(r.body.next)}` : '';
    } while (cursor);
    assert.deepEqual(new Set(seen.map((r) => r.id)), new Set(reports.map((r) => r.id)));
    assert.deepEqual((await kern.ws('GET', `/dashboards/${board.id}`)).body, board);
    assert.deepEqual((await kern.ws('GET', `/notes/${note.id}`)).body.text, races.find((r) => r.status === 200).body.text);
    await kern.stop();
    assert.equal(kern.verify().status, 0);
  } finally {
    await kern.end();
  }
});

test('alerts: silence of orders and sources, a segment that grows', { timeout: 60000 }, async () => {
  const kern = await new Kern(['--clock', 'manual', '--clock-start', START]).start();
  try {
    const clock = async (now) => assert.equal((await kern.api('POST', '/api/v1/clock', { now })).status, 200);
    const send = async (batch, sentAt) => {
      const r = await kern.collect('/v1/batch', { batch: batch.map((m) => ({ type: 'track', sentAt, timestamp: sentAt, ...m })) });
      assert.equal(r.status, 200);
      return r.position;
    };
    const order = (id, user) => ({ userId: user, event: 'Order Completed', properties: { order_id: id, revenue: 10 } });
    const [source] = (await kern.ws('GET', '/sources')).body.data;
    await made(kern, '/segments', { key: 'buyers', name: 'Buyers', query: 'order().count() >= 1' });
    const orders = await made(kern, '/alerts', { name: 'No orders', kind: 'no_orders', hours: 2 });
    const silence = await made(kern, '/alerts', { name: 'Silence', kind: 'silent_source', source: source.id, hours: 3 });
    const growth = await made(kern, '/alerts', { name: 'Growth', kind: 'segment_change', segment: 'buyers', percent: 30, days: 1 });
    assert.deepEqual([orders.state, silence.state, growth.state], ['unknown', 'unknown', 'unknown']);
    const states = async (after) => {
      const { data } = (await kern.ws('GET', `/alerts${after ? `?after=${after}` : ''}`)).body;
      return Object.fromEntries(data.map((a) => [a.name, a]));
    };

    let at = await send([order('o1', 'a'), order('o2', 'b'), order('o3', 'c')], START);
    let now = await states(at);
    assert.deepEqual([now['No orders'].state, now['No orders'].last_at, now.Silence.state], ['ok', START, 'ok']);
    // the very moment counts
    await clock('2026-11-23T11:59:59.999Z');
    assert.equal((await states())['No orders'].state, 'ok');
    await clock('2026-11-23T12:00:00Z');
    now = await states();
    assert.deepEqual([now['No orders'].state, now['No orders'].since, now.Silence.state], ['firing', '2026-11-23T12:00:00Z', 'ok']);
    await clock('2026-11-23T13:00:00Z');
    assert.equal((await states()).Silence.state, 'firing');
    // the same order again is no order; a new one is
    await clock('2026-11-24T13:00:00Z');
    at = await send([order('o1', 'a')], '2026-11-24T13:00:00Z');
    now = await states(at);
    assert.deepEqual([now['No orders'].state, now.Silence.state, now.Growth.state, now.Growth.size_before], ['firing', 'ok', 'ok', 3]);
    at = await send([order('o4', 'd')], '2026-11-24T13:00:00Z');
    now = await states(at);
    assert.deepEqual([now['No orders'].state, now.Growth.state, now.Growth.size], ['ok', 'firing', 4]);
    await kern.stop('SIGKILL');
    await kern.start();
    assert.deepEqual((await states(at)).Growth, now.Growth);
    await kern.ws('DELETE', '/segments/buyers');
    assert.equal((await states()).Growth.state, 'missing');
  } finally {
    await kern.end();
  }
});
