// The commands: import that is killed and goes on, export that comes back the same, help and errors.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BINARY, Kern, TOKEN, sleep } from './kern.mjs';

const dir = mkdtempSync(join(tmpdir(), 'kern-cli-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const env = { ...process.env, KERN_API_TOKEN: TOKEN };
const run = (...args) => spawnSync(BINARY, args, { encoding: 'utf8', env, maxBuffer: 1 << 28 });

const file = (name, lines) => {
  const path = join(dir, name);
  writeFileSync(path, lines.map((l) => (typeof l === 'string' ? l : JSON.stringify(l))).join('\n') + '\n');
  return path;
};

test('help for every command, precise errors, exit codes', () => {
  assert.equal(run('help').status, 0);
  for (const name of ['serve', 'demo', 'import', 'export', 'verify', 'bench']) {
    assert.match(run('help').stdout, new RegExp(`kern ${name} `));
    const h = run('help', name);
    assert.equal(h.status, 0);
    assert.match(h.stdout, new RegExp(`^kern ${name} `));
    assert.equal(run(name, '--help').stdout, h.stdout);
  }
  for (const [args, message] of [
    [['dance'], /no command "dance"/], [['help', 'dance'], /no command "dance"/],
    [['serve'], /serve needs --data DIR/], [['serve', '--port', '1'], /does not know "--port"/],
    [['serve', '--data'], /--data needs a value/], [['serve', '--data', dir, '--clock', 'fast'], /--clock takes "manual"/],
    [['import', 'x'], /import needs a file and either/], [['import', '--data', 'a', '--url', 'b', 'x'], /either/],
    [['import', '--data', 'a', '--odd', 'x'], /does not know "--odd"/], [['export'], /export needs either/],
    [['verify'], /verify needs --data DIR/], [['demo', '--profiles', '0'], /"0" is not a number in range/],
    [['bench', 'jump'], /ingest or lookup/],
  ]) {
    const r = run(...args);
    assert.equal(r.status, 2, args.join(' '));
    assert.match(r.stderr, message);
    assert.equal(r.stdout, '');
  }
  const gone = run('import', '--url', 'http://127.0.0.1:1', '--token', 'x', join(dir, 'nothing'));
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /cannot read/);
  assert.equal(run('verify', '--data', join(dir, 'nowhere')).status, 1);
});

test('an import that is killed in the middle goes on, and nothing comes in twice', { timeout: 120000 }, async () => {
  const kern = await new Kern().start();
  try {
    const n = 60000;
    const path = file('long.ndjson', Array.from({ length: n }, (_, i) => ({
      type: 'track', event: 'Imported', userId: `imp-${i % 50}`, timestamp: new Date(Date.UTC(2025, 0, 1) + i * 60000).toISOString(), properties: { i },
    })));
    const args = ['import', '--url', kern.url, path];
    const child = spawn(BINARY, args, { env, stdio: 'ignore' });
    const state = `${path}.kern-import`;
    for (let i = 0; i < 2000 && !existsSync(state); i++) await sleep(2);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('exit', resolve));
    assert.ok(existsSync(state), 'it was killed in the middle');
    const again = run(...args);
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stderr, /going on at line/);
    assert.ok(!existsSync(state), 'nothing is left to go on with');
    let total = 0;
    const seen = new Set();
    for (let u = 0; u < 50; u++) {
      const p = await kern.profile('user_id', `imp-${u}`);
      total += p.counters.events;
      assert.equal(p.counters.sessions, 0, 'imports open no session');
      if (u === 7) for (const e of await kern.events(p)) seen.add(e.properties.i);
    }
    assert.equal(total, n);
    assert.equal(seen.size, n / 50);
    // the same file once more changes nothing
    assert.equal(run(...args).status, 0);
    assert.equal((await kern.profile('user_id', 'imp-7')).counters.events, n / 50);
    const wrong = run('import', '--url', kern.url, '--token', 'wrong', path);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /stopped at line 1.*401/);
    const nobody = run('import', '--url', kern.url, '--source', 'nobody', path);
    assert.match(nobody.stderr, /there is no such source/);
  } finally {
    await kern.end();
  }
});

test('refused lines are listed with number, reason and text', async () => {
  const data = join(dir, 'refused');
  const path = file('refused.ndjson', [
    { type: 'track', event: 'Good', userId: 'r-1' }, '', '{broken', { type: 'track', userId: 'r-1' }, '[1]',
    { type: 'identify', userId: 'r-1', traits: { email: 'r@example.nl' }, context: { consent: { categoryPreferences: { Analytics: true } } }, timestamp: '2024-01-01T00:00:00Z' },
    { kern: 1, kind: 'event', type: 'track' },
  ]);
  const r = run('import', '--data', data, path);
  assert.equal(r.status, 0, r.stderr);
  assert.match(r.stdout, /^2 lines taken, 4 refused, see /);
  const rejects = readFileSync(`${path}.rejects.ndjson`, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
  assert.deepEqual(rejects.map((x) => [x.line, x.reason]), [[3, 'invalid_json'], [4, 'no_event'], [5, 'invalid_json'], [7, 'invalid_line']]);
  assert.equal(rejects[0].text, '{broken');
  assert.equal(run('verify', '--data', data).status, 0);
});

test('what stands in the way of a start is said, and costs nothing', async () => {
  const kern = await new Kern().start();
  try {
    const second = run('serve', '--data', kern.dir, '--listen', '127.0.0.1:0');
    assert.equal(second.status, 1);
    assert.match(second.stderr, /another process has locked .*lock/);
    for (const name of ['verify', 'export']) assert.match(run(name, '--data', kern.dir).stderr, /another process has locked/);
    const data = join(dir, 'taken');
    const taken = run('serve', '--data', data, '--listen', `127.0.0.1:${kern.port}`);
    assert.equal(taken.status, 1);
    assert.match(taken.stderr, new RegExp(`cannot listen on 127.0.0.1:${kern.port}: Address already in use`));
    assert.equal(taken.stdout, '');
    // keys that are shown once have not been made yet: the next start is the first one
    const child = spawn(BINARY, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    for (let i = 0; i < 400 && !out.includes('password'); i++) await sleep(25);
    assert.match(out, /write key +[A-Za-z0-9]{32}\n/);
    child.kill('SIGTERM');
    assert.equal(await new Promise((resolve) => child.on('exit', resolve)), 0);
  } finally {
    await kern.end();
  }
  const path = file('no-directory', ['x']);
  for (const data of [path, join(path, 'below')]) {
    const r = run('serve', '--data', data);
    assert.equal(r.status, 1);
    assert.match(r.stderr, /Not a directory|File exists/);
  }
  assert.match(run('serve', '--data', join(dir, 'x'), '--listen', 'nonsense').stderr, /has no port/);
  assert.match(run('serve', '--data', join(dir, 'x'), '--connections', '0').stderr, /takes a number from 1/);
});

test('SIGTERM under load: what was acknowledged is there, the rest was refused', async () => {
  const kern = await new Kern().start();
  try {
    let acknowledged = 0;
    let stopping = false;
    const senders = Array.from({ length: 8 }, async (_, s) => {
      for (let i = 0; ; i++) {
        try {
          const r = await kern.collect('/v1/track', { event: 'Term', userId: 'term', messageId: `term-${s}-${i}` });
          if (r.status === 200) acknowledged++;
          else return assert.equal(r.status, 503);
        } catch {
          return assert.ok(stopping, 'connections end only when Kern stops');
        }
      }
    });
    await sleep(300);
    stopping = true;
    assert.deepEqual(await kern.stop('SIGTERM'), { code: 0, signal: null });
    await Promise.all(senders);
    assert.match(kern.log, /"event":"stopped"/);
    assert.equal(kern.verify().status, 0);
    await kern.start();
    const p = await kern.until('user_id', 'term', acknowledged);
    assert.ok(acknowledged > 10 && p.counters.events >= acknowledged && p.counters.events <= acknowledged + 8);
  } finally {
    await kern.end();
  }
});

// A reader of RFC 4180, by the letter.
function csv(text) {
  const rows = [[]];
  for (const m of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    if (m[0] === '' && m.index === text.length) break;
    rows.at(-1).push(m[1] === undefined ? m[2] : m[1].replaceAll('""', '"'));
    if (m[3] === '\r\n') rows.push([]);
  }
  return rows.filter((r) => r.length > 0);
}

// What must be the same on both sides: everything but the ids of profiles, which are each Kern's own.
async function picture(kern) {
  const profiles = [];
  let cursor = '';
  do {
    const page = (await kern.ws('GET', `/profiles?limit=1000${cursor}`)).body;
    profiles.push(...page.data);
    cursor = page.next ? `&cursor=${page.next}` : '';
  } while (cursor);
  const all = [];
  for (const p of profiles) {
    const events = await kern.events(p);
    const links = (await kern.ws('GET', `/profiles/${p.id}/links?limit=1000`)).body.data;
    const { id, created_at, merged_ids, ...rest } = p;
    all.push({
      ...rest, merged: merged_ids.length,
      events: events.map((e) => JSON.stringify(e)).sort(),
      links: links.map(({ profile, ...l }) => ({ ...l, other: Boolean(profile) })),
      created: typeof created_at, id: typeof id,
    });
  }
  all.sort((a, b) => JSON.stringify(a.identifiers).localeCompare(JSON.stringify(b.identifiers)));
  const { id, now, created_at, ...workspace } = (await kern.ws('GET', '')).body;
  const sources = (await kern.ws('GET', '/sources?limit=1000')).body.data.map(({ statistics, ...s }) => s);
  return { all, workspace, sources, identity: (await kern.ws('GET', '/identity')).body };
}

test('an export comes back the same in an empty Kern, over the wire and from disk', { timeout: 120000 }, async () => {
  const a = await new Kern().start();
  const b = await new Kern().start();
  try {
    await a.ws('PATCH', '', { name: 'Winkel', time_zone: 'Europe/Lisbon', currency: 'GBP' });
    await a.ws('PUT', '/identity', { types: [{ type: 'email', limit: 2, blocked: [{ regex: '^test' }] }] });
    const app = (await a.ws('POST', '/sources', { name: 'App', kind: 'mobile' })).body;
    const gone = (await a.ws('POST', '/sources', { name: 'Old' })).body;
    const third = (await a.ws('POST', '/sources', { name: 'Bought', party: 'third' })).body;
    const send = (body, source) => a.collect('/v1/batch', { batch: body }, source ? { 'X-Write-Key': source.write_keys[0] } : {});
    const agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';
    for (let i = 0; i < 120; i++) {
      const context = { userAgent: agent, library: { name: 'analytics.js' }, page: { url: `https://shop.example/?utm_source=mail&utm_medium=email&utm_campaign=c${i % 3}`, referrer: 'https://www.google.nl/' }, externalIds: i % 5 ? [] : [{ id: `S-${i}`, type: 'shopify_id', collection: 'users', encoding: 'none' }] };
      await send([
        { type: 'page', name: 'Home', anonymousId: `x-${i % 40}`, context, timestamp: new Date(Date.now() - i * 7200e3).toISOString() },
        { type: 'track', event: 'Order Completed', userId: `u-${i % 30}`, anonymousId: `x-${i % 40}`, context, properties: { order_id: `o-${i % 50}`, revenue: 10 + i / 100, currency: 'EUR', note: 'é€😀"\\' } },
        { type: 'identify', userId: `u-${i % 30}`, traits: { email: `${i % 7 ? 'p' : 'test'}${i % 33}@example.nl`, n: i, gone: i % 2 ? null : 1 }, context: { consent: { categoryPreferences: { Analytics: i % 2 === 0 } } } },
      ], i % 4 === 0 ? app : i % 9 === 0 ? gone : null);
    }
    await send([{ type: 'track', event: 'Bought', userId: 'u-1' }], third);
    const last = await send([{ type: 'track', event: 'A', anonymousId: 'split-a' }, { type: 'track', event: 'B', userId: 'split-u' }]);
    const one = await a.profile('anonymous_id', 'split-a', last.position);
    const two = await a.profile('user_id', 'split-u');
    const merged = (await a.ws('POST', '/profiles/merge', { profiles: [one.id, two.id], reason: 'same' })).body;
    await a.ws('POST', `/profiles/${merged.id}/unmerge`, { identifiers: [{ type: 'anonymous_id', value: 'split-a' }], reason: 'not the same' });
    await a.collect('/v1/track', { event: 'C', anonymousId: 'split-a', userId: 'split-u' });
    const keep = await a.profile('user_id', 'u-3');
    await a.ws('POST', `/profiles/${keep.id}/consents`, { purpose: 'marketing_email', state: 'granted', text_version: '7' });
    await a.ws('DELETE', `/sources/${gone.id}`);

    const out = join(dir, 'all.ndjson');
    const exported = run('export', '--url', a.url, '--out', out);
    assert.equal(exported.status, 0, exported.stderr);
    const lines = readFileSync(out, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
    assert.deepEqual(lines.slice(0, 2).map((l) => l.kind), ['workspace', 'identity']);
    const arrivals = lines.filter((l) => l.arrival).map((l) => l.arrival);
    assert.deepEqual(arrivals, [...arrivals].sort((x, y) => x - y));
    assert.equal(new Set(arrivals).size, arrivals.length);
    assert.ok(lines.some((l) => l.event === 'Bought' || l.name === 'Bought'), 'what belongs to no profile as well');
    // b answers to the same write key by itself: its source takes the keys of the export's
    const imported = run('import', '--url', b.url, out);
    assert.equal(imported.status, 0, imported.stderr);
    assert.match(imported.stdout, /, 0 refused/, existsSync(`${out}.rejects.ndjson`) ? readFileSync(`${out}.rejects.ndjson`, 'utf8') : '');
    const before = await picture(a);
    assert.ok(before.all.length > 30);
    assert.deepEqual(await picture(b), before);

    // and from disk to disk
    assert.equal((await a.stop()).code, 0);
    const second = join(dir, 'second.ndjson');
    assert.equal(run('export', '--data', a.dir, '--out', second).status, 0);
    assert.equal(readFileSync(second, 'utf8'), readFileSync(out, 'utf8'));
    const rows = csv(run('export', '--data', a.dir, '--format', 'csv').stdout);
    assert.deepEqual(rows[0].slice(0, 4), ['arrival', 'kind', 'type', 'time']);
    assert.equal(rows.length, arrivals.length + 1);
    const at = (name) => rows[0].indexOf(name);
    const items = lines.filter((l) => l.arrival);
    rows.slice(1).forEach((row, i) => {
      assert.equal(row.length, rows[0].length);
      assert.deepEqual(JSON.parse(row[at('identifiers')]), items[i].identifiers);
      assert.deepEqual(row[at('body')] ? JSON.parse(row[at('body')]) : undefined, items[i].body);
      assert.equal(row[at('name')], items[i].name ?? '');
    });
    const copy = new Kern();
    const fromDisk = run('import', '--data', copy.dir, '--workspace', 'default', second);
    assert.equal(fromDisk.status, 0, fromDisk.stderr);
    assert.equal(copy.verify().status, 0);
    try {
      await copy.start();
      assert.deepEqual(await picture(copy), before);
    } finally {
      await copy.end();
    }
  } finally {
    await a.end();
    await b.end();
  }
});
