// The demo shop: the same seed makes the same shop, and what is in it looks like one.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BINARY, sleep } from './kern.mjs';

const dir = mkdtempSync(join(tmpdir(), 'kern-demo-'));
after(() => rmSync(dir, { recursive: true, force: true }));

async function shop(name, seed) {
  const data = join(dir, name);
  const child = spawn(BINARY, ['demo', '--data', data, '--listen', '127.0.0.1:0', '--profiles', '3000', '--days', '120', '--seed', seed], { stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  child.stdout.on('data', (d) => (out += d));
  const exited = new Promise((resolve) => child.on('exit', resolve));
  for (let i = 0; i < 1200 && !out.includes('Stop with'); i++) await sleep(50);
  assert.match(out, /http:\/\/127\.0\.0\.1:\d+\//);
  assert.match(out, /login .*\n.*password/);
  child.kill('SIGTERM');
  assert.equal(await exited, 0);
  const r = spawnSync(BINARY, ['export', '--data', data], { encoding: 'utf8', maxBuffer: 1 << 29 });
  assert.equal(r.status, 0, r.stderr);
  return r.stdout.trim().split('\n').map((l) => JSON.parse(l)).filter((l) => l.kind === 'event');
}

test('a believable shop, the same from the same seed', { timeout: 120000 }, async () => {
  let events;
  let again;
  for (let i = 0; i < 2; i++) { // once more if an hour began between the two
    const hour = new Date().getUTCHours();
    events = await shop(`a${i}`, '7');
    again = await shop(`b${i}`, '7');
    if (new Date().getUTCHours() === hour) break;
  }
  const bare = (list) => list.map(({ received_at, ...e }) => JSON.stringify(e));
  assert.deepEqual(bare(again), bare(events));
  const count = (f) => events.filter(f).length;
  const named = (n) => events.filter((e) => e.name === n);

  // rhythm: evenings against nights, every week its mail, no heap at either end
  const local = new Intl.DateTimeFormat('nl-NL', { timeZone: 'Europe/Amsterdam', hour: 'numeric', hourCycle: 'h23' });
  const pages = named('Page Viewed');
  const hours = Array(24).fill(0);
  for (const e of pages) hours[Number(local.format(new Date(e.time)))]++;
  assert.ok(hours[20] + hours[21] > 5 * (hours[3] + hours[4]), hours.join(' '));
  const days = new Map();
  for (const e of pages) days.set(e.time.slice(0, 10), (days.get(e.time.slice(0, 10)) ?? 0) + 1);
  const perDay = [...days.values()];
  assert.ok(perDay.length >= 118);
  const usual = [...perDay].sort((a, b) => a - b)[Math.floor(perDay.length / 2)];
  assert.ok(Math.max(...perDay) < 4 * usual, `the busiest day has ${Math.max(...perDay)}, a usual one ${usual}`);

  // carts left behind, orders once by browser and once by server, some returned after days
  const orders = new Map();
  for (const e of events) if (e.order) orders.set(e.order.order_id, [...(orders.get(e.order.order_id) ?? []), e]);
  assert.ok(named('Checkout Started').length > orders.size && named('Product Added').length > named('Checkout Started').length);
  for (const list of orders.values()) assert.ok(list.filter((e) => e.order.event === 'completed').length === 2);
  const back = [...orders.values()].filter((l) => l.some((e) => e.order.event === 'refunded'));
  assert.ok(back.length > 2 && back.length < orders.size / 5);
  for (const l of back) assert.ok(new Date(l.at(-1).time) - new Date(l[0].time) > 48 * 3600e3);

  // people: several devices, returning, mails, consents given and withdrawn
  const devices = new Map();
  for (const e of events) {
    const id = Object.fromEntries(e.identifiers.map((i) => [i.type, i.value]));
    if (id.user_id && id.anonymous_id) devices.set(id.user_id, new Set([...(devices.get(id.user_id) ?? []), id.anonymous_id]));
  }
  assert.ok([...devices.values()].filter((d) => d.size > 1).length > devices.size / 10);
  assert.ok(named('Email Delivered').length > named('Email Opened').length && named('Email Opened').length > named('Email Link Clicked').length);
  const states = (p, s) => count((e) => e.consents?.some((c) => c.purpose === p && c.state === s));
  assert.ok(states('analytics', 'granted') > 0 && states('analytics', 'denied') > 0 && states('marketing_email', 'granted') > 0);
  const channels = new Set(events.map((e) => e.visit?.channel).filter(Boolean));
  for (const c of ['direct', 'organic_search', 'paid_search', 'email', 'social', 'paid_social', 'affiliate']) assert.ok(channels.has(c), c);

  // a long tail of products with brands, categories and euro prices
  const views = new Map();
  for (const e of named('Product Viewed')) {
    const p = e.body.properties;
    assert.ok(p.brand && p.category && p.department && p.price > 0 && p.currency === 'EUR');
    views.set(p.product_id, (views.get(p.product_id) ?? 0) + 1);
  }
  const sorted = [...views.values()].sort((a, b) => b - a);
  const top = sorted.slice(0, Math.ceil(sorted.length / 10)).reduce((a, b) => a + b);
  assert.ok(sorted.length > 500 && top > 0.25 * sorted.reduce((a, b) => a + b));
});
