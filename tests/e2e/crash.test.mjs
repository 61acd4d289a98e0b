// kill -9 at random moments under load: everything acknowledged is there, once, and nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kern, sleep } from './kern.mjs';

const ROUNDS = Number(process.env.KERN_KILL_ROUNDS ?? 5);

test(`acknowledged events survive ${ROUNDS} kills`, { timeout: 60000 + ROUNDS * 20000 }, async () => {
  const kern = await new Kern().start();
  const acked = new Set();
  const sent = new Set();
  let n = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      let running = true;
      const client = async () => {
        while (running) {
          const ids = Array.from({ length: 20 }, () => `k-${n++}`);
          ids.forEach((id) => sent.add(id));
          const batch = ids.map((messageId, i) => ({ type: 'track', event: 'E', messageId, userId: `user-${i % 10}`, anonymousId: `anon-${i % 10}` }));
          try {
            const r = await kern.collect('/v1/batch', { batch });
            if (r.status === 200) ids.forEach((id) => acked.add(id));
          } catch {
            // the server was killed: these may or may not be stored
          }
        }
      };
      const clients = Array.from({ length: 8 }, client);
      await sleep(300 + Math.random() * 700);
      running = false;
      await kern.stop('SIGKILL');
      await Promise.all(clients);
      await kern.start();
    }
    const r = await kern.collect('/v1/track', { event: 'Last', userId: 'user-0', messageId: 'last' });
    const found = new Map();
    for (let i = 0; i < 10; i++) {
      const p = await kern.profile('user_id', `user-${i}`, r.position);
      const events = await kern.events(p);
      assert.equal(p.counters.events, events.length);
      for (const e of events) found.set(e.message_id, (found.get(e.message_id) ?? 0) + 1);
    }
    found.delete('last');
    for (const id of acked) assert.equal(found.get(id), 1, `${id} was acknowledged`);
    for (const [id, count] of found) assert.ok(count === 1 && sent.has(id), `${id} is there ${count} times`);
    assert.ok(acked.size > 1000, `${acked.size} events were acknowledged`);
    assert.equal((await kern.stop()).code, 0);
    const verified = kern.verify();
    assert.equal(verified.status, 0, verified.stderr);
  } finally {
    await kern.end();
  }
});
