// One person: favourites, traits with their origin, notes and corrections; the latest first; what a source sent last.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Documented } from './documented.mjs';
import { Kern } from './kern.mjs';

const START = '2026-11-23T10:00:00Z';
const kern = new Kern(['--clock', 'manual', '--clock-start', START]);
const documented = new Documented(kern);
const { ws } = documented;

before(async () => {
  await kern.start();
  await documented.load();
});
after(() => kern.end());

const at = (hours) => new Date(Date.parse(START) - hours * 3600e3).toISOString();
const ok = (method, path, body) => ws(method, path, body, { status: 200 }).then((r) => r.body);
const everyone = async (sort, limit) => {
  const all = [];
  let next = null;
  do {
    const page = await ok('GET', `/profiles?limit=${limit}${sort ? `&sort=${sort}` : ''}${next ? `&cursor=${next}` : ''}`);
    all.push(...page.data);
    next = page.next;
  } while (next);
  return all;
};

// A small generator, so that a failure can be run again.
function random(seed) {
  let x = seed >>> 0 || 1;
  return (n) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

test('favourites of one profile are those the report counts', async () => {
  const seed = (Date.now() ^ process.pid) >>> 0;
  const r = random(seed);
  const brands = ['Sint', 'Alpine', 'Élan', 7, true, null, { odd: 1 }, ''];
  const events = ['Product Viewed', 'Product Added', 'Order Completed', 'Page Viewed', 'Other'];
  const product = () => ({ brand: brands[r(brands.length)], ...(r(3) ? { category: ['shoes', 'tents', ['shoes', 'sale']][r(3)] } : {}) });
  const batch = Array.from({ length: 900 }, (_, i) => ({
    type: 'track',
    userId: `fan-${r(40)}`,
    messageId: `f${i}`,
    event: events[r(events.length)],
    timestamp: at(r(4000) - 10),
    sentAt: START,
    properties: r(2) ? { ...product(), products: Array.from({ length: r(4) }, product) } : product(),
  }));
  const { position } = await kern.collect('/v1/batch', { batch });
  const people = await ok('GET', `/profiles?q=fan-&limit=100&after=${position}`);
  const counts = { brand: new Map(), category: new Map() };
  for (const p of people.data) {
    const f = await ok('GET', `/profiles/${p.id}/favourites`);
    assert.deepEqual(f.data.map((x) => x.of), ['brand', 'category']);
    assert.equal(f.half_life_days, 30);
    for (const { of, values } of f.data) {
      values.forEach((v, place) => {
        const row = counts[of].get(v.value) ?? [0, 0, 0];
        row[place]++;
        counts[of].set(v.value, row);
        if (place > 0) assert.ok(values[place - 1].points >= v.points);
      });
    }
  }
  for (const of of ['brand', 'category']) {
    const report = await ok('POST', '/reports/favourites', { of, limit: 100 });
    const theirs = new Map(report.values.map((v) => [v.value, [v.first, v.second, v.third]]));
    assert.deepEqual([...counts[of].entries()].sort(), [...theirs.entries()].sort(), `seed ${seed}`);
    assert.ok(theirs.size >= 2);
  }
  // a view of today weighs 1, a purchase half a year ago next to nothing
  await kern.collect('/v1/track', { userId: 'fresh', event: 'Product Viewed', messageId: 'fresh1', timestamp: START, sentAt: START, properties: { brand: 'New' } });
  const last = await kern.collect('/v1/track', { userId: 'fresh', event: 'Order Completed', messageId: 'fresh2', timestamp: at(180 * 24), sentAt: START, properties: { products: [{ brand: 'Old' }] } });
  const fresh = await kern.profile('user_id', 'fresh', last.position);
  const { data } = await ok('GET', `/profiles/${fresh.id}/favourites`);
  assert.deepEqual(data[0].values, [{ value: 'New', points: 1, events: 1 }, { value: 'Old', points: 0.156, events: 1 }]);
  await ws('GET', '/profiles/0000000000000000000000000a/favourites', undefined, { status: 404 });
});

test('a note and a correction stay, whatever happens to Kern', async () => {
  const r = await kern.collect('/v1/identify', { userId: 'care-1', anonymousId: 'care-a', messageId: 'c1', timestamp: at(48), sentAt: START, traits: { city: 'Gouda', shoe: 41, email: 'care@example.nl' } });
  const person = await kern.profile('user_id', 'care-1', r.position);
  const path = `/profiles/${person.id}`;
  const hostile = '<img src=x onerror=alert(1)> ‮ אבג 🧺 ' + 'x'.repeat(5000);
  await ok('POST', `${path}/notes`, { text: hostile });
  const corrected = await ok('PATCH', `${path}/traits`, { traits: { city: 'Utrecht', shoe: null }, reason: 'Moved' });
  assert.equal(corrected.traits.city, 'Utrecht');
  assert.equal('shoe' in corrected.traits, false);
  // neither is something the person did
  assert.deepEqual([corrected.last_seen_at, corrected.counters.events], [person.last_seen_at, person.counters.events]);
  const segment = await ok('POST', '/segments/explain', { query: "trait('city') = 'Utrecht'", profile: person.id });
  assert.equal(segment.truth, true);
  const { headers } = await ws('POST', `${path}/notes`, { text: 'Called again' }, { status: 200 });
  await kern.stop('SIGKILL');
  await kern.start();
  const traits = await ok('GET', `${path}/traits?after=${headers.get('kern-position')}`);
  const city = traits.data.find((t) => t.key === 'city');
  assert.deepEqual([city.value, city.source], ['Utrecht', 'kern']);
  assert.deepEqual(traits.data.filter((t) => t.key === 'email').map((t) => [t.value, t.at, t.source === 'kern']), [['care@example.nl', at(48).replace('.000', ''), false]]);
  const notes = await ok('GET', `${path}/events?type=note`);
  assert.deepEqual(notes.data.map((n) => [n.type, n.text, n.by, n.traits]), [
    ['note', 'Called again', notes.data[0].by, undefined],
    ['note', 'Moved', notes.data[0].by, { city: 'Utrecht', shoe: null }],
    ['note', hostile.trim(), notes.data[0].by, undefined],
  ]);
  assert.ok(notes.data[0].by);
  // an older message does not undo it; a newer one of a source may
  await kern.collect('/v1/identify', { userId: 'care-1', messageId: 'c2', timestamp: at(24), sentAt: START, traits: { city: 'Delft' } });
  assert.equal((await ok('GET', path)).traits.city, 'Utrecht');
  // a split keeps them with the side that carries them
  await ok('POST', `${path}/unmerge`, { identifiers: [{ type: 'anonymous_id', value: 'care-a' }] });
  const side = await kern.profile('user_id', 'care-1');
  assert.equal(side.traits.city, 'Utrecht');
  assert.equal((await ok('GET', `/profiles/${side.id}/events?type=note`)).data.length, 3);

  for (const [method, body, pointer] of [
    ['/notes', {}, '/text'],
    ['/notes', { text: '  ' }, '/text'],
    ['/notes', { text: 5 }, '/text'],
    ['/notes', { text: 'x'.repeat(10001) }, '/text'],
    ['/traits', {}, '/traits'],
    ['/traits', { traits: [] }, '/traits'],
    ['/traits', { traits: {} }, '/traits'],
    ['/traits', { traits: { '': 1 } }, '/traits'],
    ['/traits', { traits: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`t${i}`, i])) }, '/traits'],
    ['/traits', { traits: { a: 1 }, reason: 7 }, '/reason'],
  ]) {
    const bad = await ws(method === '/notes' ? 'POST' : 'PATCH', path + method, body, { status: 400 });
    assert.equal(bad.body.errors[0].pointer, pointer, JSON.stringify(body).slice(0, 80));
  }
  await ws('POST', '/profiles/0000000000000000000000000a/notes', { text: 'a' }, { status: 404 });
});

test('who was active last comes first, exactly, page by page', async () => {
  const batch = Array.from({ length: 300 }, (_, i) => ({ type: 'track', userId: `active-${i}`, event: 'Seen', messageId: `a${i}`, timestamp: at(100 + (i * 7919) % 97), sentAt: START }));
  const { position } = await kern.collect('/v1/batch', { batch });
  await ok('GET', `/profiles?limit=1&after=${position}`);
  const by = (p) => [p.last_seen_at, p.id];
  const all = await everyone(null, 1000);
  const wanted = all.map((p, i) => [p, i]).sort(([p, i], [q, k]) => (p.last_seen_at === q.last_seen_at ? i - k : p.last_seen_at < q.last_seen_at ? 1 : -1)).map(([p]) => by(p));
  for (const limit of [1000, 37, 1]) {
    if (limit === 1) assert.deepEqual((await ok('GET', '/profiles?sort=recent&limit=1')).data.map(by), wanted.slice(0, 1));
    else assert.deepEqual((await everyone('recent', limit)).map(by), wanted);
  }
  assert.equal((await ws('GET', '/profiles?sort=recent&q=active', undefined, { status: 400 })).body.errors[0].parameter, 'sort');
  // one of them comes back
  const r = await kern.collect('/v1/track', { userId: 'active-7', event: 'Seen', messageId: 'again', timestamp: START, sentAt: START });
  const first = await ok('GET', `/profiles?sort=recent&limit=100&after=${r.position}`);
  assert.ok(first.data.some((p) => p.identifiers.some((i) => i.value === 'active-7')));
});

test('a session tells its device', async () => {
  const browser = { library: { name: 'analytics.js' }, page: { url: 'https://shop.example.nl/' } };
  const agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1';
  await kern.collect('/v1/page', { anonymousId: 'walker', messageId: 'd1', timestamp: at(30), sentAt: START, context: { ...browser, userAgent: agent } });
  const r = await kern.collect('/v1/page', { anonymousId: 'walker', messageId: 'd2', timestamp: at(3), sentAt: START, context: { ...browser, userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0' } });
  const person = await kern.profile('anonymous_id', 'walker', r.position);
  const { data } = await ok('GET', `/profiles/${person.id}/sessions`);
  assert.deepEqual(data.map((s) => [s.device, s.platform]), [['desktop', 'Linux'], ['mobile', 'iOS']]);
});

test('every choice about consent, with its message', async () => {
  const r = await kern.collect('/v1/identify', { userId: 'chooser', messageId: 'ch1', timestamp: at(5), sentAt: START, context: { consent: { categoryPreferences: { marketing_email: true, advertising: false } } } });
  const person = await kern.profile('user_id', 'chooser', r.position);
  const path = `/profiles/${person.id}/consents`;
  await ok('POST', path, { consents: [{ purpose: 'marketing_email', state: 'denied', basis: 'objection' }, { purpose: 'analytics', state: 'denied' }], reason: 'by phone' });
  const { data } = await ok('GET', path);
  assert.deepEqual(data.map((c) => [c.purpose, c.state, c.basis]).slice(0, 2), [['marketing_email', 'denied', 'objection'], ['analytics', 'denied', 'consent']]);
  assert.deepEqual(data.slice(2).filter((c) => c.purpose !== '*').map((c) => [c.purpose, c.state, c.message_id]).sort(), [['advertising', 'denied', 'ch1'], ['marketing_email', 'granted', 'ch1']]);
  const first = await ok('GET', `${path}?limit=1`);
  assert.equal(first.data.length, 2);
  assert.deepEqual((await ok('GET', `${path}?limit=1&cursor=${first.next}`)).data, data.slice(2));
  const now = (await ok('GET', `/profiles/${person.id}`)).consents.find((c) => c.purpose === 'marketing_email');
  assert.deepEqual([now.state, now.basis], ['denied', 'objection']);
});

test('what a source sent last: accepted, twice, refused, too large', async () => {
  const source = (await ok('GET', '/sources')).data[0];
  const path = `/sources/${source.id}/arrivals`;
  const send = (message) => kern.collect('/v1/track', message);
  await send({ userId: 'live-1', event: 'First', messageId: 'l1' });
  await send({ userId: 'live-1', event: 'First', messageId: 'l1' });
  await send({ event: 'Nobody', messageId: 'l2' });
  await send({ userId: 'live-1', event: 'Large', messageId: 'l3', properties: { text: 'y'.repeat(40000) } });
  const r = await send({ userId: 'live-1', event: 'Last', messageId: 'l4' });
  const { data } = await ok('GET', `${path}?limit=5&after=${r.position}`);
  assert.deepEqual(data.map((a) => [a.outcome, a.event?.event ?? a.refusal?.reason ?? a.too_large]), [
    ['accepted', 'Last'],
    ['refused', 'too_large'],
    ['refused', 'no_user_anon_id'],
    ['duplicate', 'First'],
    ['accepted', 'First'],
  ]);
  assert.match(data[2].refusal.detail, /./);
  assert.deepEqual((await ok('GET', `${path}?since=${data[2].number}`)).data, data.slice(0, 2));
  assert.deepEqual((await ok('GET', `${path}?since=${data[0].number}`)).data, []);
  // never more than a hundred, the newest
  const batch = Array.from({ length: 450 }, (_, i) => ({ type: 'track', userId: 'live-2', event: `E${i}`, messageId: `many${i}`, properties: { pad: 'z'.repeat((i * 131) % 6000) } }));
  const many = await kern.collect('/v1/batch', { batch });
  const kept = (await ok('GET', `${path}?after=${many.position}`)).data;
  assert.ok(kept.length > 20 && kept.length <= 100);
  assert.deepEqual(kept.map((a) => a.event.event), Array.from({ length: kept.length }, (_, i) => `E${449 - i}`));
  assert.ok(kept.every((a) => a.event.properties.pad.length === (Number(a.event.event.slice(1)) * 131) % 6000));
  await ws('GET', `${path}?since=x`, undefined, { status: 400 });
  await ws('GET', '/sources/none/arrivals', undefined, { status: 404 });
});
