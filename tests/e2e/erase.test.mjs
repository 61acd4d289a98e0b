// An erasure under load with kill -9 at random moments: in the end not a byte of the person is left in the data directory,
// packed or not, and everybody else is as before.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kern, sleep } from './kern.mjs';

const KILLS = Number(process.env.KERN_KILL_ROUNDS ?? 4);
const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

function unpack(bytes) {
  const run = spawnSync('zstd', ['-d', '-c', '-q'], { input: bytes, maxBuffer: 1 << 28 });
  assert.equal(run.error, undefined);
  return run.stdout;
}

// Blocks stand back to back, so each begins where the one before it ended; behind the last one is no frame.
function texts(path) {
  const bytes = readFileSync(path);
  const all = [bytes];
  if (path.endsWith('.run')) {
    const first = bytes.indexOf(MAGIC);
    if (first >= 0) all.push(unpack(bytes.subarray(first)));
  }
  return all;
}

function find(dir, needles) {
  const found = [];
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    for (const text of texts(path)) {
      for (const needle of needles) if (text.includes(needle)) found.push(`${needle} in ${path}`);
    }
  }
  return found;
}

const person = (name, n) => ({
  batch: [
    { type: 'identify', messageId: `${name}-message-${n}-i`, userId: `${name}-user`, anonymousId: `${name}-device`, traits: { email: `${name}@mail.example`, city: `${name}-city` } },
    { type: 'track', event: 'Order Completed', messageId: `${name}-message-${n}-o`, userId: `${name}-user`, properties: { order_id: `${name}-order-${n}`, total: 10 } },
    { type: 'track', event: 'Viewed', messageId: `${name}-message-${n}-v`, anonymousId: `${name}-device`, properties: { sku: `${name}-sku` } },
    // refused: its sample is masked, but for the message id
    { type: 'track', event: 42, messageId: `refused-${n}`, anonymousId: `${name}-device`, properties: { sku: `${name}-sku` } },
  ],
});

test(`nothing is left of a person after ${KILLS} kills`, { timeout: 240000 }, async () => {
  const kern = await new Kern().start();
  const needles = ['leaver-user', 'leaver-device', 'leaver@mail.example', 'leaver-city', 'leaver-sku', 'leaver-order', 'leaver-message'];
  let running = true;
  let n = 0;
  const load = async () => {
    while (running) {
      try {
        await kern.collect('/v1/batch', { batch: Array.from({ length: 20 }, (_, i) => ({ type: 'track', event: 'E', userId: `user-${i}`, messageId: `l-${n++}` })) });
      } catch {
        await sleep(20); // it was killed
      }
    }
  };
  try {
    assert.equal((await kern.ws('POST', '/segments', { key: 'viewers', query: "event('Viewed').count() >= 1" })).status, 201);
    for (let i = 0; i < 3; i++) {
      await kern.collect('/v1/batch', person('leaver', i));
      const { position } = await kern.collect('/v1/batch', person('stayer', i));
      await kern.profile('user_id', 'stayer-user', position);
      await kern.stop(); // a checkpoint: files of each round
      await kern.start();
    }
    assert.equal(new Set(find(kern.dir, needles).map((f) => f.split(' in ')[0])).size, needles.length, 'it is there to be erased');
    const before = await kern.profile('user_id', 'stayer-user');
    const events = await kern.events(before);
    const loads = [load(), load()];
    const asked = await kern.ws('POST', '/erasures', { identifier: { type: 'email', value: 'leaver@mail.example' } });
    assert.equal(asked.status, 202);
    for (let i = 0; i < KILLS; i++) {
      await sleep(50 + Math.random() * 900);
      await kern.stop('SIGKILL');
      await kern.start();
      const after = asked.headers.get('kern-position');
      assert.equal(await kern.profile('user_id', 'leaver-user', after), null);
      assert.equal((await kern.ws('GET', `/erasures/${asked.body.id}?after=${after}`)).status, 200);
    }
    // what comes late comes to nothing, and is answered as anything else
    assert.equal((await kern.collect('/v1/track', { event: 'Late', userId: 'leaver-user', messageId: 'leaver-message-late', timestamp: new Date(Date.now() - 3600000).toISOString() })).status, 200);
    let receipt;
    for (let i = 0; i < 600 && receipt?.state !== 'done'; i++) {
      await sleep(100);
      receipt = (await kern.ws('GET', `/erasures/${asked.body.id}`)).body;
    }
    assert.equal(receipt.state, 'done', JSON.stringify(receipt));
    assert.ok(receipt.stores.every((s) => s.state === 'erased' && s.erased_at));
    assert.ok(Date.parse(receipt.done_at) < Date.parse(receipt.deadline));
    running = false;
    await Promise.all(loads);
    assert.deepEqual(find(kern.dir, needles), []);
    assert.ok(find(kern.dir, ['stayer-sku']).length > 0);
    assert.deepEqual(await kern.profile('user_id', 'stayer-user'), before);
    assert.deepEqual(await kern.events(before), events);
    const changes = (await kern.ws('GET', '/segments/viewers/changes')).body.data;
    const gone = changes.find((c) => c.cause === 'erasure');
    assert.ok(gone && gone.change === 'exited' && gone.profile === null && !gone.message_id);
    assert.equal((await kern.ws('GET', '/segments/viewers')).body.size, 1);
    assert.equal(await kern.profile('user_id', 'leaver-user'), null);
    assert.equal((await kern.stop()).code, 0);
    assert.deepEqual(find(kern.dir, needles), []);
    const verified = kern.verify();
    assert.equal(verified.status, 0, verified.stderr);
    assert.match(verified.stdout + verified.stderr, /erasures: 1/);
  } finally {
    running = false;
    await kern.end();
  }
});

test('who comes back after an erasure has nothing of the old profile: no trait, no list', { timeout: 60000 }, async () => {
  const kern = await new Kern().start();
  try {
    const { position } = await kern.collect('/v1/batch', person('leaver', 1));
    const old = await kern.profile('user_id', 'leaver-user', position);
    const made = await kern.ws('POST', '/segments', { key: 'invited', kind: 'static', members: [{ type: 'email', value: 'leaver@mail.example' }, { type: 'user_id', value: 'leaver-user' }] });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    for (let i = 0; i < 200 && (await kern.ws('GET', '/segments/invited')).body.status !== 'ready'; i++) await sleep(20);
    assert.equal((await kern.ws('GET', '/segments/invited')).body.size, 1);
    const asked = await kern.ws('DELETE', `/profiles/${old.id}`);
    assert.equal(asked.status, 202);
    const again = await kern.collect('/v1/identify', { messageId: 'again', userId: 'leaver-user', traits: { email: 'leaver@mail.example' } });
    const back = await kern.profile('email', 'leaver@mail.example', again.position);
    assert.notEqual(back.id, old.id);
    assert.deepEqual([back.segments, back.traits, back.counters.events], [[], { email: 'leaver@mail.example' }, 1]);
    assert.equal((await kern.ws('GET', '/segments/invited')).body.size, 0);
  } finally {
    await kern.end();
  }
});
