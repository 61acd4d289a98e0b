// Every change arrives, in order for each profile, though the receiver fails in every way it can and
// Kern is killed again and again; and a dead receiver slows nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kern, sleep } from './kern.mjs';
import { Receiver, verify } from './receiver.mjs';

const PROFILES = 60;
const ROUNDS = 6;

const toggle = (kern, round) =>
  kern.collect('/v1/batch', {
    batch: Array.from({ length: PROFILES }, (_, i) => ({ type: 'identify', userId: `u${i}`, traits: { tier: round % 2 ? 'no' : 'yes' } })),
  });

async function changesOf(kern) {
  const all = [];
  let cursor = '';
  do {
    const page = (await kern.ws('GET', `/segments/vip/changes?limit=1000${cursor}`)).body;
    all.push(...page.data);
    cursor = page.next ? `&cursor=${page.next}` : '';
  } while (cursor);
  return all.reverse();
}

// A receiver applies the first of each id.
function applied(taken) {
  const seen = new Set();
  return taken.filter((c) => !seen.has(c.id) && seen.add(c.id));
}

function groupBy(list, key) {
  const groups = new Map();
  for (const one of list) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
}

const order = (call) => call.body.data.position.split('-').map(Number);
const byPosition = (a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1];

test('nothing is lost and nothing is out of order over kill -9 and a receiver that fails', async () => {
  const kern = new Kern(['--allow-private-destinations']);
  const receiver = await new Receiver().start();
  let hung = 0;
  let count = 0;
  receiver.answer = async (_, times) => {
    const n = count++;
    if (times > 0) return 200;
    if (n % 97 === 31 && hung++ < 2) return 'hang';
    if (n % 13 === 5) return 500;
    if (n % 17 === 3) return 'close';
    if (n % 11 === 7) await sleep(120);
    return n % 2 ? 200 : 204;
  };
  try {
    await kern.start();
    await kern.ws('POST', '/segments', { key: 'vip', query: "trait('tier') = 'yes'" });
    const { secret, id } = (await kern.ws('POST', '/destinations', { url: receiver.url, purpose: 'service', segments: ['vip'] })).body;
    for (let round = 0; round < ROUNDS; round++) {
      assert.equal((await toggle(kern, round)).status, 200);
      await sleep(80 + 60 * (round % 3));
      if (round % 2 === 1) {
        await kern.stop('SIGKILL');
        await kern.start();
      }
    }
    const wanted = PROFILES * ROUNDS;
    for (let i = 0; i < 1200 && new Set(receiver.taken.map((c) => c.id)).size < wanted; i++) await sleep(50);
    const got = applied(receiver.taken);
    assert.equal(got.length, wanted);
    assert.ok(receiver.calls.length > wanted, 'some came more than once');
    const changes = await changesOf(kern);
    assert.equal(changes.length, wanted);
    const expected = groupBy(changes, (c) => c.profile);
    for (const [profile, calls] of groupBy(got, (c) => c.body.data.profile.id)) {
      assert.deepEqual(calls, [...calls].sort(byPosition), 'in order');
      assert.deepEqual(
        calls.map((c) => c.body.type),
        expected.get(profile).map((c) => `audience.${c.change}`),
      );
    }
    for (const c of receiver.calls.slice(-50)) assert.ok(verify(secret, c.headers, c.raw));
    for (let i = 0; i < 100; i++) {
      const s = (await kern.ws('GET', `/destinations/${id}`)).body.statistics;
      if (s.waiting === 0) break;
      await sleep(50);
    }
    const s = (await kern.ws('GET', `/destinations/${id}`)).body.statistics;
    assert.equal(s.waiting, 0);
    assert.equal(s.dead_letters + s.missed + s.dropped, 0);
    // What is done stays done over a stop and a start.
    const before = receiver.calls.length;
    assert.equal((await kern.stop()).code, 0);
    assert.equal(kern.verify().status, 0);
    await kern.start();
    await sleep(500);
    assert.equal(receiver.calls.length, before);
  } finally {
    receiver.end();
    await kern.end();
  }
});

test('a receiver that never answers slows neither intake nor another destination, and memory stays', async () => {
  const kern = new Kern(['--allow-private-destinations']);
  const dead = await new Receiver().start();
  const good = await new Receiver().start();
  dead.answer = () => 'hang';
  try {
    await kern.start();
    await kern.ws('POST', '/segments', { key: 'vip', query: "trait('tier') = 'yes'" });
    const make = async (url) => (await kern.ws('POST', '/destinations', { url, purpose: 'service', segments: ['vip'] })).body.id;
    const deadId = await make(dead.url);
    await make(good.url);
    const people = 20000;
    for (let i = 0; i < people; i += 500) {
      const batch = Array.from({ length: 500 }, (_, k) => ({ type: 'identify', userId: `p${i + k}`, traits: { tier: 'yes' } }));
      assert.equal((await kern.collect('/v1/batch', { batch })).status, 200);
    }
    const begin = Date.now();
    while (good.taken.length < people && Date.now() - begin < 60000) await sleep(50);
    assert.equal(new Set(good.taken.map((c) => c.id)).size, people);
    assert.ok(dead.calls.length <= 8 + 8, `${dead.calls.length} calls to the dead one`);
    const s = (await kern.ws('GET', `/destinations/${deadId}`)).body.statistics;
    assert.equal(s.waiting, people);
    const metrics = await (await fetch(`${kern.url}/metrics`)).text();
    const heap = Number(/kern_heap_bytes (\d+)/.exec(metrics)[1]);
    assert.ok(heap < 400e6, `${heap} bytes`);
    // Stopping does not wait for it.
    const stop = Date.now();
    assert.equal((await kern.stop()).code, 0);
    assert.ok(Date.now() - stop < 10000);
  } finally {
    dead.end();
    good.end();
    await kern.end();
  }
});
