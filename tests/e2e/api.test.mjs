// The management and read API: every route of the OpenAPI document answers as the document says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import parsePrometheus from 'parse-prometheus-text-format';
import { ACCOUNT_ROUTES, Documented, MAIL_ROUTES, WS } from './documented.mjs';
import { Kern, TOKEN, WRITE_KEY } from './kern.mjs';

const START = '2026-11-23T10:00:00Z';
const kern = new Kern(['--clock', 'manual', '--clock-start', START]);
const documented = new Documented(kern);
let doc;

before(async () => {
  await kern.start();
  ({ doc } = await documented.load());
});
after(() => kern.end());

const { call, ws, answered, ajv } = documented;

test('the OpenAPI document is valid, and its examples fit its schemas', async () => {
  const result = await new Validator().validate(structuredClone(doc));
  assert.ok(result.valid, JSON.stringify(result.errors, null, 1));
  const ids = new Set();
  for (const [path, methods] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(methods)) {
      assert.ok(op.operationId && !ids.has(op.operationId), `${method} ${path} has an operation of its own`);
      ids.add(op.operationId);
      for (const content of [op.requestBody?.content, ...Object.values(op.responses).map((r) => r.content)]) {
        for (const { schema, example } of Object.values(content ?? {})) {
          const check = ajv.getSchema(`kern#/components/schemas/${schema.$ref.split('/').pop()}`);
          assert.ok(check, schema.$ref);
          if (example !== undefined) assert.ok(check(example), `${schema.$ref}: ${ajv.errorsText(check.errors)}`);
        }
      }
      for (const p of op.parameters) assert.ok(p.description, `${method} ${path} explains ${p.name}`);
    }
  }
});

test('no name stands twice in the document as it is written', () => {
  const lines = readFileSync(new URL('../../src/api/openapi.json', import.meta.url), 'utf8').split('\n');
  const seen = new Set();
  let section = '';
  for (const line of lines) {
    section = /^ {2}"(\w+)"/.exec(line)?.[1] ?? section;
    const name = /^ {4}"([^"]+)":/.exec(line)?.[1];
    if (!name) continue;
    assert.ok(!seen.has(`${section} ${name}`), `${section} ${name}`);
    seen.add(`${section} ${name}`);
  }
  assert.ok(seen.size > 100);
});

test('reports, their profiles, the catalogue', async () => {
  const at = (hours) => new Date(Date.parse(START) - hours * 3600e3).toISOString();
  const batch = [];
  const put = (user, event, hours, properties = {}) => batch.push({ type: 'track', userId: user, event, messageId: `r${batch.length}`, timestamp: at(hours), sentAt: START, properties });
  for (let i = 0; i < 6; i++) {
    const user = `shopper-${i}`;
    batch.push({ type: 'identify', userId: user, messageId: `ri${i}`, timestamp: at(60), sentAt: START, traits: { city: i < 4 ? 'Utrecht' : 'Gouda' } });
    put(user, 'Product Viewed', 50, { category: 'shoes', brand: 'Sint', price: 10 * i });
    if (i < 4) put(user, 'Product Added', 49, { category: 'shoes', brand: 'Sint' });
    if (i < 2) put(user, 'Order Completed', 48, { order_id: `o${i}`, revenue: 20 + i, currency: 'EUR', products: [{ category: 'shoes', brand: 'Sint' }] });
  }
  const { position } = await kern.collect('/v1/batch', { batch });
  const seen = `?after=${position}`;
  const range = { from: '2026-11-01', to: '2026-11-24' };
  const ask = (kind, body, status = 200) => ws('POST', `/reports/${kind}${seen}`, body, { status });
  const who = async (kind, body, count) => {
    const r = await ws('POST', `/reports/${kind}/profiles${seen}`, body, { status: 200 });
    assert.equal(r.body.size, count);
    assert.equal(r.body.data.length, count);
    assert.equal(new Set(r.body.data.map((p) => p.id)).size, count);
    return r.body.data;
  };

  const funnel = { steps: [{ event: 'Product Viewed' }, { event: 'Product Added' }, { event: 'Order Completed', where: "property('revenue') > 20" }], within: '7 days', ...range };
  const f = (await ask('funnel', funnel)).body;
  assert.deepEqual(f.steps.map((x) => [x.profiles, x.rate, x.median_seconds_from_previous]), [[6, 1, null], [4, 0.666667, 3600], [1, 0.166667, 3600]]);
  const byCity = (await ask('funnel', { ...funnel, breakdown: { trait: 'city' } })).body;
  assert.deepEqual(byCity.groups.map((g) => [g.value, ...g.steps.map((x) => x.profiles)]), [['Utrecht', 4, 4, 1], ['Gouda', 2, 0, 0]]);
  const third = await who('funnel', { ...funnel, cell: { step: 2 } }, 1);
  assert.equal((await ws('GET', `/profiles/${third[0].id}`)).body.traits.city, 'Utrecht');
  await who('funnel', { ...funnel, breakdown: { trait: 'city' }, cell: { step: 0, group: 'Gouda', dropped: true } }, 2);
  assert.equal((await ask('funnel', { ...funnel, segment: { query: "trait('city') = 'Gouda'" } })).body.steps[0].profiles, 2);

  const retention = { first: { event: 'Product Viewed' }, return: {}, unit: 'day', periods: 3, from: '2026-11-21', to: '2026-11-23' };
  const r = (await ask('retention', retention)).body;
  assert.deepEqual(r.cohorts.map((c) => [c.start, c.size, c.returned]), [['2026-11-20T23:00:00Z', 6, [4, 0, null, null]], ['2026-11-21T23:00:00Z', 0, [0, null, null, null]]]);
  await who('retention', { ...retention, cell: { cohort: 0, period: 0 } }, 4);
  await who('retention', { ...retention, cell: { cohort: 0 } }, 6);

  // orders in the place of an event: nobody ordered twice
  const again = (await ask('retention', { ...retention, first: { orders: true }, return: { orders: true } })).body;
  assert.deepEqual(again.cohorts.map((c) => [c.size, c.returned]), [[2, [0, 0, null, null]], [0, [0, null, null, null]]]);
  const bought = { ...funnel, steps: [{ event: 'Product Added' }, { orders: true }] };
  assert.deepEqual((await ask('funnel', bought)).body.steps.map((x) => x.profiles), [4, 2]);
  await who('funnel', { ...bought, cell: { step: 1 } }, 2);
  const mixed = await ws('POST', '/reports/funnel', { ...funnel, steps: [{ orders: true, event: 'Product Viewed' }] }, { status: 400 });
  assert.equal(mixed.body.errors[0].pointer, '/steps/0/event');
  const visits = await ws('POST', '/reports/retention', { ...retention, first: { orders: true }, breakdown: { session: 'channel' } }, { status: 400 });
  assert.equal(visits.body.errors[0].pointer, '/breakdown/session');

  const series = { event: 'Order Completed', measure: 'sum', property: 'revenue', unit: 'month', from: '2026-10-01', to: '2026-12-01' };
  assert.deepEqual((await ask('series', series)).body.groups, [{ value: null, points: [0, 41] }]);
  assert.deepEqual((await ask('series', { ...series, measure: 'average' })).body.groups[0].points, [null, 20.5]);
  // orders, once each, net of refunds
  const orders = { orders: true, unit: 'month', from: '2026-10-01', to: '2026-12-01' };
  assert.deepEqual((await ask('series', { ...orders, measure: 'events' })).body.groups[0].points, [0, 2]);
  const revenue = (await ask('series', { ...orders, measure: 'sum', property: 'value', breakdown: { property: 'currency' } })).body;
  assert.deepEqual(revenue.groups, [{ value: 'EUR', points: [0, 41] }]);
  const active = { measure: 'profiles', unit: 'day', from: '2026-11-20', to: '2026-11-23' };
  assert.deepEqual((await ask('series', active)).body.groups[0].points, [0, 6, 0]);
  const shoes = { event: 'Product Viewed', measure: 'events', unit: 'week', ...range, breakdown: { property: 'category' } };
  assert.deepEqual((await ask('series', shoes)).body.groups.map((g) => [g.value, g.points.reduce((a, b) => a + b)]), [['shoes', 6]]);
  await who('series', { ...active, cell: { point: 1 } }, 6);

  const paths = { ...range, start: 'Product Viewed' };
  assert.deepEqual((await ask('paths', paths)).body.paths.map((x) => [x.events, x.profiles]), [
    [['Product Viewed'], 2], [['Product Viewed', 'Product Added'], 2], [['Product Viewed', 'Product Added', 'Order Completed'], 2]]);
  await who('paths', { ...paths, cell: { events: ['Product Viewed', 'Product Added'] } }, 2);

  const buyers = { query: "order().count() >= 1" };
  const utrecht = { query: "trait('city') = 'Utrecht'" };
  const overlap = (await ask('overlap', { segments: [buyers, utrecht] })).body;
  assert.deepEqual(overlap.sets.map((x) => [x.profiles, x.only]), [[2, 0], [4, 2], [2, 2]]);
  await who('paths', { ...paths, cell: { events: [] } }, 6);
  await who('overlap', { segments: [buyers, utrecht], cell: { segments: [], only: true } }, 2);
  await who('overlap', { segments: [buyers, utrecht], cell: { segments: [utrecht.query], only: true } }, 2);
  const compare = { segment: buyers, breakdown: { trait: 'city' } };
  const against = (await ask('compare', compare)).body;
  assert.equal(against.segment, 2);
  assert.deepEqual([against.values[0].value, against.values[0].segment, against.values[0].everyone], ['Utrecht', 2, 4]);
  await who('compare', { ...compare, cell: { group: 'Utrecht' } }, 2);
  await who('compare', { ...compare, cell: { group: 'Utrecht', everyone: true } }, 4);

  const rfm = (await ask('rfm', {})).body;
  assert.equal(rfm.profiles, 2);
  const own = rfm.groups.filter((g) => g.profiles > 0);
  assert.equal(own.reduce((sum, g) => sum + g.revenue[0].amount, 0), 41);
  assert.deepEqual(own.map((g) => [g.orders, g.average_order_value, g.share_of_revenue]).sort(), [[1, 20, 0.487805], [1, 21, 0.512195]]);
  await who('rfm', { cell: { group: own[0].group } }, 1);
  assert.equal((await ask('grid', {})).body.groups.find((g) => g.group === 'one_time').profiles, 2);
  await who('grid', { cell: { group: 'one_time' } }, 2);
  const phases = (await ask('phases', { segment: { query: "trait('city').exists()" } })).body;
  assert.deepEqual(phases.groups.filter((g) => g.profiles).map((g) => [g.group, g.profiles]), [['orientation', 2], ['decision', 2], ['after_purchase', 2]]);
  await who('phases', { cell: { group: 'decision' } }, 2);
  assert.deepEqual((await ask('favourites', { of: 'brand' })).body.values, [{ value: 'Sint', first: 6, second: 0, third: 0 }]);
  await who('favourites', { of: 'brand', cell: { group: 'Sint' } }, 6);
  await who('favourites', { of: 'brand', cell: { group: 'Sint', place: 2 } }, 0);
  await who('rfm', { cell: { recency: 5, fm: 2 } }, 1);

  // thresholds are a setting; changing the workspace's name leaves them
  const rules = (await ws('GET', '/phases', undefined, { status: 200 })).body;
  assert.equal(rules.purchase_days, 2);
  await ws('PUT', '/phases', { ...rules, purchase_days: 3 }, { status: 200 });
  const named = (await ws('GET', '', undefined, { status: 200 })).body.name;
  await ws('PATCH', '', { name: named }, { status: 200 });
  assert.equal((await ws('GET', '/phases')).body.purchase_days, 3);
  assert.equal((await ask('phases', {})).body.groups.find((g) => g.group === 'purchase').profiles, 2);
  assert.equal((await ws('PUT', '/phases', { days: 0 }, { status: 400 })).body.errors[0].pointer, '/days');

  const catalog = (await ws('GET', '/catalog/events', undefined, { status: 200 })).body.data;
  const viewed = catalog.find((e) => e.event === 'Product Viewed');
  assert.deepEqual([viewed.count, viewed.profiles, viewed.first_seen_at], [6, 6, '2026-11-21T08:00:00Z']);
  assert.deepEqual(viewed.properties.find((p) => p.path === 'brand'), { path: 'brand', types: ['string'], list: false, count: 6, examples: ['Sint'] });
  assert.deepEqual(catalog.find((e) => e.event === 'Order Completed').properties.find((p) => p.path === 'products.brand').list, true);
  const city = (await ws('GET', '/catalog/traits', undefined, { status: 200 })).body.data.find((t) => t.path === 'city');
  assert.deepEqual([city.count, city.examples], [6, ['Utrecht']]);

  // what is wrong is pointed at; what was never seen counts nothing, with a warning
  const wrong = async (kind, body, pointer) => assert.equal((await ask(kind, body, 400)).body.errors[0].pointer, pointer);
  await wrong('funnel', { ...funnel, steps: [] }, '/steps');
  await wrong('funnel', { ...funnel, steps: [{ event: 'A', where: "property('x') >" }] }, '/steps/0/where');
  await wrong('funnel', { ...funnel, steps: [{ event: 'A', where: "property('x') = 1).within(2 days" }] }, '/steps/0/where');
  await wrong('funnel', { ...funnel, steps: [{ event: 'A', where: "trait('x') = 1" }, { event: 'Product Viewed', where: "trait('x') = 1" }] }, '/steps/0/where');
  await wrong('funnel', { ...funnel, within: 'soon' }, '/within');
  await wrong('funnel', { ...funnel, to: '2026-10-01' }, '/to');
  await wrong('funnel', { ...funnel, from: 'x' }, '/from');
  await wrong('funnel', { ...funnel, breakdown: { trait: 'a', phase: true } }, '/breakdown');
  await wrong('funnel', { ...funnel, segment: 'nobody-made-this' }, '/segment');
  await wrong('funnel', { ...funnel, segment: { query: 'event(' } }, '/segment/query');
  await wrong('retention', { ...retention, unit: 'hour' }, '/unit');
  await wrong('retention', { ...retention, periods: 1000 }, '/periods');
  await wrong('series', { ...series, measure: 'median' }, '/measure');
  await wrong('series', { ...orders, measure: 'events', event: 'Order Completed' }, '/event');
  await wrong('series', { ...orders, measure: 'events', breakdown: { session: 'channel' } }, '/breakdown/session');
  await wrong('series', { ...series, property: undefined }, '/property');
  await wrong('paths', { ...range, length: 6 }, '/length');
  await wrong('overlap', { segments: [] }, '/segments');
  await wrong('compare', { segment: buyers }, '/breakdown');
  await wrong('favourites', { of: 'colour' }, '/of');
  const unseen = (await ask('funnel', { ...funnel, steps: [{ event: 'Product Veiwed' }] })).body;
  assert.equal(unseen.steps[0].profiles, 0);
  assert.equal(unseen.warnings[0].pointer, '/steps/0/event');
  assert.match(unseen.warnings[0].detail, /did you mean 'Product Viewed'/);
  assert.equal((await ws('POST', '/reports/funnel/profiles', { ...funnel, cell: { step: 0 }, save_as: 'mine' }, { status: 200 })).body.segment.kind, 'static');
  const rows = { members: [{ type: 'user_id', value: 'nobody-at-all' }] };
  assert.equal((await ws('POST', '/segments/match', rows, { status: 200 })).body.unknown, 1);
  await ws('POST', '/segments/mine/members', rows, { status: 200 });
  await ws('DELETE', '/segments/mine/members', rows, { status: 200 });
  await ws('POST', '/reports/funnel/profiles', funnel, { status: 400 });
});

test('profiles: look-up, search, lists, events, links', async () => {
  let last;
  for (let i = 0; i < 7; i++) {
    last = await kern.collect('/v1/identify', { userId: `list-${i}`, traits: { email: `List.${i}@Example.nl`, firstName: 'Annelies', lastName: `Bakker${i}` } });
  }
  const position = last.position;
  assert.match(position, /^\d+-\d+$/);
  const one = (await ws('GET', `/profiles?email=${encodeURIComponent(' LIST.3@example.NL ')}&after=${position}`, undefined, { status: 200 })).body;
  assert.equal(one.traits.lastName, 'Bakker3');
  assert.deepEqual((await ws('POST', '/profiles/lookup', { type: 'user_id', value: 'list-3' })).body.id, one.id);
  assert.equal((await ws('GET', `/profiles/${one.id}`)).body.id, one.id);
  await ws('GET', '/profiles?email=nobody@example.nl', undefined, { status: 404 });
  await ws('GET', '/profiles?email=', undefined, { status: 400 });
  await ws('GET', '/profiles?email=a@b.nl&user_id=1', undefined, { status: 400 });
  await ws('GET', '/profiles/nonsense', undefined, { status: 404 });
  const badType = await ws('POST', '/profiles/lookup', { type: 'limit', value: '1' }, { status: 400 });
  assert.equal(badType.body.errors[0].pointer, '/type');

  // search: prefix and inside, identifiers and names, in any case
  for (const q of ['annelies', 'NELIE', 'list.3@', 'example.nl', 'list-', 'bakker3', 'akker5']) {
    const found = (await ws('GET', `/profiles?q=${encodeURIComponent(q)}&limit=1000`, undefined, { status: 200 })).body.data;
    assert.equal(found.length, /3|5/.test(q) ? 1 : 7, q);
  }
  assert.equal((await ws('GET', '/profiles?q=zzzz')).body.data.length, 0);

  // pages: every one once, cursors bound to their request
  const seen = [];
  let cursor = null;
  do {
    const page = (await ws('GET', `/profiles?q=annelies&limit=3${cursor ? `&cursor=${cursor}` : ''}`, undefined, { status: 200 })).body;
    assert.ok(page.data.length <= 3);
    seen.push(...page.data.map((p) => p.id));
    cursor = page.next;
    if (cursor) await ws('GET', `/profiles?q=other&cursor=${cursor}`, undefined, { status: 400 });
  } while (cursor);
  assert.equal(new Set(seen).size, 7);
  assert.equal(seen.length, 7);
  for (const limit of ['0', '1001', 'x', '', '-1', '1.5']) {
    const r = await ws('GET', `/profiles?limit=${limit}`, undefined, { status: 400 });
    assert.equal(r.body.errors[0].parameter, 'limit');
  }
  await ws('GET', '/profiles?cursor=zzz', undefined, { status: 400 });
  await ws('GET', `/profiles/${one.id}/events?cursor=AAAA`, undefined, { status: 400 });

  // events: newest first, filters, paging
  for (let i = 0; i < 9; i++) {
    last = await kern.collect('/v1/track', { event: i % 3 ? 'Product Viewed' : 'Product Added', userId: 'list-3', messageId: `ev-${i}`, timestamp: `2026-11-${10 + i}T12:00:00Z`, properties: { n: i } });
  }
  await ws('GET', `/profiles/${one.id}?after=${last.position}`, undefined, { status: 200 });
  const all = (await ws('GET', `/profiles/${one.id}/events`)).body.data;
  assert.deepEqual(all.filter((e) => e.type === 'track').map((e) => e.properties.n), [8, 7, 6, 5, 4, 3, 2, 1, 0]);
  const added = (await ws('GET', `/profiles/${one.id}/events?event=Product+Added`)).body.data;
  assert.deepEqual(added.map((e) => e.properties.n), [6, 3, 0]);
  const part = (await ws('GET', `/profiles/${one.id}/events?from=2026-11-12T12:00:00Z&to=2026-11-15T12:00:00Z`)).body.data;
  assert.deepEqual(part.map((e) => e.properties.n), [4, 3, 2], 'from is in, to is not');
  await ws('GET', `/profiles/${one.id}/events?from=yesterday`, undefined, { status: 400 });
  const paged = [];
  cursor = null;
  do {
    const page = (await ws('GET', `/profiles/${one.id}/events?event=Product+Viewed&limit=2${cursor ? `&cursor=${cursor}` : ''}`)).body;
    paged.push(...page.data.map((e) => e.properties.n));
    cursor = page.next;
  } while (cursor);
  assert.deepEqual(paged, [8, 7, 5, 4, 2, 1]);
  const links = (await ws('GET', `/profiles/${one.id}/links?limit=1`, undefined, { status: 200 })).body;
  assert.equal(links.data.length, 1);
  assert.equal(links.data[0].kind, 'created');
});

test('sessions with how they began, and orders, each once', async () => {
  const at = (minutes) => new Date(Date.UTC(2026, 9, 1, 10, minutes)).toISOString();
  const page = (minutes, url, extra = {}) => ({ type: 'page', anonymousId: 'hist-a', timestamp: at(minutes), context: { library: { name: 'analytics.js' }, page: { url, ...extra } } });
  await kern.collect('/v1/batch', { batch: [
    page(0, 'https://shop.example/tenten?utm_source=nieuwsbrief&utm_medium=email&utm_campaign=week-40'),
    page(29, 'https://shop.example/tenten/2'), page(59, 'https://shop.example/kassa'), // gaps of at most 30 minutes
    page(90, 'https://shop.example/', { referrer: 'https://www.google.nl/' }),
    page(200, 'https://shop.example/jassen?gclid=abc'),
  ] });
  const order = (event, properties, minutes) => ({ type: 'track', anonymousId: 'hist-a', event, properties, timestamp: at(minutes) });
  const r = await kern.collect('/v1/batch', { batch: [
    order('Order Completed', { order_id: 'h1', revenue: 100, currency: 'EUR' }, 1), order('Order Completed', { order_id: 'h1' }, 2),
    order('Order Refunded', { order_id: 'h1', total: 30.5 }, 3), order('Order Completed', { order_id: 'h2', total: 5 }, 4), order('Order Cancelled', { order_id: 'h2' }, 5),
    order('Order Completed', { value: 7, currency: 'JPY' }, 6), order('Order Refunded', { order_id: 'h3', total: 1 }, 7),
    order('Order Completed', { order_id: 'h4', revenue: 9.99 }, 8), order('Order Refunded', { order_id: 'h4' }, 9),
  ] });
  const p = await kern.profile('anonymous_id', 'hist-a', r.position);
  const sessions = (await ws('GET', `/profiles/${p.id}/sessions`, undefined, { status: 200 })).body;
  assert.deepEqual(sessions.data.map(({ device, browser, platform, ...s }) => s), [
    { started_at: '2026-10-01T13:20:00Z', ended_at: '2026-10-01T13:20:00Z', channel: 'paid_search', click_id: 'gclid', landing_page: 'https://shop.example/jassen' },
    { started_at: '2026-10-01T11:30:00Z', ended_at: '2026-10-01T11:30:00Z', channel: 'organic_search', referrer: 'www.google.nl', landing_page: 'https://shop.example/' },
    { started_at: '2026-10-01T10:00:00Z', ended_at: '2026-10-01T10:59:00Z', channel: 'email', source: 'nieuwsbrief', medium: 'email', campaign: 'week-40', landing_page: 'https://shop.example/tenten' },
  ]);
  assert.equal(p.counters.sessions, 3);
  assert.equal(p.first_touch.campaign, 'week-40');
  assert.equal(p.last_touch.channel, 'paid_search');
  const orders = (await ws('GET', `/profiles/${p.id}/orders`, undefined, { status: 200 })).body.data;
  assert.deepEqual(orders.map((o) => [o.order_id, o.state, o.currency, o.amount, o.refunded, o.net, o.sources.length]), [
    ['h4', 'refunded', 'EUR', 9.99, 9.99, 0, 1], ['h3', 'unknown', 'EUR', null, 1, 0, 1], [null, 'placed', 'JPY', 7, 0, 7, 1],
    ['h2', 'cancelled', 'EUR', 5, 0, 0, 1], ['h1', 'placed', 'EUR', 100, 30.5, 69.5, 1],
  ]);
  const first = (await ws('GET', `/profiles/${p.id}/orders?limit=2`)).body;
  const second = (await ws('GET', `/profiles/${p.id}/orders?limit=3&cursor=${first.next}`)).body;
  assert.deepEqual([...first.data, ...second.data].map((o) => o.order_id), ['h4', 'h3', null, 'h2', 'h1']);
  assert.equal(second.next, null);
  await ws('GET', '/profiles/0k3v9qjx7d2m5h8w1c4r6t0abz/sessions', undefined, { status: 404 });
});

test('identifier types: custom ones work, parameter names never become one', async () => {
  const r = await kern.collect('/v1/track', {
    event: 'Seen', userId: 'ext-1',
    context: { externalIds: [
      { id: 'S-77', type: 'shopify_id', collection: 'users', encoding: 'none' },
      { id: '50', type: 'limit', collection: 'users', encoding: 'none' },
    ] },
  });
  const p = (await ws('GET', `/profiles?shopify_id=S-77&after=${r.position}`, undefined, { status: 200 })).body;
  assert.deepEqual(p.identifiers.map((i) => i.type).sort(), ['shopify_id', 'user_id']);
});

test('merge and un-merge: rehearsal, survivor, both sides again', async () => {
  await kern.collect('/v1/track', { event: 'A', anonymousId: 'mm-a' });
  const r = await kern.collect('/v1/track', { event: 'B', userId: 'mm-u' });
  const a = await kern.profile('anonymous_id', 'mm-a', r.position);
  const u = await kern.profile('user_id', 'mm-u');
  await ws('POST', '/profiles/merge', { profiles: [a.id] }, { status: 400 });
  await ws('POST', '/profiles/merge', { profiles: [a.id, 'none'] }, { status: 404 });
  await ws('POST', '/profiles/merge?dry_run=maybe', { profiles: [a.id, u.id] }, { status: 400 });
  const dry = await ws('POST', '/profiles/merge?dry_run=true', { profiles: [a.id, u.id], reason: 'test' }, { status: 200 });
  assert.equal(dry.body.counters.events, 2);
  assert.equal((await ws('GET', `/profiles/${a.id}`)).body.counters.events, 1, 'a rehearsal changes nothing');
  const merged = await ws('POST', '/profiles/merge', { profiles: [a.id, u.id], reason: 'test' }, { status: 200 });
  assert.match(merged.headers.get('kern-position'), /^\d+-\d+$/);
  const gone = [a.id, u.id].find((id) => id !== merged.body.id);
  assert.deepEqual(merged.body.merged_ids, [gone]);
  for (const path of ['', '/events', '/links', '/sessions', '/orders']) {
    assert.equal((await ws('GET', `/profiles/${gone}${path}`)).status, 200, 'a merged id answers');
  }
  assert.equal((await ws('GET', `/profiles/${gone}`)).body.id, merged.body.id);
  await ws('POST', '/profiles/merge', { profiles: [a.id, u.id] }, { status: 409 });
  const wrong = await ws('POST', `/profiles/${gone}/unmerge`, { identifiers: [{ type: 'anonymous_id', value: 'mm-a' }, { type: 'email', value: 'x@y.nl' }] }, { status: 400 });
  assert.equal(wrong.body.errors[0].pointer, '/identifiers/1');
  const rehearsal = await ws('POST', `/profiles/${gone}/unmerge?dry_run=true`, { identifiers: [{ type: 'anonymous_id', value: 'mm-a' }] }, { status: 200 });
  assert.deepEqual(rehearsal.body.split_off.identifiers.map((i) => i.value), ['mm-a']);
  const split = await ws('POST', `/profiles/${gone}/unmerge`, { identifiers: [{ type: 'anonymous_id', value: 'mm-a' }] }, { status: 200 });
  assert.equal(split.body.split_off.id, a.id);
  assert.equal(split.body.profile.id, u.id);
});

test('consents: one or many, precise about what is wrong', async () => {
  const r = await kern.collect('/v1/track', { event: 'A', userId: 'con-1' });
  const p = await kern.profile('user_id', 'con-1', r.position);
  const many = { consents: [{ purpose: 'marketing_email', state: 'granted', text_version: '2' }, { purpose: 'analytics', state: 'denied', basis: 'consent' }] };
  const given = await ws('POST', `/profiles/${p.id}/consents`, many, { status: 200 });
  assert.equal(given.body.consents.length, 2);
  assert.ok(given.headers.get('kern-position'));
  many.consents[1].state = 'perhaps';
  const bad = await ws('POST', `/profiles/${p.id}/consents`, many, { status: 400 });
  assert.equal(bad.body.errors[0].pointer, '/consents/1/state');
  await ws('POST', `/profiles/${p.id}/consents`, { consents: [] }, { status: 400 });
  await ws('POST', `/profiles/none/consents`, { purpose: 'analytics', state: 'granted' }, { status: 404 });
});

test('sources: keys rotate, third-party data stays off customers, rejects are listed', async () => {
  const made = await ws('POST', '/sources', { name: 'Partner', kind: 'server', party: 'third', purposes: ['advertising'] }, { status: 201 });
  assert.ok(made.headers.get('kern-position'));
  assert.equal(made.body.write_keys.length, 1);
  const { id } = made.body;
  const old = made.body.write_keys[0];
  const send = (key, body) => fetch(`${kern.url}/v1/track`, { method: 'POST', headers: { 'X-Write-Key': key }, body: JSON.stringify(body) });
  const r = await send(old, { event: 'Bought', userId: 'third-1', traits: { email: 'third@example.nl' } });
  assert.equal(r.status, 200);
  await ws('GET', `/profiles?user_id=third-1&after=${r.headers.get('kern-position')}`, undefined, { status: 404 });
  const more = await ws('POST', `/sources/${id}/keys`, {}, { status: 201 });
  assert.equal(more.body.write_keys.length, 2);
  const fresh = more.body.write_keys.find((k) => k !== old);
  assert.equal((await ws('DELETE', `/sources/${id}/keys/${old}`, undefined, { status: 200 })).body.write_keys.length, 1);
  assert.equal((await send(old, { event: 'x', userId: 'y' })).status, 401);
  assert.equal((await send(fresh, { event: 'x', userId: 'y' })).status, 200);
  await ws('DELETE', `/sources/${id}/keys/${old}`, undefined, { status: 404 });
  await ws('POST', `/sources/${id}/keys`, { key: WRITE_KEY }, { status: 409 });
  for (const [body, pointer] of [
    [{ party: 'fourth' }, '/party'], [{ name: '' }, '/name'], [{ name: 7 }, '/name'], [{ enabled: 'yes' }, '/enabled'],
    [{ write_keys: ['short'] }, '/write_keys'], [{ purposes: ['Not This'] }, '/purposes'], [{ purposes: {} }, '/purposes'],
  ]) {
    const bad = await ws('POST', '/sources', body, { status: 400 });
    assert.equal(bad.body.errors[0].pointer, pointer);
  }
  const patched = await ws('PATCH', `/sources/${id}`, { name: 'Partner BV', party: 'second' }, { status: 200 });
  assert.deepEqual([patched.body.name, patched.body.party, patched.body.kind], ['Partner BV', 'second', 'server']);
  await ws('GET', `/sources/${id}`, undefined, { status: 200 });
  assert.ok((await ws('GET', '/sources?limit=1')).body.next);
  // many at once: every one is there, with a number of its own
  await Promise.all(Array.from({ length: 12 }, (_, i) => ws('POST', '/sources', { name: `S${i}` }, { status: 201 })));
  const names = (await ws('GET', '/sources?limit=1000')).body.data.map((s) => s.name);
  for (let i = 0; i < 12; i++) assert.ok(names.includes(`S${i}`), `S${i}`);
  await ws('DELETE', `/sources/${id}`, undefined, { status: 204 });
  await ws('GET', `/sources/${id}`, undefined, { status: 404 });
  for (let i = 0; i < 3; i++) await kern.collect('/v1/track', { userId: 'rej' });
  const end = await kern.collect('/v1/track', { event: 'ok', userId: 'rej' });
  const page = (await ws('GET', `/sources/default/rejects?limit=2&after=${end.position}`, undefined, { status: 200 })).body;
  assert.equal(page.data.length, 2);
  const rest = (await ws('GET', `/sources/default/rejects?limit=2&cursor=${page.next}`, undefined, { status: 200 })).body;
  assert.ok(rest.data.length >= 1 && rest.data[0].number < page.data[1].number);
});

test('identity rules and workspaces, with their time zone', async () => {
  const rules = (await ws('GET', '/identity', undefined, { status: 200 })).body;
  assert.equal(rules.types.find((t) => t.type === 'user_id').limit, 1);
  await ws('PUT', '/identity', { types: [{ type: 'email', limit: 3, blocked: [{ exact: 'info@shop.example' }] }] }, { status: 200 });
  await ws('PUT', '/identity', { types: [{ type: 'email', limit: 0 }] }, { status: 400 });
  await ws('PUT', '/identity', { types: 'all' }, { status: 400 });
  await call('POST', '/api/v1/workspaces', { name: 'Not Good' }, { status: 400 });
  const made = await call('POST', '/api/v1/workspaces', { name: 'shop-de', title: 'Shop', time_zone: 'Europe/Berlin', currency: 'EUR' }, { status: 201 });
  assert.equal(made.body.time_zone, 'Europe/Berlin');
  assert.equal(made.body.name, 'Shop');
  await call('POST', '/api/v1/workspaces', { name: 'shop-de' }, { status: 409 });
  for (const zone of ['Europe/Nowhere', '../../etc/passwd', 'Europe', '/Europe/Berlin']) {
    const bad = await call('PATCH', '/api/v1/workspaces/shop-de', { time_zone: zone }, { status: 400 });
    assert.equal(bad.body.errors[0].pointer, '/time_zone');
  }
  await call('PATCH', '/api/v1/workspaces/shop-de', { currency: 'EURO' }, { status: 400 });
  const patched = await call('PATCH', '/api/v1/workspaces/shop-de', { time_zone: 'America/New_York' }, { status: 200 });
  assert.equal(patched.body.time_zone, 'America/New_York');
  assert.equal((await call('GET', '/api/v1/workspaces?limit=1')).body.data.length, 1);
  assert.equal((await call('GET', '/api/v1/workspaces')).body.data.length, 2);
  await call('GET', '/api/v1/workspaces/none', undefined, { status: 404 });
});

test('positions: future, foreign and broken tokens are refused', async () => {
  const r = await kern.collect('/v1/track', { event: 'P', userId: 'p-1' });
  const [epoch, seq] = r.position.split('-').map(Number);
  assert.equal((await ws('GET', '/profiles?user_id=p-1', undefined, { headers: { 'Kern-After': r.position } })).status, 200);
  for (const bad of [`${epoch}-${seq + 1000000}`, `${epoch + 1}-1`, 'x', '1', '-', `${epoch}-${seq}x`]) {
    await ws('GET', `/profiles?user_id=p-1&after=${bad}`, undefined, { status: 400 });
    await ws('GET', '/profiles?user_id=p-1', undefined, { status: 400, headers: { 'Kern-After': bad } });
  }
  const duplicate = { event: 'P', userId: 'p-1', messageId: 'dup-pos' };
  await kern.collect('/v1/track', duplicate);
  assert.match((await kern.collect('/v1/track', duplicate)).position, /^\d+-\d+$/);
});

test('the clock moves every workspace, and never back', async () => {
  assert.equal((await call('GET', '/api/v1/clock')).body.now, START);
  const moved = await call('POST', '/api/v1/clock', { now: '2026-11-24T10:00:00Z' }, { status: 200 });
  assert.deepEqual(moved.body, { now: '2026-11-24T10:00:00Z', manual: true });
  for (const w of (await call('GET', '/api/v1/workspaces')).body.data) {
    assert.equal(w.now, '2026-11-24T10:00:00Z', `${w.id} is there when the answer is`);
  }
  await call('POST', '/api/v1/clock', { now: '2026-11-24T09:59:59Z' }, { status: 409 });
  await call('POST', '/api/v1/clock', { now: '2026-11-24T10:00:00Z' }, { status: 200 });
  const bad = await call('POST', '/api/v1/clock', { now: 'later' }, { status: 400 });
  assert.equal(bad.body.errors[0].pointer, '/now');
});

test('users, invitations, roles, passwords, tokens', async () => {
  const cookieOf = (r) => r.headers.get('set-cookie').split(';')[0];
  const signIn = (email, password, options = {}) => call('POST', '/api/v1/session', { email, password }, { auth: null, ...options });
  const owner = cookieOf(await signIn('admin@example.nl', 'correct horse', { status: 200 }));
  const as = (cookie) => ({ auth: null, headers: { Cookie: cookie, 'X-Kern-CSRF': '1' } });
  const invited = await call('POST', '/api/v1/users', { email: 'Sanne@Example.nl', name: 'Sanne', role: 'marketer' }, { ...as(owner), status: 201 });
  assert.equal(invited.body.status, 'invited');
  assert.equal(invited.body.email, 'sanne@example.nl');
  await call('POST', '/api/v1/users', { email: 'sanne@example.nl', role: 'analyst' }, { ...as(owner), status: 409 });
  await call('POST', '/api/v1/users', { email: 'no', role: 'analyst' }, { ...as(owner), status: 400 });
  await call('POST', '/api/v1/users', { email: 'x@example.nl', role: 'king' }, { ...as(owner), status: 400 });
  await signIn('sanne@example.nl', '', { status: 401 });
  await call('POST', '/api/v1/invite', { invite: invited.body.invite, password: 'short' }, { auth: null, status: 400 });
  await call('POST', '/api/v1/invite', { invite: 'wrong', password: 'long enough' }, { auth: null, status: 404 });
  await call('POST', '/api/v1/invite', { invite: invited.body.invite, password: 'long enough' }, { auth: null, status: 200 });
  await call('POST', '/api/v1/invite', { invite: invited.body.invite, password: 'long enough' }, { auth: null, status: 404 });
  const sanne = cookieOf(await signIn('SANNE@example.nl', 'long enough', { status: 200 }));
  const second = cookieOf(await signIn('sanne@example.nl', 'long enough', { status: 200 }));
  assert.equal((await call('GET', '/api/v1/session', undefined, as(sanne))).body.role, 'marketer');
  await call('GET', '/api/v1/users', undefined, { ...as(sanne), status: 403 });
  await ws('POST', '/sources', {}, { ...as(sanne), status: 403 });
  await call('PUT', '/api/v1/session/password', { current: 'wrong', password: 'even longer now' }, { ...as(sanne), status: 400 });
  await call('PUT', '/api/v1/session/password', { current: 'long enough', password: 'even longer now' }, { ...as(sanne), status: 204 });
  await call('GET', '/api/v1/session', undefined, { ...as(sanne), status: 200 });
  await call('GET', '/api/v1/session', undefined, { ...as(second), status: 401 });
  await call('PATCH', `/api/v1/users/${invited.body.id}`, { role: 'analyst' }, { ...as(owner), status: 200 });
  await ws('GET', '/profiles?limit=1', undefined, { ...as(sanne), status: 403 });
  const again = await call('POST', `/api/v1/users/${invited.body.id}/invite`, undefined, { ...as(owner), status: 201 });
  assert.ok(again.body.invite);
  await call('PATCH', `/api/v1/users/${invited.body.id}`, { disabled: true }, { ...as(owner), status: 200 });
  await call('GET', '/api/v1/session', undefined, { ...as(sanne), status: 401 });
  await signIn('sanne@example.nl', 'even longer now', { status: 401 });
  const me = (await call('GET', '/api/v1/users')).body.data.find((u) => u.role === 'owner');
  await call('PATCH', `/api/v1/users/${me.id}`, { disabled: true }, { status: 409 });
  await call('GET', `/api/v1/users/${me.id}`, undefined, { status: 200 });
  // tokens: one workspace, one role
  const token = (await call('POST', '/api/v1/tokens', { name: 'reader', role: 'analyst', workspace: 'shop-de' }, { status: 201 })).body;
  const reader = { auth: `Bearer ${token.token}` };
  assert.equal((await call('GET', '/api/v1/workspaces', undefined, reader)).body.data.length, 1);
  await call('GET', '/api/v1/workspaces/shop-de', undefined, { ...reader, status: 200 });
  await ws('GET', '/identity', undefined, { ...reader, status: 404 });
  await call('GET', '/api/v1/workspaces/shop-de/profiles', undefined, { ...reader, status: 403 });
  await call('POST', '/api/v1/clock', { now: '2027-01-01' }, { ...reader, status: 403 });
  assert.ok(!JSON.stringify((await call('GET', '/api/v1/tokens')).body).includes(token.token));
  await call('DELETE', `/api/v1/tokens/${token.id}`, undefined, { status: 204 });
  await call('DELETE', `/api/v1/tokens/${token.id}`, undefined, { status: 404 });
  await call('GET', '/api/v1/workspaces', undefined, { ...reader, status: 401 });
  // everything outlives the process, and no secret is in the log or in a file
  await call('DELETE', '/api/v1/session', undefined, { ...as(owner), status: 204 });
  await call('GET', '/api/v1/session', undefined, { ...as(owner), status: 401 });
  const kept = cookieOf(await signIn('admin@example.nl', 'correct horse', { status: 200 }));
  await kern.stop('SIGKILL');
  await kern.start();
  await call('GET', '/api/v1/session', undefined, { ...as(kept), status: 200 });
  await signIn('sanne@example.nl', 'even longer now', { status: 401 });
  assert.equal(statSync(join(kern.dir, 'secrets')).mode & 0o777, 0o600);
  for (const secret of ['correct horse', 'even longer now', TOKEN, token.token, WRITE_KEY, 'sanne@', kept.split('=')[1]]) {
    assert.ok(!kern.log.includes(secret), `the log holds ${secret}`);
  }
});

test('a session is safe from other sites, and passwords from guessing', async () => {
  const login = await call('POST', '/api/v1/session', { email: 'admin@example.nl', password: 'correct horse' }, { auth: null, status: 200 });
  const cookie = login.headers.get('set-cookie');
  assert.match(cookie, /^kern_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  const Cookie = cookie.split(';')[0];
  const change = (headers) => ws('POST', '/sources', {}, { auth: null, headers: { Cookie, ...headers } });
  assert.equal((await change({})).status, 403);
  assert.equal((await change({ 'X-Kern-CSRF': '1', Origin: 'https://evil.example' })).status, 403);
  assert.equal((await change({ 'X-Kern-CSRF': '1', 'Sec-Fetch-Site': 'cross-site' })).status, 403);
  assert.equal((await change({ 'X-Kern-CSRF': '1', Origin: kern.url })).status, 201);
  await call('POST', '/api/v1/session', { email: 'admin@example.nl', password: 'correct horse' }, { auth: null, status: 403, headers: { Origin: 'https://evil.example' } });
  for (const h of ['x-content-type-options', 'content-security-policy', 'x-frame-options', 'referrer-policy']) {
    assert.ok(login.headers.get(h), h);
  }
  assert.equal(login.headers.get('access-control-allow-origin'), null);
  let r;
  // Counted by the minute: one may end under way.
  for (let i = 0; i < 21 && r?.status !== 429; i++) r = await call('POST', '/api/v1/session', { email: 'guess@example.nl', password: `g${i}` }, { auth: null });
  assert.equal(r.status, 429);
  assert.ok(Number(r.headers.get('retry-after')) > 0);
});

test('HTTP: methods, types, HEAD', async () => {
  const r = await ws('DELETE', '/identity', undefined, { status: 405 });
  assert.match(r.headers.get('allow'), /GET.*PUT/);
  await call('GET', '/api/v1/nothing', undefined, { status: 404 });
  await call('GET', '/api/v1/workspaces/default/profiles/a/b/c', undefined, { status: 404 });
  await ws('POST', '/sources', '<x/>', { raw: true, status: 415, headers: { 'Content-Type': 'application/xml' } });
  await ws('GET', '/sources', undefined, { status: 406, headers: { Accept: 'text/html' } });
  await ws('GET', '/sources', undefined, { status: 200, headers: { Accept: 'text/html, application/*;q=0.5' } });
  const wrong = await ws('POST', '/sources', '{"name": nope}', { raw: true, status: 400 });
  assert.ok(wrong.body.errors[0].position >= 8, JSON.stringify(wrong.body));
  await ws('POST', '/sources', '', { raw: true, status: 400 });
  await ws('POST', '/sources', '[]', { raw: true, status: 400 });
  await ws('POST', '/sources', JSON.stringify({ name: 'x'.repeat(9 << 20) }), { raw: true, status: 413 });
  const head = await fetch(`${kern.url}${WS}/sources`, { method: 'HEAD', headers: { Authorization: `Bearer ${TOKEN}` } });
  const get = await fetch(`${kern.url}${WS}/sources`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  assert.equal(head.status, 200);
  assert.equal((await head.text()).length, 0);
  assert.equal(head.headers.get('content-length'), String(Buffer.byteLength(await get.text())));
  assert.match(get.headers.get('content-type'), /^application\/json; charset=utf-8$/);
  assert.match((await fetch(`${kern.url}/healthz`)).headers.get('content-type'), /^text\/plain; charset=utf-8/);
  const options = await fetch(`${kern.url}${WS}/sources`, { method: 'OPTIONS' });
  assert.equal(options.status, 204);
  assert.match(options.headers.get('allow'), /GET, HEAD, POST, OPTIONS/);
});

test('the Segment Profile API: authentication, paging, filters, errors', async () => {
  const r = await kern.collect('/v1/batch', { batch: [
    { type: 'identify', userId: 'spa/1+x', messageId: 'spa-m1', traits: { email: 'spa@example.nl', plan: 'pro', age: 31, city: 'Delft', first_name: 'Ada' } },
    ...Array.from({ length: 12 }, (_, i) => ({ type: 'track', userId: 'spa/1+x', event: i % 2 ? 'Odd' : 'Even', timestamp: `2026-11-2${i % 3}T1${i % 10}:00:00Z`, properties: { n: i } })),
    { type: 'page', userId: 'spa/1+x', name: 'Home' },
  ] });
  await kern.profile('email', 'spa@example.nl', r.position);
  const auth = `Basic ${Buffer.from(`${TOKEN}:`).toString('base64')}`;
  const get = (path, options = {}) => call('GET', `/v1/spaces/default/collections/users/profiles/${path}`, undefined, { auth, ...options });
  const traits = await get('email:spa@example.nl/traits?limit=2', { status: 200 });
  assert.equal(Object.keys(traits.body.traits).length, 2);
  assert.equal(traits.body.cursor.has_more, true);
  assert.ok(traits.headers.get('request-id'));
  const rest = await get(`email:spa@example.nl/traits?next=${traits.body.cursor.next}`, { status: 200 });
  assert.deepEqual({ ...traits.body.traits, ...rest.body.traits }, { email: 'spa@example.nl', plan: 'pro', age: 31, city: 'Delft', first_name: 'Ada' });
  assert.deepEqual([rest.body.cursor.has_more, rest.body.cursor.next], [false, '']);
  const some = await get('user_id:spa%2F1%2Bx/traits?include=plan,city&verbose=true', { status: 200 });
  assert.deepEqual(Object.keys(some.body.traits).sort(), ['city', 'plan']);
  assert.equal(some.body.traits.plan.value, 'pro');
  assert.ok(some.body.traits.plan.source_id && some.body.traits.plan.updated_at);
  assert.equal(some.body.cursor.has_more, false);
  assert.deepEqual((await get('email:spa@example.nl/traits?class=audience', { status: 200 })).body.traits, {});
  const ids = (await get('email:spa@example.nl/external_ids', { status: 200 })).body;
  assert.deepEqual(ids.data.map((d) => [d.type, d.id, d.collection, d.encoding, d.first_message_id]).sort(),
    [['email', 'spa@example.nl', 'users', 'none', 'spa-m1'], ['user_id', 'spa/1+x', 'users', 'none', 'spa-m1']]);
  assert.equal((await get('email:spa@example.nl/external_ids?include=email')).body.data.length, 1);
  const events = [];
  let next = '';
  do {
    const page = (await get(`email:spa@example.nl/events?limit=5&next=${next}`, { status: 200 })).body;
    events.push(...page.data);
    next = page.cursor.next;
  } while (next);
  assert.equal(events.length, 12, 'track calls only');
  assert.ok(events.every((e, i) => i === 0 || e.timestamp <= events[i - 1].timestamp));
  assert.ok(events[0].related.users && events[0].message_id && events[0].source_id);
  const odd = (await get('email:spa@example.nl/events?include=Odd&sort=asc', { status: 200 })).body.data;
  assert.ok(odd.length === 6 && odd.every((e) => e.event === 'Odd') && odd[0].timestamp <= odd[5].timestamp);
  assert.equal((await get('email:spa@example.nl/events?exclude=Odd')).body.data.length, 6);
  assert.ok((await get('email:spa@example.nl/events?start=2026-11-22T00:00:00Z')).body.data.every((e) => e.timestamp >= '2026-11-22'));
  const meta = (await get('email:spa@example.nl/metadata', { status: 200 })).body.metadata;
  assert.equal(meta.first_message_id, 'spa-m1');
  assert.deepEqual((await get('email:spa@example.nl/links')).body.data, []);
  assert.equal((await get('email:nobody@example.nl/traits', { status: 404 })).body.error.message, 'Profile was not found.');
  assert.equal((await get('email:spa@example.nl/nothing', { status: 404 })).body.error.code, 'not_found');
  assert.equal((await get('email:spa@example.nl/traits?limit=201', { status: 400 })).body.error.code, 'invalid_request_error');
  assert.equal((await get('email:spa@example.nl/events?sort=up', { status: 400 })).body.error.code, 'validation_error');
  assert.equal((await get('email:spa@example.nl/traits', { status: 401, auth: null })).body.error.code, 'authentication_error');
  assert.equal((await call('GET', '/v1/spaces/none/collections/users/profiles/email:a@b.nl/traits', undefined, { auth })).body.error.code, 'not_found');
});

test('lines out and in: pages, and who may', async () => {
  const page = await ws('GET', '/export', undefined, { status: 200 });
  const lines = page.body.trim().split('\n').map((l) => JSON.parse(l));
  assert.equal(lines[0].kind, 'workspace');
  assert.ok(lines.every((l) => l.kern === 1));
  await ws('GET', '/export?cursor=xyz', undefined, { status: 400 });
  const raw = { raw: true, headers: { 'Content-Type': 'application/x-ndjson' } };
  const put = await ws('POST', '/import?source=default', '{"type":"track","event":"Line","userId":"line-1"}\n\nnope\n', { ...raw, status: 200 });
  assert.deepEqual([put.body.lines, put.body.accepted, put.body.rejected, put.body.errors[0].line], [3, 1, 1, 3]);
  assert.equal((await ws('GET', `/profiles?user_id=line-1&after=${put.headers.get('kern-position')}`)).body.counters.events, 1);
  await ws('POST', '/import?source=none', '{}', { ...raw, status: 400 });
  await ws('POST', '/import', '{}', { raw: true, status: 401, auth: null });
  // settings first: what follows them waits for the next request
  const event = lines.find((l) => l.kind === 'event');
  const mixed = await ws('POST', '/import', `${JSON.stringify(lines[0])}\n${JSON.stringify({ ...event, message_id: 'again-1' })}\n`, { ...raw, status: 200 });
  assert.deepEqual([mixed.body.lines, mixed.body.accepted], [1, 1]);
  const bad = await ws('POST', '/import', JSON.stringify({ kern: 1, kind: 'identity', document: { types: [{ type: 'email', limit: 0 }] } }), { ...raw, status: 200 });
  assert.equal(bad.body.rejected, 1);
});

test('metrics parse, and tell an operator what matters', async () => {
  await kern.collect('/v1/track', '{'); // something to count
  const text = await (await fetch(`${kern.url}/metrics`)).text();
  const families = Object.fromEntries(parsePrometheus(text).map((f) => [f.name, f]));
  for (const [name, type] of Object.entries({
    kern_events_applied_total: 'COUNTER', kern_duplicates_total: 'COUNTER', kern_collect_messages_total: 'COUNTER',
    kern_collect_refused_total: 'COUNTER', kern_rejects_total: 'COUNTER', kern_unapplied_bytes: 'GAUGE', kern_apply_lag_seconds: 'GAUGE',
    kern_commit_seconds: 'HISTOGRAM', kern_log_bytes: 'GAUGE', kern_memory_bytes: 'GAUGE', kern_disk_bytes: 'GAUGE',
    kern_dedupe_dropped_total: 'COUNTER', kern_checkpoints_total: 'COUNTER', kern_checkpoint_age_seconds: 'GAUGE',
    kern_http_responses_total: 'COUNTER', kern_profiles: 'GAUGE', kern_disk_free_bytes: 'GAUGE', kern_build_info: 'GAUGE',
    process_resident_memory_bytes: 'GAUGE', process_cpu_seconds_total: 'COUNTER',
  })) {
    assert.equal(families[name]?.type, type, name);
    assert.ok(families[name].help.length > 5, name);
  }
  // the text format's own rules: one block a name, histograms that add up, counters named so
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  assert.equal(new Set(names.map((m) => m[1])).size, names.length);
  for (const [, name, type] of names) {
    if (type === 'counter') assert.match(name, /_total$/);
    if (type === 'gauge') assert.doesNotMatch(name, /_total$/);
    assert.match(text, new RegExp(`^# HELP ${name} `, 'm'));
  }
  assert.ok(text.endsWith('\n'));
  for (const [, name] of text.matchAll(/^kern_profiles\{workspace="([^"]+)"\}/gm)) {
    const plain = (suffix) => Number(text.match(new RegExp(`^kern_commit_seconds_${suffix}\\{workspace="${name}"\\} (\\S+)$`, 'm'))[1]);
    const buckets = [...text.matchAll(new RegExp(`^kern_commit_seconds_bucket\\{workspace="${name}",le="([^"]+)"\\} (\\d+)$`, 'gm'))];
    const counts = buckets.map((m) => Number(m[2]));
    assert.ok(buckets.every((m, i) => i === 0 || m[1] === '+Inf' || Number(m[1]) > Number(buckets[i - 1][1])));
    assert.ok(counts.every((c, i) => i === 0 || c >= counts[i - 1]));
    assert.equal(buckets.at(-1)[1], '+Inf');
    assert.equal(counts.at(-1), plain('count'));
    assert.equal(plain('sum') > 0, plain('count') > 0);
  }
  assert.ok(families.kern_collect_refused_total.metrics.every((m) => m.labels.reason));
  assert.ok(families.kern_rejects_total.metrics.every((m) => m.labels.source));
  assert.ok(families.kern_memory_bytes.metrics.every((m) => m.labels.part));
  // behind a proxy on this machine it wants a token
  const proxied = await fetch(`${kern.url}/metrics`, { headers: { 'X-Forwarded-For': '203.0.113.9' } });
  assert.equal(proxied.status, 401);
});

test('queries go from text to tree and back', async () => {
  const text = "event('Order Completed').where(property('total')>=100).within(30 days).count()>=2 AND NOT trait('unsubscribed')=true";
  const parsed = (await ws('POST', '/query/parse', { query: text }, { status: 200 })).body;
  assert.equal(parsed.query, "event('Order Completed').where(property('total') >= 100).within(30 days).count() >= 2 AND NOT trait('unsubscribed') = true");
  const back = (await ws('POST', '/query/format', { tree: parsed.tree }, { status: 200 })).body;
  assert.equal(back.query, parsed.query);
  const trait = (await ws('POST', '/query/parse', { query: "event('Order Completed').sum(property('revenue'))", form: 'trait' }, { status: 200 })).body;
  assert.equal((await ws('POST', '/query/format', { tree: trait.tree, form: 'trait' }, { status: 200 })).body.query, trait.query);
  const wrong = (await ws('POST', '/query/parse', { query: "event('A').cuont() > 1" }, { status: 400 })).body;
  assert.equal(wrong.errors[0].position, 11);
  assert.match(wrong.errors[0].detail, /count/);
  await ws('POST', '/query/parse', { query: 1 }, { status: 400 });
  await ws('POST', '/query/parse', { query: text, form: 'list' }, { status: 400 });
  await ws('POST', '/query/format', { tree: { kind: 'no' } }, { status: 400 });
  await ws('POST', '/query/format', {}, { status: 400 });
});

test('segments and computed traits: every route', async () => {
  const { position } = await kern.collect('/v1/track', { userId: 'route-1', event: 'Routed', properties: { value: 3 } });
  await ws('POST', '/segments', { key: 'routed', query: "event('Routed').count() >= 1" }, { status: 201 });
  await ws('POST', '/computed', { key: 'routes', query: "event('Routed').count()" }, { status: 201 });
  await ws('GET', '/segments', undefined, { status: 200 });
  await ws('GET', '/segments/routed', undefined, { status: 200 });
  await ws('PUT', '/segments/routed', { name: 'Routed' }, { status: 200 });
  await ws('GET', '/computed', undefined, { status: 200 });
  await ws('GET', '/computed/routes', undefined, { status: 200 });
  await ws('PUT', '/computed/routes', { description: 'how often' }, { status: 200 });
  for (const part of ['members', 'changes', 'history', 'export.csv?purpose=service']) {
    await ws('GET', `/segments/routed/${part}`, undefined, { status: 200 });
  }
  const who = await kern.profile('user_id', 'route-1', position);
  assert.equal((await ws('POST', '/segments/preview', { query: "event('Routed').count() >= 1" }, { status: 200 })).body.size, 1);
  await ws('POST', '/segments/explain', { query: "event('Routed').count() >= 1", profile: who.id }, { status: 200 });
  const hook = (await ws('POST', '/destinations', { url: 'https://hooks.example/kern', purpose: 'service', segments: ['routed'], enabled: false }, { status: 201 })).body;
  await ws('GET', '/destinations', undefined, { status: 200 });
  for (const part of ['', '/dead-letters']) await ws('GET', `/destinations/${hook.id}${part}`, undefined, { status: 200 });
  await ws('PATCH', `/destinations/${hook.id}`, { name: 'Hooks' }, { status: 200 });
  await ws('POST', `/destinations/${hook.id}/secret`, undefined, { status: 200 });
  await ws('POST', `/destinations/${hook.id}/dead-letters/resend`, { all: true }, { status: 200 });
  await ws('POST', `/destinations/${hook.id}/test`, undefined, { status: 200 });
  await ws('DELETE', `/destinations/${hook.id}`, undefined, { status: 204 });
  const link = (await ws('POST', '/segments/routed/csv-links', { purpose: 'service' }, { status: 201 })).body;
  await ws('GET', '/segments/routed/csv-links', undefined, { status: 200 });
  await call('GET', new URL(link.url, kern.url).pathname, undefined, { auth: null, status: 200 });
  await ws('DELETE', `/segments/routed/csv-links/${link.id}`, undefined, { status: 204 });
  for (const part of ['traits', 'favourites', 'consents']) await ws('GET', `/profiles/${who.id}/${part}`, undefined, { status: 200 });
  await ws('PATCH', `/profiles/${who.id}/traits`, { traits: { seen: true } }, { status: 200 });
  await ws('POST', `/profiles/${who.id}/notes`, { text: 'called' }, { status: 200 });
  await ws('GET', `/sources/${(await ws('GET', '/sources')).body.data[0].id}/arrivals`, undefined, { status: 200 });
  await ws('DELETE', '/computed/routes', undefined, { status: 204 });
  await ws('DELETE', '/segments/routed', undefined, { status: 204 });
  await ws('GET', '/segments/routed', undefined, { status: 404 });
});

test('erasing a person: at once for every read, with a receipt that tells how far it is', async () => {
  await ws('POST', '/erasures', {}, { status: 400 });
  await ws('POST', '/erasures', { identifier: { type: 'limit', value: 'x' } }, { status: 400 });
  await ws('POST', '/erasures', { identifier: { type: 'email', value: ' ' } }, { status: 400 });
  await ws('POST', '/erasures', { identifier: { type: 'email', value: 'nobody@example.org' } }, { status: 404 });
  await ws('DELETE', '/profiles/0k3v9qjx7d2m5h8w1c4r6t0abz', undefined, { status: 404 });
  await ws('GET', '/erasures/0k3v9qjx7d2m5h8w1c4r6t0abz', undefined, { status: 404 });
  await kern.collect('/v1/identify', { userId: 'leaver-1', traits: { email: 'Leaver@example.org' } });
  const { position } = await kern.collect('/v1/track', { userId: 'leaver-2', event: 'Left' });
  const one = await kern.profile('user_id', 'leaver-1', position);
  const two = await kern.profile('user_id', 'leaver-2', position);
  const asked = await ws('POST', '/erasures', { identifier: { type: 'email', value: 'leaver@example.org' } }, { status: 202 });
  assert.equal(asked.body.profile, one.id);
  assert.equal(asked.body.identifiers, 2);
  assert.ok(asked.headers.get('kern-position'));
  assert.equal(Date.parse(asked.body.deadline) - Date.parse(asked.body.requested_at), 3600000);
  assert.ok(asked.body.stores.every((s) => s.state !== 'erased'));
  const other = (await ws('DELETE', `/profiles/${two.id}`, undefined, { status: 202 })).body;
  await ws('GET', `/profiles/${one.id}`, undefined, { status: 404 });
  await ws('GET', '/profiles?user_id=leaver-2', undefined, { status: 404 });
  await ws('DELETE', `/profiles/${two.id}`, undefined, { status: 404 });
  await ws('GET', '/erasures', undefined, { status: 200 });
  assert.equal((await ws('GET', `/erasures/${other.id}`, undefined, { status: 200 })).body.profile, two.id);
});

test('destinations and CSV links: every route', async () => {
  await ws('POST', '/segments', { key: 'sent', query: "event('Routed').count() >= 1" }, { status: 201 });
  const d = (await ws('POST', '/destinations', { url: 'https://hooks.invalid/x', purpose: 'service', segments: ['sent'], enabled: false }, { status: 201 })).body;
  assert.equal(d.status, 'off');
  await ws('GET', '/destinations', undefined, { status: 200 });
  await ws('GET', `/destinations/${d.id}`, undefined, { status: 200 });
  await ws('PATCH', `/destinations/${d.id}`, { name: 'Sent' }, { status: 200 });
  await ws('POST', `/destinations/${d.id}/secret`, undefined, { status: 200 });
  assert.equal((await ws('POST', `/destinations/${d.id}/test`, undefined, { status: 200 })).body.ok, false);
  await ws('GET', `/destinations/${d.id}/dead-letters`, undefined, { status: 200 });
  await ws('POST', `/destinations/${d.id}/dead-letters/resend`, { all: true }, { status: 200 });
  await ws('DELETE', `/destinations/${d.id}`, undefined, { status: 204 });
  const link = (await ws('POST', '/segments/sent/csv-links', { purpose: 'service' }, { status: 201 })).body;
  await ws('GET', '/segments/sent/csv-links', undefined, { status: 200 });
  await call('GET', new URL(link.url).pathname, undefined, { auth: null, status: 200, body: false });
  await ws('DELETE', `/segments/sent/csv-links/${link.id}`, undefined, { status: 204 });
  await ws('DELETE', '/segments/sent', undefined, { status: 204 });
});

test('saved reports, dashboards, notes, alerts: every route, and nobody overwrites another', async () => {
  const bad = async (path, body, pointer) => {
    const r = await ws('POST', path, body, { status: 400 });
    assert.equal(r.body.errors[0].pointer, pointer, JSON.stringify(r.body));
  };
  const report = { name: ' Funnel "shop" ', kind: 'funnel', settings: { period: '30', steps: '["Product Viewed"]' } };
  const saved = (await ws('POST', '/reports/saved', report, { status: 201 })).body;
  assert.deepEqual([saved.name, saved.kind, saved.settings, saved.version], ['Funnel "shop"', 'funnel', report.settings, 1]);
  await bad('/reports/saved', { ...report, name: '' }, '/name');
  await bad('/reports/saved', { ...report, kind: 'pie' }, '/kind');
  await bad('/reports/saved', { ...report, settings: { period: 30 } }, '/settings');

  const changed = (await ws('PUT', `/reports/saved/${saved.id}`, { ...report, name: 'Funnel', version: 1 }, { status: 200 })).body;
  assert.deepEqual([changed.name, changed.version, changed.created_at], ['Funnel', 2, saved.created_at]);
  const lost = await ws('PUT', `/reports/saved/${saved.id}`, { ...report, version: 1 }, { status: 409 });
  assert.match(lost.body.detail, /version 2 stands now/);
  await ws('PUT', `/reports/saved/${saved.id}`, report, { status: 400 });
  await ws('PUT', '/reports/saved/rep_nothing', { ...report, version: 1 }, { status: 404 });
  assert.deepEqual((await ws('GET', `/reports/saved/${saved.id}`)).body, changed);

  const board = (await ws('POST', '/dashboards', { name: 'Team', items: [{ report: saved.id, width: 2 }, { report: saved.id }] }, { status: 201 })).body;
  assert.deepEqual(board.items, [{ report: saved.id, width: 2 }, { report: saved.id, width: 1 }]);
  await bad('/dashboards', { name: 'Team', items: [{ report: saved.id }, { report: 'rep_nothing' }] }, '/items/1/report');
  await bad('/dashboards', { name: 'Team', items: [{ report: saved.id, width: 3 }] }, '/items/0/width');
  const held = await ws('DELETE', `/reports/saved/${saved.id}`, undefined, { status: 409 });
  assert.match(held.body.detail, /dashboard "Team" shows it/);
  await ws('PUT', `/dashboards/${board.id}`, { name: 'Team', items: [], version: 1 }, { status: 200 });
  assert.equal((await ws('GET', `/dashboards/${board.id}`)).body.version, 2);

  const note = (await ws('POST', '/notes', { at: '2026-11-20', text: 'Campaign' }, { status: 201 })).body;
  await bad('/notes', { at: 'yesterday', text: 'Campaign' }, '/at');
  await bad('/notes', { at: '2026-11-20', text: 'x'.repeat(501) }, '/text');
  await ws('PUT', `/notes/${note.id}`, { at: '2026-11-21', text: 'Campaign', version: 1 }, { status: 200 });
  assert.equal((await ws('GET', `/notes/${note.id}`)).body.at, '2026-11-21');

  const alert = (await ws('POST', '/alerts', { name: 'Quiet', kind: 'no_orders', hours: 24 }, { status: 201 })).body;
  assert.deepEqual([alert.enabled, alert.state, alert.last_at, alert.since], [true, 'firing', '2026-11-21T10:00:00Z', '2026-11-22T10:00:00Z']);
  await bad('/alerts', { name: 'Quiet', kind: 'no_orders', hours: 0 }, '/hours');
  await bad('/alerts', { name: 'Quiet', kind: 'loud' }, '/kind');
  await bad('/alerts', { name: 'Quiet', kind: 'silent_source', hours: 2, source: 'src_nothing' }, '/source');
  await bad('/alerts', { name: 'Quiet', kind: 'segment_change', segment: 'nobody', percent: 30, days: 7 }, '/segment');
  await bad('/alerts', { name: 'Quiet', kind: 'no_orders', hours: 2, enabled: 'yes' }, '/enabled');
  const off = (await ws('PUT', `/alerts/${alert.id}`, { name: 'Quiet', kind: 'no_orders', hours: 24, enabled: false, version: 1 }, { status: 200 })).body;
  assert.equal(off.state, 'off');
  assert.equal((await ws('GET', `/alerts/${alert.id}`)).body.state, 'off');

  for (const [path, id] of [['/dashboards', board.id], ['/reports/saved', saved.id], ['/notes', note.id], ['/alerts', alert.id]]) {
    assert.deepEqual((await ws('GET', path)).body.data.map((d) => d.id), [id]);
    await ws('DELETE', `${path}/${id}`, undefined, { status: 204 });
    assert.deepEqual((await ws('GET', path)).body, { data: [], next: null });
    await ws('GET', `${path}/${id}`, undefined, { status: 404 });
    await ws('DELETE', `${path}/${id}`, undefined, { status: 404 });
  }
});

test('every documented route has answered', async () => {
  for (const path of ['/healthz', '/readyz', '/metrics', '/api/v1/openapi.json']) await call('GET', path, undefined, { auth: null, status: 200 });
  const all = Object.entries(doc.paths).flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m.toUpperCase()} ${path}`));
  assert.deepEqual(all.filter((route) => !answered.has(route) && !ACCOUNT_ROUTES.test(route) && !MAIL_ROUTES.test(route)), []);
});
