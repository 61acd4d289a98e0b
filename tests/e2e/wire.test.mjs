// The wire by hand: forms of authentication, encodings, limits, bad input, and the management API.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Kern, TOKEN, WRITE_KEY, sleep } from './kern.mjs';

const kern = new Kern(['--clock', 'manual', '--clock-start', '2026-11-23T10:00:00Z']);
before(() => kern.start());
after(() => kern.end());

const track = (extra = {}) => ({ event: 'Seen', anonymousId: 'w1', ...extra });

// Sends raw bytes and answers everything that comes back until the other side is done.
function raw(bytes, { wait = 1500 } = {}) {
  return new Promise((resolve) => {
    const s = connect(kern.port, '127.0.0.1', () => s.write(bytes));
    let text = '';
    s.on('data', (d) => (text += d));
    s.on('close', () => resolve(text));
    s.on('error', () => resolve(text));
    setTimeout(() => s.destroy(), wait);
  });
}

test('success is exactly what every SDK accepts', async () => {
  const r = await kern.collect('/v1/track', track());
  assert.equal(r.status, 200);
  assert.equal(r.text, '{"success":true}');
  assert.match(r.headers.get('content-type'), /^application\/json/);
  assert.match(r.position, /^\d+-\d+$/);
});

test('every way to give the key', async () => {
  const basic = (s) => `Basic ${Buffer.from(s).toString('base64')}`;
  const body = JSON.stringify({ batch: [{ type: 'track', ...track() }] });
  const forms = [
    ['/v1/batch', { Authorization: basic(`${WRITE_KEY}:`) }, body],
    ['/v1/batch', { Authorization: basic(WRITE_KEY) }, body],
    ['/v1/batch', { 'X-Write-Key': WRITE_KEY }, body],
    [`/beacon/v1/batch?writeKey=${WRITE_KEY}`, {}, body],
    ['/v1/batch', {}, JSON.stringify({ writeKey: WRITE_KEY, batch: [{ type: 'track', ...track() }] })],
    ['/v1/b', {}, JSON.stringify({ batch: [{ type: 'track', writeKey: WRITE_KEY, ...track() }] })],
    ['/v1/batch', { Authorization: 'Bearer abc' }, JSON.stringify({ writeKey: WRITE_KEY, batch: [{ type: 'track', ...track() }] })],
  ];
  for (const [path, headers, text] of forms) {
    const r = await fetch(kern.url + path, { method: 'POST', headers, body: text });
    assert.equal(r.status, 200, path + JSON.stringify(headers));
  }
  const wrong = await fetch(`${kern.url}/v1/batch`, { method: 'POST', headers: { 'X-Write-Key': 'nope' }, body });
  const error = await wrong.json();
  assert.equal(wrong.status, 401);
  assert.ok(error.code && error.message && error.error && error.success === false);
});

test('routes, slashes, content types and encodings', async () => {
  const batch = JSON.stringify({ batch: [{ type: 'track', ...track() }] });
  for (const path of ['/v1/batch', '//v1/batch', '/v1/batch/', '/v1/import', '/v1/import/', '/batch', '/v1/b']) {
    assert.equal((await kern.collect(path, batch)).status, 200, path);
  }
  for (const path of ['/v1/t', '/v1/track', '/t', '/v1/p', '/v1/page', '/v1/screen', '/v1/i', '/v1/identify']) {
    assert.equal((await kern.collect(path, track())).status, 200, path);
  }
  const jitsu = await kern.collect('/api/s/track', track());
  assert.equal(jitsu.text, '{"ok":true}');
  const packed = gzipSync(batch);
  assert.equal((await kern.collect('/v1/batch', packed, { 'Content-Encoding': 'gzip' })).status, 200);
  assert.equal((await kern.collect('/v1/batch', packed, { 'Content-Type': 'application/x-www-form-urlencoded' })).status, 200);
  const cut = await kern.collect('/v1/batch', packed.subarray(0, packed.length - 12), { 'Content-Encoding': 'gzip' });
  assert.equal(cut.status, 400);
  const bomb = await kern.collect('/v1/batch', gzipSync(Buffer.alloc(64 << 20)), { 'Content-Encoding': 'gzip' });
  assert.equal(bomb.status, 413);
  const chunked = `POST /v1/batch HTTP/1.1\r\nHost: x\r\nX-Write-Key: ${WRITE_KEY}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${batch.length.toString(16)}\r\n${batch}\r\n0\r\n\r\n`;
  assert.match(await raw(chunked), /^HTTP\/1.1 200 /);
});

test('pixels always answer a picture', async () => {
  const data = Buffer.from(JSON.stringify({ event: 'Mail Opened', userId: 'pixel-1' })).toString('base64url');
  const r = await fetch(`${kern.url}/v1/pixel/track?writeKey=${WRITE_KEY}&data=${data}`);
  assert.equal(r.headers.get('content-type'), 'image/gif');
  const flat = await fetch(`${kern.url}/v1/pixel/track?writeKey=${WRITE_KEY}&event=Mail+Opened&userId=pixel-1&properties.subject=Hoi`);
  assert.equal(flat.status, 200);
  const p = await kern.until('user_id', 'pixel-1', 2);
  assert.ok((await kern.events(p)).some((e) => e.properties.subject === 'Hoi'));
  assert.equal((await fetch(`${kern.url}/v1/pixel/track?data=broken`)).status, 200);
});

test('CORS: preflights without authentication, headers on errors too', async () => {
  const r = await fetch(`${kern.url}/v1/t`, {
    method: 'OPTIONS',
    headers: { Origin: 'https://shop.example', 'Access-Control-Request-Headers': 'authorization,x-retry-count' },
  });
  assert.equal(r.status, 204);
  assert.equal(r.headers.get('access-control-allow-origin'), 'https://shop.example');
  assert.match(r.headers.get('access-control-allow-headers'), /Authorization.*X-Retry-Count/);
  const bad = await kern.collect('/v1/t', '{', { Origin: 'https://shop.example' });
  assert.equal(bad.status, 400);
  assert.equal(bad.headers.get('access-control-allow-origin'), 'https://shop.example');
  assert.match(bad.headers.get('access-control-expose-headers'), /Retry-After/);
});

test('bad input: a precise answer, the good ones stay, the bad ones are shown', async () => {
  const cases = [
    ['{', 400], ['', 400], ['[]', 400], ['{"a":1}x', 400], ['{"a":01}', 400],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
    [`${'['.repeat(100000)}`, 400], [`{"a":${'[['.repeat(60)}${']]'.repeat(60)}}`, 400],
  ];
  for (const [body, status] of cases) {
    const r = await kern.collect('/v1/track', body);
    assert.equal(r.status, status, String(body).slice(0, 40));
    assert.ok(JSON.parse(r.text).code);
  }
  const big = await kern.collect('/v1/track', track({ properties: { x: 'y'.repeat(40000) } }));
  assert.equal(big.status, 400);
  const many = Object.fromEntries(Array.from({ length: 10000 }, (_, i) => [`k${i}`, 1]));
  const r = await kern.collect('/v1/batch', {
    batch: [
      { type: 'track', userId: 'good-1', event: 'Kept' },
      { type: 'track', userId: 'good-1' },
      { type: 'dance', userId: 'good-1' },
      { type: 'track', event: 'Nobody' },
      { type: 'track', userId: 'good-1', event: 'Wide', properties: many },
      { type: 'track', userId: 'good-1', event: 'Large', properties: { x: 'y'.repeat(40000) } },
      { type: 'track', userId: 42, event: 'Number', timestamp: 'gisteren', properties: { n: 1 } },
      17,
    ],
  });
  assert.equal(r.status, 200);
  const p = await kern.profile('user_id', 'good-1', r.position);
  assert.equal(p.counters.events, 1);
  assert.ok(await kern.profile('user_id', '42'));
  const rejects = (await kern.ws('GET', '/sources/default/rejects?limit=6')).body.data;
  assert.deepEqual(rejects.map((x) => x.reason).sort(),
    ['invalid_type', 'no_event', 'no_user_anon_id', 'too_large', 'too_large', 'unknown_type']);
  assert.ok(rejects.some((x) => x.reason === 'no_event' && x.detail.includes('event name')));
  assert.ok(!JSON.stringify(rejects).includes('good-1'), 'samples are masked');
});

test('numbers keep every digit', async () => {
  const text = '{"event":"Exact","userId":"exact-1","properties":{"a":12345678901234567890123,"b":0.10,"c":1E+2}}';
  const r = await kern.collect('/v1/track', text);
  const p = await kern.profile('user_id', 'exact-1', r.position);
  const answer = await fetch(`${kern.url}/api/v1/workspaces/default/profiles/${p.id}/events`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  assert.match(await answer.text(), /"a":12345678901234567890123,"b":0\.10,"c":1E\+2/);
});

test('ambiguous framing and floods are refused, and hurt nobody else', async () => {
  const head = `POST /v1/t HTTP/1.1\r\nHost: x\r\nX-Write-Key: ${WRITE_KEY}\r\n`;
  assert.match(await raw(`${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`), /^HTTP\/1.1 400/);
  assert.match(await raw(`${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`), /^HTTP\/1.1 400/);
  assert.match(await raw(`GET /healthz HTTP/1.1\r\nHost: x\r\n${'X-A: b\r\n'.repeat(90)}\r\n`), /^HTTP\/1.1 4\d\d/);
  const half = raw(`${head}Content-Length: 100\r\n\r\n{"half":`, { wait: 600 });
  const slow = raw('POST /v1/t HT', { wait: 600 });
  assert.equal((await kern.collect('/v1/t', track())).status, 200);
  await Promise.all([half, slow]);
});

test('deduplication outlives a restart', async () => {
  const event = { event: 'Twice', userId: 'dup-1', messageId: 'dup-m1' };
  await kern.collect('/v1/t', event);
  await kern.collect('/v1/t', event);
  await kern.stop('SIGKILL');
  await kern.start();
  const r = await kern.collect('/v1/t', event);
  const p = await kern.profile('user_id', 'dup-1', r.position);
  assert.equal(p.counters.events, 1);
});

test('merge, un-merge and their rehearsals', async () => {
  await kern.collect('/v1/t', { event: 'A', anonymousId: 'm-a' });
  await kern.collect('/v1/t', { event: 'B', userId: 'm-u' });
  const r = await kern.collect('/v1/t', { event: 'C', userId: 'm-x', anonymousId: 'm-a2' });
  const a = await kern.profile('anonymous_id', 'm-a', r.position);
  const u = await kern.profile('user_id', 'm-u');
  const dry = await kern.ws('POST', '/profiles/merge?dry_run=true', { profiles: [a.id, u.id], reason: 'same' });
  assert.equal(dry.body.identifiers.length, 2);
  assert.notEqual((await kern.profile('anonymous_id', 'm-a')).id, (await kern.profile('user_id', 'm-u')).id);
  const x = await kern.profile('user_id', 'm-x');
  const clash = await kern.ws('POST', '/profiles/merge', { profiles: [u.id, x.id], reason: 'no' });
  assert.equal(clash.status, 409, 'two known people stay two');
  const merged = await kern.ws('POST', '/profiles/merge', { profiles: [a.id, u.id], reason: 'same person' });
  assert.equal(merged.status, 200);
  assert.equal(merged.body.counters.events, 2);
  assert.deepEqual([a.id, u.id].includes(merged.body.id), true);
  assert.equal((await kern.ws('GET', `/profiles/${u.id}`)).body.id, merged.body.id);
  const split = await kern.ws('POST', `/profiles/${merged.body.id}/unmerge`, {
    identifiers: [{ type: 'anonymous_id', value: 'm-a' }], reason: 'shared laptop',
  });
  assert.equal(split.status, 200);
  assert.deepEqual(split.body.split_off.identifiers.map((i) => i.value), ['m-a']);
  assert.equal(split.body.profile.counters.events, 1);
  assert.equal(split.body.split_off.counters.events, 1);
  assert.equal(split.body.split_off.id, a.id);
  assert.equal(split.body.profile.id, u.id);
  const links = (await kern.ws('GET', `/profiles/${u.id}/links`)).body.data;
  assert.ok(links.some((l) => l.kind === 'split' && l.reason === 'shared laptop'));
});

test('consents, with basis, text version and proof', async () => {
  const r = await kern.collect('/v1/identify', {
    userId: 'consent-1', traits: {},
    context: { consent: { categoryPreferences: { Analytics: true, Advertising: false } } },
  });
  const p = await kern.profile('user_id', 'consent-1', r.position);
  const state = (profile, purpose) => profile.consents.find((c) => c.purpose === purpose);
  assert.equal(state(p, 'analytics').state, 'granted');
  assert.equal(state(p, 'advertising').state, 'denied');
  const given = await kern.ws('POST', `/profiles/${p.id}/consents`, { purpose: 'marketing_email', state: 'granted', text_version: '2026-1' });
  assert.equal(state(given.body, 'marketing_email').text_version, '2026-1');
  assert.ok(state(given.body, 'marketing_email').proof);
  const bad = await kern.ws('POST', `/profiles/${p.id}/consents`, { purpose: 'x', state: 'maybe' });
  assert.equal(bad.status, 400);
  assert.match(bad.headers.get('content-type'), /problem\+json/);
});

test('what a cookie banner leaves out is denied, letters someone asked for are not its business', async () => {
  const say = (categoryPreferences, headers) => kern.collect('/v1/page', {
    anonymousId: 'banner-1', context: { library: { name: 'analytics.js' }, ...(categoryPreferences && { consent: { categoryPreferences } }) },
  }, headers);
  const states = async (position) => Object.fromEntries(
    (await kern.profile('anonymous_id', 'banner-1', position)).consents.map((c) => [c.purpose, c.state]));
  let r = await say({ Analytics: true, Advertising: true, 'own thing': true });
  const p = await kern.profile('anonymous_id', 'banner-1', r.position);
  await kern.ws('POST', `/profiles/${p.id}/consents`, { consents: [{ purpose: 'marketing_email', state: 'granted' }, { purpose: 'marketing_post', state: 'granted' }] });
  r = await say({ Analytics: true });
  assert.deepEqual(await states(r.position), { analytics: 'granted', advertising: 'denied', own_thing: 'denied', marketing_email: 'granted', marketing_post: 'granted' });
  r = await say({});
  assert.deepEqual(await states(r.position), { analytics: 'denied', advertising: 'denied', own_thing: 'denied', marketing_email: 'granted', marketing_post: 'granted' });
  r = await say({ Email: false, Analytics: true, Advertising: true }); // what it names, it decides
  assert.deepEqual(await states(r.position), { analytics: 'granted', advertising: 'granted', own_thing: 'denied', marketing_email: 'denied', marketing_post: 'granted' });
  r = await say(null, { 'Sec-GPC': '1' });
  assert.equal((await states(r.position)).advertising, 'denied', 'global privacy control');
  assert.equal((await states(r.position)).analytics, 'granted');
});

test('documents that SDKs fetch, over the wire', async () => {
  const get = (path, headers = {}) => fetch(kern.url + path, { headers: { Origin: 'https://shop.example', ...headers } });
  for (const path of [`/v1/projects/${WRITE_KEY}/settings`, `/projects/${WRITE_KEY}/settings`, `/v1/projects/projects/${WRITE_KEY}/settings`, `/v1/projects?writeKey=${WRITE_KEY}`]) {
    const r = await get(path);
    assert.equal(r.status, 200, path);
    assert.equal(r.headers.get('access-control-allow-origin'), 'https://shop.example');
    const settings = await r.json();
    assert.deepEqual(Object.keys(settings.integrations), ['Segment.io']);
    assert.equal(settings.integrations['Segment.io'].apiKey, WRITE_KEY);
    assert.equal(settings.integrations['Segment.io'].apiHost, `127.0.0.1:${kern.port}/v1`);
    assert.equal(settings.metrics.sampleRate, 0);
    assert.ok(!JSON.stringify(settings).includes('segment.io/') && !JSON.stringify(settings).includes('segment.com'), 'nothing leads elsewhere');
  }
  const basic = { Authorization: `Basic ${Buffer.from(`${WRITE_KEY}:`).toString('base64')}` };
  for (const [path, headers] of [[`/sourceConfig/?p=npm&v=3.34.1&writeKey=${WRITE_KEY}`, {}], ['/sourceConfig', basic]]) {
    const { source } = await (await get(path, headers)).json();
    assert.ok(source.id && source.enabled === true && source.config && Array.isArray(source.destinations), path);
  }
  assert.equal((await get('/v1/projects/nobody/settings')).status, 404);
  assert.equal((await get('/sourceConfig?writeKey=nobody')).status, 404);
});

test('messages as the server SDKs shape them, each field read back', async () => {
  const basic = (key) => ({ 'X-Write-Key': '', Authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` });
  const python = { writeKey: WRITE_KEY, sentAt: '2026-11-23T10:00:00.000001+00:00', batch: [{ type: 'track', userId: 'py-1', anonymousId: null, event: 'E', properties: { a: 1 }, timestamp: '2026-11-23T09:59:59.901+00:00', messageId: 'py-m1', context: { library: { name: 'analytics-python', version: '2.3.4' } }, integrations: {} }] };
  const go = { messageId: 'batch-1', sentAt: '2026-11-23T10:00:00.123456789Z', context: { library: { name: 'analytics-go', version: '3.0.0' } }, batch: [{ type: 'identify', userId: 'go-1', traits: { plan: 'x' }, timestamp: '2026-11-23T10:00:00.023456789Z', messageId: 'go-m1' }] };
  const java = { sequence: 3, writeKey: WRITE_KEY, sentAt: '2026-11-23T10:00:00.000Z', context: { library: { name: 'analytics-java' }, os: { name: 'Linux' } }, batch: [{ type: 'group', userId: 'java-1', groupId: 'g', traits: { name: 'G' }, messageId: 'java-m1', context: { os: { version: '6' } } }] };
  const php = { batch: [{ type: 'screen', userId: 'php-1', name: 'S', properties: { b: 2 }, timestamp: '2026-11-23T11:00:00+01:00', messageId: 'php-m1', context: { library: { name: 'analytics-php', consumer: 'LibCurl' } } }] };
  const ruby = { sentAt: '2026-11-23T10:00:00.000Z', batch: [{ type: 'alias', userId: 'rb-1', previousId: 'rb-0', messageId: 'rb-m1', context: { library: { name: 'analytics-ruby' } } }] };
  const kotlin = { writeKey: WRITE_KEY, sentAt: '2026-11-23T10:00:00.000Z', batch: [{ type: 'track', event: 'App Opened', anonymousId: 'kt-a', userId: '', messageId: 'kt-m1', timestamp: '2026-11-23T09:00:00.000Z', context: { library: { name: 'analytics-kotlin' }, device: { id: 'dev-1', type: 'android', model: 'Pixel 9', token: 'push-1', advertisingId: 'ad-1', adTrackingEnabled: true }, os: { name: 'Android', version: '15' } } }] };
  const none = { 'X-Write-Key': '' };
  for (const [path, body, headers] of [['/v1/batch', python, none], ['/v1/batch', go, basic(WRITE_KEY)], ['/v1/import/', java, basic(WRITE_KEY)], ['/v1/batch', php, basic(WRITE_KEY)], ['/v1/import', ruby, basic(WRITE_KEY)]]) {
    const r = await kern.collect(path, body, headers);
    assert.equal(r.text, '{"success":true}', JSON.stringify(body).slice(0, 60));
  }
  const packed = gzipSync(JSON.stringify(kotlin)); // chunked, as Kotlin streams it
  const chunk = (b) => Buffer.concat([Buffer.from(`${b.length.toString(16)}\r\n`), b, Buffer.from('\r\n')]);
  const sent = await raw(Buffer.concat([Buffer.from('POST /v1/b HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'),
    chunk(packed.subarray(0, 100)), chunk(packed.subarray(100)), Buffer.from('0\r\n\r\n')]));
  assert.match(sent, /^HTTP\/1.1 200 /);
  const only = async (type, value) => (await kern.events(await kern.until(type, value, 1)))[0];
  const py = await only('user_id', 'py-1');
  assert.deepEqual([py.message_id, py.properties.a, py.context.library.name, py.given_timestamp, py.sent_at], ['py-m1', 1, 'analytics-python', '2026-11-23T09:59:59.901+00:00', python.sentAt]);
  const g = await only('user_id', 'go-1');
  assert.equal(g.context.library.name, 'analytics-go', 'the library of the batch');
  assert.equal(Date.parse(g.received_at) - Date.parse(g.timestamp), 100, 'corrected by the batch\'s sentAt');
  const j = await only('user_id', 'java-1');
  assert.deepEqual([j.type, j.group_id, j.traits, j.context.os], ['group', 'g', { name: 'G' }, { version: '6', name: 'Linux' }]);
  const s = await only('user_id', 'php-1');
  assert.deepEqual([s.event, s.name, s.properties.b, s.timestamp, s.context.library.consumer], ['Screen Viewed', 'S', 2, '2026-11-23T10:00:00Z', 'LibCurl']);
  assert.equal((await only('user_id', 'rb-1')).previous_id, 'rb-0');
  const k = await kern.until('anonymous_id', 'kt-a', 1);
  assert.deepEqual(k.identifiers.map((i) => i.type).sort(), ['android.id', 'android.idfa', 'android.push_token', 'anonymous_id']);
  assert.equal(k.devices[0].platform, 'Android');
});

test('sources, identity rules and workspaces', async () => {
  const made = await kern.ws('POST', '/sources', { name: 'App', kind: 'mobile' });
  assert.equal(made.status, 201);
  const key = made.body.write_keys[0];
  const send = () => fetch(`${kern.url}/v1/t`, { method: 'POST', headers: { 'X-Write-Key': key }, body: JSON.stringify(track()) });
  assert.equal((await send()).status, 200);
  await kern.ws('PATCH', `/sources/${made.body.id}`, { enabled: false });
  assert.equal((await send()).status, 404);
  assert.equal((await kern.ws('DELETE', `/sources/${made.body.id}`)).status, 204);
  assert.equal((await send()).status, 401);
  const rules = await kern.ws('PUT', '/identity', { types: [{ type: 'email', limit: 2, blocked: [{ exact: 'info@shop.example' }, { regex: '^test' }] }] });
  assert.equal(rules.status, 200);
  assert.equal((await kern.ws('PUT', '/identity', { types: [{ type: 'email', blocked: [{ regex: '(' }] }] })).status, 400);
  const r = await kern.collect('/v1/i', { userId: 'blocked-1', traits: { email: 'info@shop.example' } });
  const p = await kern.profile('user_id', 'blocked-1', r.position);
  assert.deepEqual(p.identifiers.map((i) => i.type), ['user_id']);
  assert.equal((await kern.api('POST', '/api/v1/workspaces', { name: 'second' })).status, 201);
  assert.equal((await kern.api('GET', '/api/v1/workspaces/second/profiles?user_id=blocked-1')).status, 404);
});

test('positions, the clock and who may ask', async () => {
  const r = await kern.collect('/v1/t', { event: 'Seen', userId: 'pos-1' });
  assert.ok(await kern.profile('user_id', 'pos-1', r.position));
  assert.equal((await kern.ws('GET', '/profiles?user_id=pos-1&after=1-999999999')).status, 400);
  assert.equal((await kern.ws('GET', '/profiles?user_id=pos-1&after=zzz')).status, 400);
  assert.equal((await fetch(`${kern.url}/api/v1/workspaces/default/profiles?user_id=pos-1`)).status, 401);
  assert.equal((await kern.api('POST', '/api/v1/clock', { now: '2026-11-23T09:00:00Z' })).status, 409);
  const moved = await kern.api('POST', '/api/v1/clock', { now: '2026-11-24T10:00:00Z' });
  assert.equal(moved.body.now, '2026-11-24T10:00:00Z');
  const login = await fetch(`${kern.url}/api/v1/session`, { method: 'POST', body: JSON.stringify({ email: 'admin@example.nl', password: 'correct horse' }) });
  assert.equal(login.status, 200);
  const cookie = login.headers.get('set-cookie');
  assert.match(cookie, /HttpOnly; SameSite=Strict/);
  const me = await fetch(`${kern.url}/api/v1/session`, { headers: { Cookie: cookie.split(';')[0] } });
  assert.equal((await me.json()).role, 'owner');
  const forged = await fetch(`${kern.url}/api/v1/workspaces/default/sources`, { method: 'POST', headers: { Cookie: cookie.split(';')[0] }, body: '{}' });
  assert.equal(forged.status, 403);
  const wrong = await fetch(`${kern.url}/api/v1/session`, { method: 'POST', body: JSON.stringify({ email: 'admin@example.nl', password: 'no' }) });
  assert.equal(wrong.status, 401);
});

test('the Segment Profile API', async () => {
  const r = await kern.collect('/v1/i', { userId: 'seg-1', traits: { email: 'seg@example.nl', plan: 'pro' } });
  await kern.profile('user_id', 'seg-1', r.position);
  const get = async (path) => {
    const answer = await fetch(`${kern.url}/v1/spaces/default/collections/users/profiles/${path}`, { headers: { Authorization: `Basic ${Buffer.from(`${TOKEN}:`).toString('base64')}` } });
    return { status: answer.status, id: answer.headers.get('request-id'), body: await answer.json() };
  };
  const traits = await get('email:seg@example.nl/traits');
  assert.deepEqual(traits.body.traits, { email: 'seg@example.nl', plan: 'pro' });
  assert.ok(traits.id);
  assert.equal((await get('user_id:seg-1/external_ids')).body.data.length, 2);
  assert.equal((await get('user_id:nobody/traits')).body.error.code, 'not_found');
});

test('the OpenAPI document and the metrics are there', async () => {
  const doc = (await kern.api('GET', '/api/v1/openapi.json')).body;
  assert.equal(doc.openapi, '3.1.0');
  assert.ok(Object.keys(doc.paths).length > 20);
  const text = await (await fetch(`${kern.url}/metrics`)).text();
  assert.match(text, /kern_events_applied_total\{workspace="default"\} \d+/);
  assert.match(text, /kern_commit_seconds_bucket/);
});
