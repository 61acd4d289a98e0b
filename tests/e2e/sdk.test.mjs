// Published SDKs, unmodified, against a running Kern: what they sent is read back field by field.
import assert from 'node:assert/strict';
import { createServer, request as httpRequest } from 'node:http';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { Analytics } from '@segment/analytics-node';
import { Kern, WRITE_KEY, freePort, sleep } from './kern.mjs';

const require = createRequire(import.meta.url);
const RudderNode = require('@rudderstack/rudder-sdk-node');
const kern = new Kern();

before(() => kern.start());
after(() => kern.end());

test('analytics-node: every call arrives once, with its fields', async () => {
  const a = new Analytics({ writeKey: WRITE_KEY, host: kern.url, flushAt: 5 });
  const ids = { userId: 'node-1', anonymousId: 'node-anon-1' };
  a.identify({ ...ids, traits: { email: 'Ada@Example.NL', plan: 'pro', seats: 3, old: null } });
  a.track({ ...ids, event: 'Order Completed', properties: { order_id: 'n1', revenue: 12.34, currency: 'EUR', products: [{ sku: 'x', price: 12.34 }] } });
  a.page({ ...ids, name: 'Home', category: 'Docs', properties: { url: 'https://shop.example/' } });
  a.group({ ...ids, groupId: 'g1', traits: { name: 'Group' } });
  a.alias({ userId: 'node-1', previousId: 'node-old' });
  await a.closeAndFlush();
  const p = await kern.until('user_id', 'node-1', 5);
  assert.equal(p.counters.events, 5);
  assert.deepEqual(p.counters.revenue, [{ currency: 'EUR', amount: 12.34 }]);
  assert.equal(p.counters.orders, 1);
  assert.equal(p.counters.sessions, 0, 'a server library opens no session');
  assert.equal(p.traits.email, 'Ada@Example.NL');
  assert.equal(p.traits.seats, 3);
  assert.ok(!('old' in p.traits));
  assert.equal((await kern.profile('email', 'ada@example.nl')).id, p.id);
  assert.equal((await kern.profile('anonymous_id', 'node-anon-1')).id, p.id);
  assert.equal(await kern.profile('user_id', 'node-old'), null, 'alias never merges');
  const events = await kern.events(p);
  const order = events.find((e) => e.event === 'Order Completed');
  assert.deepEqual(order.properties.products, [{ sku: 'x', price: 12.34 }]);
  assert.equal(order.context.library.name, '@segment/analytics-node');
  assert.match(order.message_id, /^node-next-/);
  const page = events.find((e) => e.type === 'page');
  assert.equal(page.event, 'Page Viewed');
  assert.equal(page.name, 'Home');
  assert.equal(page.category, 'Docs');
  assert.equal(events.find((e) => e.type === 'group').group_id, 'g1');
});

test('rudder-sdk-node: gzip under a form content type', async () => {
  const r = new RudderNode(WRITE_KEY, { dataPlaneUrl: kern.url, flushAt: 2, gzip: true });
  r.identify({ userId: 'rn-1', anonymousId: 'rn-a1', traits: { email: 'rn@example.nl', city: 'Zwolle' } });
  r.track({ userId: 'rn-1', event: 'Product Viewed', properties: { sku: 's1' } });
  await new Promise((resolve) => r.flush(resolve));
  const p = await kern.until('user_id', 'rn-1', 2);
  assert.equal(p.traits.city, 'Zwolle');
  assert.equal((await kern.profile('email', 'rn@example.nl')).id, p.id);
  const seen = (await kern.events(p)).find((e) => e.event === 'Product Viewed');
  assert.equal(seen.properties.sku, 's1');
  assert.ok(seen.original_timestamp);
});

// ---- browsers ----

async function inBrowser(html, scripts, run) {
  const site = createServer((req, res) => {
    const file = scripts[new URL(req.url, 'http://x').pathname];
    res.setHeader('Content-Type', file ? 'text/javascript' : 'text/html');
    res.end(file ? readFileSync(require.resolve(file)) : html);
  });
  const port = await freePort();
  await new Promise((resolve) => site.listen(port, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: process.env.KERN_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/p/1?utm_source=nieuwsbrief&utm_medium=email&utm_campaign=week`);
    await run(page);
  } finally {
    await browser.close();
    site.close();
  }
}

test('analytics-next in Chromium: settings from Kern, no other configuration', async () => {
  const html = '<!doctype html><title>Shop</title><script src="/ajs.js"></script>';
  await inBrowser(html, { '/ajs.js': '@segment/analytics-next/dist/umd/index.js' }, async (page) => {
    const anonymous = await page.evaluate(async ([url, key]) => {
      const load = window.AnalyticsNext.AnalyticsBrowser.load;
      const [a] = await load({ writeKey: key, cdnURL: url });
      await a.page('Product');
      await a.track('Product Viewed', { sku: 'b1', price: 19.95 });
      const id = a.user().anonymousId();
      await a.identify('browser-1', { email: 'b@example.nl', firstName: 'Bo', lastName: 'de Wit' });
      return id;
    }, [kern.url, WRITE_KEY]);
    const p = await kern.until('user_id', 'browser-1', 3);
    assert.equal((await kern.profile('anonymous_id', anonymous)).id, p.id);
    assert.equal(p.traits.name, 'Bo de Wit');
    assert.equal(p.counters.sessions, 1);
    assert.equal(p.first_touch.channel, 'email');
    assert.equal(p.first_touch.campaign, 'week');
    assert.match(p.first_touch.landing_page, /\/p\/1$/);
    assert.equal(p.devices[0].platform, 'Linux');
    const seen = (await kern.events(p)).find((e) => e.event === 'Product Viewed');
    assert.deepEqual(seen.properties, { sku: 'b1', price: 19.95 });
    assert.equal(seen.context.page.title, 'Shop');
    assert.equal(seen.context.ip, '127.0.0.0', 'addresses are truncated');
    assert.ok(!('writeKey' in seen) && !('_metadata' in seen));
  });
});

test('RudderStack JS in Chromium', async () => {
  const html = '<!doctype html><title>Shop</title><script src="/r.js"></script>';
  const bundle = '@rudderstack/analytics-js/bundled';
  const umd = require.resolve(bundle).replace(/bundled\/.*$/, 'bundled/umd/index.js');
  await inBrowser(html, { '/r.js': umd }, async (page) => {
    await page.evaluate(async ([url, key]) => {
      const R = window.RudderAnalytics?.RudderAnalytics ?? window.rudderanalytics?.RudderAnalytics ?? window.RudderAnalytics;
      const r = new R();
      await new Promise((resolve) => {
        r.load(key, url, { configUrl: url, polyfillIfRequired: false, onLoaded: resolve });
      });
      r.track('Product Added', { sku: 'r1' });
      r.identify('rudder-1', { email: 'r@example.nl', plan: 'basic' });
    }, [kern.url, WRITE_KEY]);
    const p = await kern.until('user_id', 'rudder-1', 2);
    assert.equal(p.traits.plan, 'basic', 'traits come in context.traits');
    assert.equal((await kern.profile('email', 'r@example.nl')).id, p.id);
    const added = (await kern.events(p)).find((e) => e.event === 'Product Added');
    assert.equal(added.properties.sku, 'r1');
  });
});

test('analytics-next in Chromium, batching', async () => {
  const html = '<!doctype html><title>Shop</title><script src="/ajs.js"></script>';
  await inBrowser(html, { '/ajs.js': '@segment/analytics-next/dist/umd/index.js' }, async (page) => {
    await page.evaluate(async ([url, key]) => {
      const [a] = await window.AnalyticsNext.AnalyticsBrowser.load({ writeKey: key, cdnURL: url },
        { integrations: { 'Segment.io': { apiHost: `${new URL(url).host}/v1`, protocol: 'http', deliveryStrategy: { strategy: 'batching', config: { size: 4, timeout: 300 } } } } });
      a.identify('batching-1', { email: 'batching@example.nl' });
      for (let i = 0; i < 9; i++) a.track('Batched', { i });
    }, [kern.url, WRITE_KEY]);
    const p = await kern.until('user_id', 'batching-1', 10);
    const seen = (await kern.events(p)).filter((e) => e.event === 'Batched');
    assert.deepEqual(seen.map((e) => e.properties.i).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.ok(seen.every((e) => e.sent_at && !('writeKey' in e) && !('_metadata' in e)));
  });
});

test('RudderStack JS in Chromium: batches by beacon', async () => {
  const html = '<!doctype html><title>Shop</title><script src="/r.js"></script>';
  const umd = require.resolve('@rudderstack/analytics-js/bundled').replace(/bundled\/.*$/, 'bundled/umd/index.js');
  await inBrowser(html, { '/r.js': umd }, async (page) => {
    await page.evaluate(async ([url, key]) => {
      const R = window.RudderAnalytics?.RudderAnalytics ?? window.rudderanalytics?.RudderAnalytics ?? window.RudderAnalytics;
      const r = new R();
      await new Promise((resolve) => {
        r.load(key, url, { configUrl: url, polyfillIfRequired: false, useBeacon: true, beaconQueueOptions: { maxItems: 3, flushQueueInterval: 500 }, onLoaded: resolve });
      });
      r.identify('beacon-1', { plan: 'gold' });
      for (let i = 0; i < 5; i++) r.track('Beaconed', { i });
    }, [kern.url, WRITE_KEY]);
    const p = await kern.until('user_id', 'beacon-1', 6);
    assert.equal(p.traits.plan, 'gold');
    assert.deepEqual((await kern.events(p)).filter((e) => e.event === 'Beaconed').map((e) => e.properties.i).sort(), [0, 1, 2, 3, 4]);
  });
});

test('@jitsu/js: the key in its header, a masked one in the body', async () => {
  const { jitsuAnalytics } = await import('@jitsu/js');
  const source = await kern.ws('POST', '/sources', { name: 'Moved from Jitsu', kind: 'web', write_keys: ['oldId123:oldSecret456'] });
  assert.equal(source.status, 201, JSON.stringify(source.body));
  // a client of Jitsu wants a key of two parts: one it has had, or Kern's with anything behind it
  for (const [s2s, writeKey] of [[false, 'oldId123:oldSecret456'], [true, `${WRITE_KEY}:kern`]]) {
    const id = `jitsu-${s2s}`;
    const j = jitsuAnalytics({ host: kern.url, writeKey, s2s });
    await j.identify(id, { email: `${id}@example.nl`, plan: 'pro' });
    await j.track('Jitsu Seen', { sku: 'j1', price: 4.5 });
    await j.page({ name: 'Home' });
    await j.group('g-1', { name: 'Group' });
    const p = await kern.until('user_id', id, 4);
    assert.equal(p.traits.plan, 'pro');
    assert.equal((await kern.profile('email', `${id}@example.nl`)).id, p.id);
    const events = await kern.events(p);
    assert.deepEqual(events.map((e) => e.type).sort(), ['group', 'identify', 'page', 'track']);
    const seen = events.find((e) => e.type === 'track');
    assert.equal(seen.event, 'Jitsu Seen');
    assert.deepEqual([seen.properties.sku, seen.properties.price], ['j1', 4.5]);
    assert.ok(!('writeKey' in seen), 'not even masked');
  }
});

// ---- failures on the way ----

test('analytics-node through trouble: 429, 500 and lost answers leave each message once', async () => {
  let turn = 0;
  const proxy = createServer((req, res) => {
    const chunks = [];
    req.on('data', (c) => chunks.push(c));
    req.on('end', () => {
      turn++;
      if (turn === 1) return void res.writeHead(429, { 'Retry-After': '1' }).end('{}');
      if (turn === 2) return void res.writeHead(500).end('{}');
      const onward = httpRequest(`${kern.url}${req.url}`, { method: req.method, headers: req.headers }, (answer) => {
        answer.resume();
        answer.on('end', () => {
          if (turn === 3) return void req.socket.destroy(); // stored, but the answer is lost
          res.writeHead(answer.statusCode).end('{"success":true}');
        });
      });
      onward.end(Buffer.concat(chunks));
    });
  });
  const port = await freePort();
  await new Promise((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  const a = new Analytics({ writeKey: WRITE_KEY, host: `http://127.0.0.1:${port}`, flushAt: 3 });
  for (let i = 0; i < 3; i++) a.track({ userId: 'retry-1', event: `Try ${i}` });
  await a.closeAndFlush({ timeout: 20000 });
  proxy.close();
  assert.ok(turn >= 4, `the proxy saw ${turn} requests`);
  await sleep(200);
  const p = await kern.until('user_id', 'retry-1', 3);
  assert.equal(p.counters.events, 3);
  assert.equal((await kern.events(p)).length, 3);
});
