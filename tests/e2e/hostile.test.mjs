// Clients that are broken or mean no good: precise answers, bounded memory, and a good client beside them that
// notices nothing. Counts, not timings.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Kern, WRITE_KEY, sleep } from './kern.mjs';

const PLACES = 600;
const kern = new Kern(['--connections', String(PLACES), '--client-seconds', '5']);
before(() => kern.start());
after(() => kern.end());

const head = `Host: x\r\nX-Write-Key: ${WRITE_KEY}\r\n`;
const post = (body, extra = '') =>
  `POST /v1/t HTTP/1.1\r\n${head}${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const event = (id) => JSON.stringify({ event: 'Seen', userId: 'hostile-1', messageId: id });

// A connection under our hand: what came back, and whether it was ended.
function client(bytes, { end = false } = {}) {
  const c = { text: '', closed: false };
  c.socket = connect({ port: kern.port, host: '127.0.0.1', allowHalfOpen: true }, () => {
    if (end) c.socket.end(bytes);
    else if (bytes) c.socket.write(bytes);
  });
  c.socket.on('data', (d) => (c.text += d.toString('latin1')));
  c.socket.on('error', () => {});
  c.ended = new Promise((resolve) => {
    c.socket.on('end', () => { c.closed = true; c.socket.end(); resolve(); });
    c.socket.on('close', () => { c.closed = true; resolve(); });
  });
  c.opened = new Promise((resolve) => c.socket.on('connect', resolve).on('close', resolve));
  c.answer = (pattern, ms = 10000) => new Promise((resolve, reject) => {
    const until = Date.now() + ms;
    const look = () => {
      if (pattern.test(c.text)) resolve(c.text);
      else if (c.closed || Date.now() > until) reject(new Error(`no ${pattern} in ${JSON.stringify(c.text.slice(0, 200))}`));
      else setTimeout(look, 10);
    };
    look();
  });
  return c;
}

// A request on a connection of its own: those kept open are shut after some seconds here.
function send(path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    const r = request(`${kern.url}${path}`, {
      method: 'POST', agent: false,
      headers: { 'X-Write-Key': WRITE_KEY, 'Content-Length': Buffer.byteLength(bytes), ...headers },
    }, (answer) => {
      let text = '';
      answer.on('data', (d) => (text += d));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text, position: answer.headers['kern-position'] }));
    });
    r.on('error', reject);
    r.end(bytes);
  });
}

// Events of a good client, one after the other, until it is stopped: each must be taken.
let goodNumber = 0;
function goodClient() {
  let going = true;
  let sent = 0;
  const done = (async () => {
    while (going) {
      const r = await send('/v1/track', { event: 'Good', userId: 'good', messageId: `good-${goodNumber}` });
      assert.equal(r.status, 200);
      goodNumber++;
      sent++;
      await sleep(2);
    }
  })();
  return { stop: async () => { going = false; await done; assert.ok(sent > 0); } };
}

async function metric(name) {
  const text = await (await fetch(`${kern.url}/metrics`, { headers: { Connection: 'close' } })).text();
  const line = text.split('\n').find((l) => l.startsWith(name));
  return Number(line?.slice(line.lastIndexOf(' ')));
}
const megabytes = () => Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${kern.child.pid}/status`, 'utf8'))[1]) / 1024;

test('half-closed sockets, pipelines and 100-continue are served', async () => {
  const half = client(post(event('half'), 'Connection: close\r\n'), { end: true });
  await half.ended;
  assert.match(half.text, /^HTTP\/1\.1 200 /);
  const waits = client(`POST /v1/t HTTP/1.1\r\n${head}Expect: 100-continue\r\nContent-Length: ${event('cont').length}\r\n\r\n`);
  await waits.answer(/^HTTP\/1\.1 100 /);
  waits.socket.write(event('cont'));
  await waits.answer(/HTTP\/1\.1 200 /);
  waits.socket.destroy();
  const many = client(Array.from({ length: 50 }, (_, i) => post(event(`pipe-${i}`))).join(''));
  for (let i = 0; i < 500 && many.text.split('HTTP/1.1 200 ').length <= 50; i++) await sleep(10);
  assert.equal(many.text.split('HTTP/1.1 200 ').length, 51);
  many.socket.destroy();
  const p = await kern.until('user_id', 'hostile-1', 52);
  assert.equal(p.counters.events, 52);
});

test('heads that are too large, ambiguous or no HTTP', async () => {
  const good = goodClient();
  for (const [bytes, answer] of [
    [`POST /v1/t HTTP/1.1\r\n${head}${'X-A: b\r\n'.repeat(90)}\r\n`, /^HTTP\/1\.1 400 [^]*"code":"bad_request","message":"too many headers"/],
    [`GET /healthz HTTP/1.1\r\n${head}${'X-A: b\r\n'.repeat(10000)}\r\n`, /^HTTP\/1\.1 431 /],
    [`GET /healthz HTTP/1.1\r\n${head}X-A: ${'b'.repeat(1 << 17)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [`GET /${'a'.repeat(1 << 17)} HTTP/1.1\r\n${head}\r\n`, /^HTTP\/1\.1 (414|431) /],
    [`GET /v1/pixel/track?${'a=b&'.repeat(300)} HTTP/1.1\r\n${head}\r\n`, /^HTTP\/1\.1 400 /],
    [`POST /v1/t HTTP/1.1\r\n${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`, /^HTTP\/1\.1 400 /],
    [`POST /v1/t HTTP/1.1\r\n${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`POST /v1/t HTTP/1.1\r\n${head}Content-Length: -5\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`POST /v1/t HTTP/1.1\r\n${head}Content-Length: 99999999999\r\n\r\n{`, /^HTTP\/1\.1 413 [^]*"code":"too_large"/],
    [`POST /v1/t HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['POST /v1/t HTTP/1.1\r\nContent-Length: 0\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1\.1 505 /],
  ]) {
    const c = client(bytes);
    await c.answer(answer);
    await c.ended;
  }
  const noise = client(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 13, 10, 13, 10]));
  await noise.ended;
  await good.stop();
});

test('a body without end is not read for ever', async () => {
  const good = goodClient();
  const c = client(`POST /v1/t HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n`);
  await c.opened;
  const piece = `100000\r\n${'x'.repeat(1 << 20)}\r\n`;
  let sent = 0;
  while (!c.closed && sent < 512) {
    if (!c.socket.write(piece)) await Promise.race([new Promise((r) => c.socket.once('drain', r)), c.ended]);
    sent++;
  }
  assert.ok(c.closed && sent < 512, `${sent} MiB were taken`);
  await good.stop();
});

test('zip bombs and bodies just below the limit, all at once', async () => {
  const good = goodClient();
  const before = megabytes();
  const bomb = gzipSync(Buffer.alloc(256 << 20));
  const nearly = gzipSync(`{"a":"${'x'.repeat((5 << 20) - 100)}`);
  const answers = await Promise.all(Array.from({ length: 120 }, (_, i) =>
    send('/v1/batch', i % 2 ? bomb : nearly, { 'Content-Encoding': 'gzip' })));
  assert.ok(answers.every((r, i) => r.status === (i % 2 ? 413 : 400) && JSON.parse(r.text).code));
  assert.ok(megabytes() - before < 250, `${megabytes() - before} MiB more`);
  await good.stop();
});

test('many large bodies that stay half sent: a budget, and small ones go on', async () => {
  const good = goodClient();
  const before = megabytes();
  const begun = Array.from({ length: 100 }, () =>
    client(`POST /v1/batch HTTP/1.1\r\n${head}Content-Length: ${7 << 20}\r\n\r\n${'x'.repeat(6 << 20)}`));
  await Promise.all(begun.map((c) => c.ended)); // none may stay
  assert.equal(await metric('kern_connections_shut_total{reason="too_slow"}') > 0, true);
  for (let i = 0; i < 500 && (await metric('kern_body_bytes')) > 0; i++) await sleep(10);
  assert.equal(await metric('kern_body_bytes'), 0, 'all of it is given back');
  assert.ok(megabytes() - before < 400, `${megabytes() - before} MiB more`);
  await good.stop();
});

test('refused for now when the budget is spent, with the headers that SDKs know', async () => {
  const size = 7 << 20;
  const begun = Array.from({ length: 30 }, () => client(`POST /v1/batch HTTP/1.1\r\n${head}Content-Length: ${size}\r\n\r\n${'x'.repeat(size - 1)}`));
  for (let i = 0; i < 500 && (await metric('kern_body_bytes')) < 186 << 20; i++) await sleep(5);
  const late = await send('/v1/batch', 'x'.repeat(size - 1));
  assert.equal(late.status, 503);
  assert.match(late.headers['retry-after'], /^\d+$/);
  assert.match(late.headers['x-ratelimit-reset'], /^\d+$/);
  assert.equal((await send('/v1/track', { event: 'Small', userId: 'good', messageId: 'small' })).status, 200);
  for (const c of begun) c.socket.destroy();
  for (let i = 0; i < 1500 && (await metric('kern_connections ')) > 4; i++) await sleep(10); // all of them are gone
});

test('slow clients are shown the door', async () => {
  const good = goodClient();
  const from = await metric('kern_connections_shut_total{reason="too_slow"}');
  const slow = ['POST /v1/t HT', `POST /v1/t HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\n{`]
    .flatMap((bytes) => Array.from({ length: 40 }, () => client(bytes)));
  await Promise.all(slow.map((c) => c.opened));
  const drip = setInterval(() => slow.forEach((c) => c.closed || c.socket.write('x')), 100); // never idle
  await Promise.all(slow.map((c) => c.ended));
  clearInterval(drip);
  assert.equal(await metric('kern_connections_shut_total{reason="too_slow"}') - from, 80);
  await good.stop();
});

test('more idle connections than there are places: the oldest make room', async () => {
  const good = goodClient();
  const from = await metric('kern_connections_shut_total{reason="made_room"}');
  const idle = [];
  for (let i = 0; i < PLACES * 3; i++) {
    idle.push(client(''));
    if (i % 50 === 49) await Promise.all(idle.slice(-50).map((c) => c.opened));
  }
  const fresh = client(post(event('fresh')));
  await fresh.answer(/^HTTP\/1\.1 200 /);
  assert.ok(await metric('kern_connections_shut_total{reason="made_room"}') - from >= PLACES);
  assert.ok(await metric('kern_connections ') <= await metric('kern_connections_max'));
  for (const c of [...idle, fresh]) c.socket.destroy();
  await good.stop();
});

test('bodies that are no messages', async () => {
  const good = goodClient();
  const wide = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i]));
  const cases = [
    ['', 400, 'invalid_json'], ['   ', 400, 'invalid_json'], ['null', 400, 'invalid_json'], ['"x"', 400, 'invalid_json'],
    ['{"a":1}{}', 400, 'invalid_json'], ['{"a":NaN}', 400, 'invalid_json'], ['{"a":01}', 400, 'invalid_json'],
    ['{"a":"\u0001"}', 400, 'invalid_json'], ['{"a":"\\x"}', 400, 'invalid_json'],
    [Buffer.from('{"a":"\xff\xfe"}', 'latin1'), 400, 'invalid_json'], [Buffer.from('{"a":"\xc0\xaf"}', 'latin1'), 400, 'invalid_json'],
    ['['.repeat(1 << 20), 400, 'too_large'], [`{"a":${'['.repeat(65)}${']'.repeat(65)}}`, 400, 'invalid_json'],
    [`{"event":"B","userId":"u","properties":{"x":"${'y'.repeat(40000)}"}}`, 400, 'too_large'],
  ];
  for (const [body, status, code] of cases) {
    const r = await send('/v1/track', body);
    const said = JSON.parse(r.text);
    assert.deepEqual([r.status, said.success, said.code], [status, false, code], String(body).slice(0, 40));
    assert.ok(said.message.length > 10 && said.error === said.message);
  }
  const odd = [
    [{ event: 'B', userId: 'odd', properties: [1] }, 'invalid_type'], [{ event: 'B', userId: 'odd', properties: 'x' }, 'invalid_type'],
    [{ event: 'B', userId: 'odd', context: 7 }, 'invalid_type'], [{ event: 5, userId: 'odd' }, 'no_event'],
    [{ event: 'B', userId: { a: 1 } }, 'no_user_anon_id'], [{ event: 'B', userId: true }, 'no_user_anon_id'], [{ event: 'B', userId: '  ' }, 'no_user_anon_id'],
    [{ event: 'B', userId: 'o'.repeat(256) }, 'identifier_too_long'], [{ event: 'B', anonymousId: 'ó'.repeat(128) }, 'identifier_too_long'],
    [{ event: 'B', userId: 'odd', properties: wide(3000) }, 'too_large'], [{ event: 'B', userId: 'odd', properties: wide(301) }, 'too_many_properties'],
    [{ event: 'B', userId: 'odd', context: wide(1000) }, 'too_many_properties'],
  ].map(([message, reason]) => [{ type: 'track', ...message }, reason]);
  odd.push([{ type: 'group', userId: 'odd' }, 'no_group_id'], [{ type: 'group', userId: 'odd', groupId: 'g'.repeat(501) }, 'group_id_too_long'],
    [{ type: 'alias', userId: 'odd' }, 'no_previous_id'], [{ userId: 'odd' }, 'unknown_type'], [[], 'invalid_type'], ['text', 'invalid_type']);
  const counted = (reason) => metric(`kern_collect_rejects_total{reason="${reason}"}`);
  const invalid = await counted('invalid_type') || 0;
  const r = await send('/v1/batch', { batch: [...odd.map(([m]) => m), { type: 'track', event: 'Kept', userId: 'odd', ...wide(900), x: { deep: [[[1]]] } }] });
  assert.equal(r.text, '{"success":true}');
  const p = await kern.profile('user_id', 'odd', r.position);
  assert.equal(p.counters.events, 1, 'unknown members are no reason to refuse');
  assert.deepEqual((await kern.events(p))[0].x, { deep: [[[1]]] });
  assert.equal((await kern.events(p))[0].k899, 899);
  const listed = (await kern.ws('GET', `/sources/default/rejects?limit=${odd.length}`)).body.data;
  assert.deepEqual(listed.map((x) => x.reason).reverse(), odd.map(([, reason]) => reason));
  assert.equal(await counted('invalid_type') - invalid, 5);
  assert.equal(await counted('no_group_id'), 1);
  assert.ok(listed.every((x) => x.detail.length > 10 && (x.sample ?? '') !== undefined));
  await good.stop();
});

test('absurd dates and numbers at the edge are kept as they came, and hurt no counter', async () => {
  const dates = ['9999-12-31T23:59:59Z', '0000-00-00', '-2000-01-01T00:00:00Z', '275760-09-13T00:00:00Z', '1e300', 1e18, -1, 0,
    '2026-02-30T00:00:00Z', '2026-13-01', '9223372036854775807', '2026-11-23T25:00:00Z', '', 'gisteren', { a: 1 }, [], true, null];
  for (const [i, timestamp] of dates.entries()) {
    await send('/v1/track', { event: 'Dated', userId: 'dated', timestamp, properties: { i } });
  }
  await send('/v1/track', { event: 'Dated', userId: 'dated', timestamp: '2026-01-01T00:00:00Z', sentAt: '9999-01-01T00:00:00Z', properties: { i: 98 } });
  const last = await send('/v1/track', { event: 'Dated', userId: 'dated', timestamp: 1795448720256, properties: { i: 99 } });
  const p = await kern.profile('user_id', 'dated', last.position);
  const events = await kern.events(p);
  assert.equal(p.counters.events, dates.length + 2);
  assert.equal(events.length, dates.length + 2);
  for (const e of events) {
    assert.ok(Number.isFinite(Date.parse(e.timestamp)), e.timestamp);
    if (e.properties.i < 98) assert.deepEqual(e.given_timestamp, dates[e.properties.i]);
  }
  assert.equal(events.find((e) => e.properties.i === 99).timestamp, '2026-11-23T15:45:20.256Z');
  assert.ok(Date.parse(p.last_seen_at) <= Date.now() + 1000 && Date.parse(p.first_seen_at) > Date.parse('2020-01-01'));

  const amounts = [['1e30', 0], ['-5', -5], ['99999999999999999999.99', 0], ['"12.50"', 12.5], ['"12,50"', 0], ['-0', 0], ['1e2', 100], ['true', 0], ['[1]', 0], ['1e400', 0]];
  for (const [i, [text]] of amounts.entries()) {
    const r = await send('/v1/track', `{"event":"Order Completed","userId":"amount-${i}","properties":{"order_id":"edge-${i}","revenue":${text},"currency":"EUR"}}`);
    assert.equal(r.status, 200, text);
  }
  for (const [i, [text, amount]] of amounts.entries()) {
    const buyer = await kern.until('user_id', `amount-${i}`, 1);
    assert.equal(buyer.counters.orders, 1, text);
    assert.equal(buyer.counters.revenue[0]?.amount ?? 0, amount, text);
  }
});

test('at the end: every good event once, and a sound directory', async () => {
  const p = await kern.until('user_id', 'good', goodNumber + 1);
  assert.equal(p.counters.events, goodNumber + 1);
  assert.ok(megabytes() < 600, `${megabytes()} MiB`);
  assert.equal((await kern.stop()).code, 0);
  assert.equal(kern.verify().status, 0);
});
