// The benchmarks: `make bench`. Writes bench/RESULTS.md, with the machine. `node bench/run.mjs lookups restart`
// measures only those parts and `--quick` a tenth of everything; neither writes anything.
//
// Everything runs on one machine, the load generator included. Each figure that is a ratio (bare
// handler, Redis, fsync) measures both sides in the same run.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = path.resolve(import.meta.dirname, '..');
const kern = path.join(root, 'build/kern');
const bare = path.join(root, 'build/bench/bare');
const quick = process.argv.includes('--quick');
const scale = quick ? 0.1 : 1;
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'kern-bench-'));
const env = {
  ...process.env,
  KERN_WRITE_KEY: 'bench-key',
  KERN_API_TOKEN: 'bench-token',
  KERN_ADMIN_EMAIL: 'bench@kern.example',
  KERN_ADMIN_PASSWORD: 'bench-password-1',
};
const rows = [];
const row = (what, figure, goal, note = '') => {
  rows.push([what, figure, goal, note]);
  console.log(`${what}: ${figure}${goal ? `  (goal: ${goal})` : ''}${note ? `  ${note}` : ''}`);
};
const count = (n) => Math.round(n).toLocaleString('en');

async function freePort() {
  const s = net.createServer().listen(0, '127.0.0.1');
  await new Promise((r) => s.once('listening', r));
  const { port } = s.address();
  await new Promise((r) => s.close(r));
  return port;
}

async function until(what, ask, ms = 30000) {
  const end = Date.now() + ms;
  for (;;) {
    if (await ask().catch(() => false)) return;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${ms} ms`);
    await sleep(10);
  }
}

async function serve(dir) {
  const port = await freePort();
  const child = spawn(kern, ['serve', '--data', dir, '--listen', `127.0.0.1:${port}`], {
    env, stdio: ['ignore', 'ignore', fs.openSync(path.join(work, 'serve.log'), 'a')],
  });
  const url = `http://127.0.0.1:${port}`;
  await until('readyz', async () => (await fetch(`${url}/readyz`)).ok);
  const stop = async (signal = 'SIGTERM') => {
    const gone = new Promise((r) => child.once('exit', r));
    child.kill(signal);
    await gone;
  };
  return { child, port, url, stop };
}

// Asynchronous, so that servers this process started are reaped meanwhile.
function run(file, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (d) => { out += d; });
    child.once('exit', (code) => (code === 0 ? resolve(out) : reject(new Error(`${file} ${args.join(' ')}: exit ${code}`))));
  });
}
const load = async (mode, port, options) => {
  const args = Object.entries({ port, key: env.KERN_WRITE_KEY, ...options }).flatMap(([k, v]) => [`--${k}`, String(v)]);
  return JSON.parse(await run(kern, ['bench', mode, ...args]));
};

const cpu = (pid) => {
  const f = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
  return (Number(f[13]) + Number(f[14])) / 100;
};
const threads = (pid) => {
  const by = {};
  for (const t of fs.readdirSync(`/proc/${pid}/task`)) {
    const name = fs.readFileSync(`/proc/${pid}/task/${t}/comm`, 'utf8').trim();
    by[name] = (by[name] ?? 0) + cpu(`${pid}/task/${t}`);
  }
  return by;
};
const memory = (pid) => {
  const s = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(s)[1]);
  return { rss: kb('VmRSS') / 1024, own: kb('RssAnon') / 1024 };
};
// The most of its own memory a process had, looked at ten times a second.
function watch(pid) {
  const most = { own: 0 };
  const timer = setInterval(() => { most.own = Math.max(most.own, memory(pid).own); }, 100);
  return () => { clearInterval(timer); return Math.max(most.own, memory(pid).own); };
}
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
// Checkpoints and merges of what was loaded are done: the background thread rests.
async function rest(pid) {
  const back = () => threads(pid)['kern-back'] ?? 0;
  await until('rest', async () => {
    const before = back();
    await sleep(1500);
    return back() - before < 0.05;
  }, 90000);
}
const bytesUnder = (dir, ending = '') => fs.readdirSync(dir, { withFileTypes: true, recursive: true })
  .filter((e) => e.isFile() && e.name.endsWith(ending))
  .reduce((sum, e) => sum + fs.statSync(path.join(e.parentPath ?? e.path, e.name)).size, 0);
const metrics = async (url) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name) => text.split('\n').filter((l) => l.startsWith(name) && !l.startsWith('#'))
    .reduce((sum, l) => sum + Number(l.split(' ').at(-1)), 0);
  const parts = [...text.matchAll(/^kern_memory_bytes\{.*part="(\w+)"\} (\d+)/gm)]
    .map((m) => `${m[1].replace('_', ' ')} ${count(Number(m[2]) / 1e6)}`);
  return { text, value, parts: `by part, MB: ${parts.join(', ')}; heap in all ${count(value('kern_heap_bytes') / 1e6)}` };
};

async function empty() {
  const s = await serve(path.join(work, 'empty'));
  await sleep(1000);
  const before = cpu(s.child.pid);
  await sleep(quick ? 3000 : 10000);
  const share = (cpu(s.child.pid) - before) / (quick ? 3 : 10) * 100;
  row('empty server, resident', `${memory(s.child.pid).rss.toFixed(1)} MB`, '< 64 MB');
  row('empty server, processor', `${share.toFixed(2)} %`, '< 0.5 %');
  await s.stop();
}

const ROUNDS = 3;
const EVENTS = Math.round(1_000_000 * scale);
const PROFILES = Math.round(200_000 * scale);

async function batches() {
  const s = await serve(path.join(work, 'ingest'));
  const token = env.KERN_API_TOKEN;
  // First memory comes from the machine slowly, once; a server that runs has it.
  await load('ingest', s.port, { token, events: Math.round(EVENTS / 5), profiles: PROFILES, batch: 100, connections: 16, seed: 7 });
  const began = threads(s.child.pid);
  const most = watch(s.child.pid);
  const r = await load('ingest', s.port, { token, events: EVENTS, profiles: PROFILES, batch: 100, connections: 16 });
  const spent = threads(s.child.pid);
  row('batches of 100, 16 connections, acknowledged', `${count(r.events_per_second)} events/s`, '≥ 200,000');
  row('… and applied', `${count(r.applied_events_per_second)} events/s`, '≥ 200,000', `lag at the end ${r.lag_seconds} s`);
  const steps = {};
  for (const [name, seconds] of Object.entries(spent)) {
    steps[name] = (seconds - (began[name] ?? 0)) / EVENTS * 1e6;
  }
  const peak = most();
  const m = memory(s.child.pid);
  const loaded = await metrics(s.url);
  const total = EVENTS * 1.2;
  const half = await load('ingest', s.port, { token, events: Math.round(EVENTS / 2), profiles: PROFILES, batch: 100, connections: 16, seed: 3, rate: Math.round(r.events_per_second / 2) });
  const x = await metrics(s.url);
  row('acknowledgement p99 at half that load', `${(half.p99_us / 1000).toFixed(1)} ms`, '≤ 10 ms or 3 × fsync p99',
    `p50 ${(half.p50_us / 1000).toFixed(1)} ms; commits of this run: p99 ${commitP99(x.text)} ms`);
  row('resident without file pages, at most', `${count(peak)} MB`, '< 1.2 GB', `at the end ${count(m.own)} MB and ${count(m.rss - m.own)} MB of file pages; ${loaded.parts}`);
  await s.stop();
  const dir = path.join(work, 'ingest/ws/default');
  const profiles = x.value('kern_profiles');
  row('state per profile', `${count(bytesUnder(path.join(dir, 'state')) / profiles)} B`, '< 2 KB', `${count(profiles)} profiles`);
  row('archive per event', `${(bytesUnder(path.join(dir, 'runs'), '.run') / (total + EVENTS / 2)).toFixed(0)} B`, '< 120 B');
  row('columns per event', `${(bytesUnder(path.join(dir, 'runs'), '.col') / (total + EVENTS / 2)).toFixed(0)} B`, '');
  row('log', `${count(bytesUnder(path.join(dir, 'log')) / 1e6)} MB`, '', 'kept 24 h');
  row('dedupe', `${count(bytesUnder(path.join(dir, 'dedupe')) / 1e6)} MB`, '');
  return steps;
}

// Upper bound of the bucket in which the 99th percentile of the commits lies.
function commitP99(text) {
  const buckets = [...text.matchAll(/^kern_(?:log_)?commit\w*_bucket\{[^}]*le="([^"]+)"[^}]*\} (\d+)/gm)].map((m) => [Number(m[1]), Number(m[2])]);
  const all = Math.max(0, ...buckets.map((b) => b[1]));
  const hit = buckets.filter((b) => b[1] >= all * 0.99).map((b) => b[0]).sort((a, b) => a - b)[0];
  return hit === undefined ? '?' : `≤ ${(hit * 1000).toFixed(1)}`;
}

async function singles(connections) {
  const events = Math.round(300_000 * scale);
  const s = await serve(path.join(work, `single-${connections}`));
  const ours = await load('ingest', s.port, { token: env.KERN_API_TOKEN, events, profiles: 20000, batch: 1, connections });
  await s.stop();
  const port = await freePort();
  const floor = spawn(bare, [String(port), String(connections)], { stdio: 'ignore' });
  const gone = new Promise((r) => floor.once('exit', r));
  await sleep(300);
  const theirs = await load('ingest', port, { events, profiles: 20000, batch: 1, connections });
  await gone;
  row(`single events, ${connections} connections`, `${count(ours.requests_per_second)} requests/s`, '',
    `p99 ${(ours.p99_us / 1000).toFixed(1)} ms`);
  row('… against a bare handler', `${(ours.requests_per_second / theirs.requests_per_second).toFixed(2)}`, '≥ 0.5',
    `bare: ${count(theirs.requests_per_second)} requests/s`);
}

// Redis takes as many hashes of about the same size; redis-benchmark is its own client. Both sides are
// measured in turns, each with nothing else under way.
async function lookups() {
  const profiles = Math.round(1_000_000 * scale);
  const s = await serve(path.join(work, 'lookup'));
  const token = env.KERN_API_TOKEN;
  const most = watch(s.child.pid);
  await load('ingest', s.port, { token, events: profiles, profiles, batch: 100, connections: 16, uniform: 1 });
  await rest(s.child.pid);
  const x = await metrics(s.url);
  const known = x.value('kern_profiles');
  const port = await freePort();
  const redis = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no', '--daemonize', 'no'], { stdio: 'ignore' });
  await until('redis', async () => (await run('redis-cli', ['-p', String(port), 'ping'])).includes('PONG'));
  const fields = Array.from({ length: 16 }, (_, i) => [`field${i}`, 'v'.repeat(24)]).flat();
  const common = ['-p', String(port), '-r', String(profiles), '-q', '--csv'];
  await run('redis-benchmark', [...common, '-n', String(profiles * 2), '-c', '50', '-P', '64', 'HSET', 'p:__rand_int__', ...fields]);
  const ours = [];
  const theirs = [];
  for (let i = 0; i < ROUNDS; i++) {
    const r = await load('lookup', s.port, { token, events: Math.round(400_000 * scale), profiles, connections: 50, seed: i + 1 });
    const csv = await run('redis-benchmark', [...common, '-n', String(Math.round(400_000 * scale)), '-c', '50', 'HGETALL', 'p:__rand_int__']);
    ours.push(r.requests_per_second);
    theirs.push(Number(/"HGETALL[^"]*","([\d.]+)"/.exec(csv)[1]));
  }
  redis.kill();
  const peak = most();
  const m = memory(s.child.pid);
  await s.stop();
  const all = (list) => list.map(count).join(', ');
  row(`look-up over HTTP by identifier, ${count(known)} profiles`, `${count(median(ours))} requests/s`, '≥ Redis',
    `50 connections; median of ${all(ours)}, in turns with Redis`);
  row('… Redis HGETALL without pipelining', `${count(median(theirs))} requests/s`, '',
    `median of ${all(theirs)}; ratio ${(median(ours) / median(theirs)).toFixed(2)}`);
  row('… resident without file pages, at most', `${count(peak)} MB`, '< 1.2 GB',
    `at the end ${count(m.own)} MB and ${count(m.rss - m.own)} MB of file pages; ${x.parts}`);
}

async function restart() {
  const dir = path.join(work, 'restart');
  const s = await serve(dir);
  const token = env.KERN_API_TOKEN;
  // The generator loses its server half way, and says so by its exit code.
  const going = load('ingest', s.port, { token, events: EVENTS, profiles: PROFILES, batch: 100, connections: 16 }).catch(() => null);
  await until('half the load', async () => (await metrics(s.url)).value('kern_events_applied_total') > EVENTS * 0.6);
  await s.stop('SIGKILL');
  await going;
  const logged = bytesUnder(path.join(dir, 'ws/default/log'));
  const port = await freePort();
  const began = performance.now();
  const child = spawn(kern, ['serve', '--data', dir, '--listen', `127.0.0.1:${port}`], { env, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const headers = { Authorization: `Basic ${btoa(`${env.KERN_WRITE_KEY}:`)}`, 'Content-Type': 'application/json' };
  let position;
  await until('collecting', async () => {
    const r = await fetch(`${url}/v1/track`, { method: 'POST', headers, body: JSON.stringify({ anonymousId: 'a', event: 'Restarted' }) });
    position = r.headers.get('kern-position');
    await r.text();
    return r.ok;
  });
  const collecting = performance.now() - began;
  await until('applied', async () => (await fetch(`${url}/api/v1/workspaces/default?after=${position}`, { headers: { Authorization: `Bearer ${token}` } })).ok);
  const applied = performance.now() - began - collecting;
  row('after kill −9 under load, collecting', `${(collecting / 1000).toFixed(2)} s`, '≤ 1 s', `process start included; ${count(logged / 1e6)} MB of log`);
  row('… everything applied', `${(applied / 1000).toFixed(2)} s later`, '≤ 5 s', 'a read after the position of the first event taken');
  child.kill();
  await new Promise((r) => child.once('exit', r));
}

function report(steps) {
  const cpuName = /model name\s*:\s*(.*)/.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? os.cpus()[0].model;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root }).toString().trim();
  const table = (head, lines) => [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...lines.map((l) => `| ${l.join(' | ')} |`)].join('\n');
  const names = {
    'kern-http': ['HTTP, parse, build the record (all loops)', 'bare handler of the same library: 7 µs per request, shared by the batch; simdjson 1.1–1.6 GB/s: 0.5 µs'],
    'kern-log': ['log: write and sync groups', 'one copy-free write of the record: 0.2 µs at 3 GB/s'],
    'kern-apply': ['apply: deduplicate, identify, profile, archive tail', '6 cache misses: 0.6 µs'],
    'kern-build': ['columns: parse properties, dictionary codes, small runs', 'parse once 0.5 µs; a hash look-up per value'],
    'kern-back': ['checkpoints: compress, state pages, dedupe runs', 'zstd at 700 MB/s: 0.9 µs'],
  };
  const lines = Object.entries(names).map(([k, [what, floor]]) => [what, `${(steps[k] ?? 0).toFixed(2)} µs`, floor]);
  const total = Object.keys(names).reduce((sum, k) => sum + (steps[k] ?? 0), 0);
  lines.push(['together', `${total.toFixed(2)} µs`, `${count(os.cpus().length / total * 1e6)} events/s if nothing else ran`]);
  const text = `# Results

Made by \`make bench\` at ${commit}. Machine: ${cpuName}, ${os.cpus().length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GB,
Linux ${os.release()}, a virtual machine; the load generator runs on the same cores. 680-byte Segment events with two
identifiers, ${count(EVENTS)} events over ${count(PROFILES)} profiles, Zipf-distributed, after a warm-up of a fifth of that.

${table(['what', 'figure', 'goal', 'note'], rows)}

## Where the time goes

Processor time per event of the batch run, by thread.

${table(['step', 'time', 'floor'], lines)}
`;
  if (!quick) fs.writeFileSync(path.join(root, 'bench/RESULTS.md'), text);
  else console.log(text);
}

const parts = { empty, batches, singles: async () => { await singles(64); await singles(512); }, lookups, restart };
const only = process.argv.filter((a) => a in parts);
try {
  let steps = {};
  for (const [name, part] of Object.entries(parts)) {
    if (only.length === 0 || only.includes(name)) steps = (await part()) ?? steps;
  }
  if (only.length === 0) report(steps);
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
