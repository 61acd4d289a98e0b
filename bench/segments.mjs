// Audience questions over many events, Kern beside ClickHouse and DuckDB in process:
//   make bench-segments            100M events, 4M profiles; writes bench/RESULTS-segments.md
//   node bench/segments.mjs --events 1000000 [--dir DIR] [--no-peers]
//
// The peers come from npm (bench/peers). Every answer is compared; each peer has its table in two
// orders, and its faster way counts. Needs about 25 GB of disk and 12 GB of memory at full size.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { withQuestions } from './results.mjs';

const root = path.resolve(import.meta.dirname, '..');
const program = path.join(root, 'build/bench/segments');
const peers = path.join(root, 'bench/peers');
const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const EVENTS = Number(option('events', 100_000_000));
const PROFILES = Math.round(EVENTS / 25);
const PROFILE = Math.floor(PROFILES / 3); // whose timeline is asked for
const full = EVENTS === 100_000_000;
const made = option('dir', null) === null;
const work = made ? fs.mkdtempSync(path.join(os.tmpdir(), 'kern-segments-')) : path.resolve(option('dir'));

const QUESTIONS = {
  kinds: ['events per kind, whole history', 3],
  distinct: ['profiles that viewed a product', 10],
  audience: ['≥ 2 additions to the cart in 30 days, from 5 countries, no order in 7 days', 3],
  funnel: ['funnel of 3 steps within 7 days', 10],
  retention: ['weekly retention, 13 × 13', 10],
  daily: ['daily active profiles, 90 days', 10],
  value: ['profiles with a lifetime value over 250', 10],
  timeline: ['the events of one profile', null],
  sets: ['A and B and not C of stored segments', 100],
};

// Lines of JSON as they come; stops on a failure.
function lines(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
    const all = [];
    let rest = '';
    child.stdout.on('data', (d) => {
      rest += d;
      for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
        const line = rest.slice(0, at);
        rest = rest.slice(at + 1);
        if (!line.startsWith('{')) continue;
        all.push(JSON.parse(line));
        const { name, how, ms } = all.at(-1);
        if (ms) console.log(`  ${name} ${how ?? ''} ${median(ms).toFixed(3)} ms`);
      }
    });
    child.once('exit', (code) => (code === 0 ? resolve(all) : reject(new Error(`${path.basename(file)} ${args[0]}: exit ${code}`))));
  });
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const time = (ms) => (ms === undefined ? '–' : ms < 0.1 ? `${(ms * 1000).toFixed(1)} µs` : ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms).toLocaleString('en')} ms`);

async function askPeers() {
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent'], { cwd: peers, stdio: 'inherit' });
  const rows = path.join(work, 'rows.bin');
  if (!fs.existsSync(rows)) await lines(program, ['rows', rows, String(EVENTS), String(PROFILES)]);
  const found = {};
  for (const [name, input] of [['chdb', rows], ['duckdb', path.join(work, 'rows.parquet')]]) {
    console.log(name);
    const kept = name === 'chdb' ? ['chdb', 'chdb.ready'] : ['duck.db', 'duck.ready'];
    if (!fs.existsSync(path.join(work, kept[1]))) fs.rmSync(path.join(work, kept[0]), { recursive: true, force: true });
    found[name] = await lines(process.execPath, [path.join(peers, `${name}.mjs`), work, input, String(PROFILE)], { cwd: peers, env: { ...process.env, TZ: 'UTC' } });
  }
  return found;
}

// The faster way of a peer; every way must have Kern's answer.
function best(peer, name, answer) {
  const ways = (peer ?? []).filter((r) => r.name === name);
  for (const way of ways) {
    if (JSON.stringify(way.answer) !== JSON.stringify(answer)) {
      throw new Error(`${name} (${way.how}): ${JSON.stringify(way.answer)} is not Kern's ${JSON.stringify(answer)}`);
    }
  }
  return ways.map((w) => ({ ms: median(w.ms), cpu: w.cpu, how: w.how })).sort((a, b) => a.ms - b.ms)[0];
}

function report(kern, found) {
  const load = kern.find((r) => r.name === 'load');
  const preview = kern.find((r) => r.name === 'preview');
  const cpu = /model name\s*:\s*(.*)/.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? os.cpus()[0].model;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root }).toString().trim();
  const out = [];
  for (const [name, [what, goal]] of Object.entries(QUESTIONS)) {
    const ours = kern.find((r) => r.name === name);
    const c = best(found.chdb, name, ours.answer);
    const d = best(found.duckdb, name, ours.answer);
    const theirs = Math.min(c?.ms ?? Infinity, d?.ms ?? Infinity);
    const ratio = theirs / median(ours.ms);
    const verdict = goal === null || !Number.isFinite(theirs) ? '' : ratio >= goal ? `≥ ${goal} ×` : `**missed: ≥ ${goal} ×**`;
    const least = Math.min(c?.cpu ?? Infinity, d?.cpu ?? Infinity) / ours.cpu;
    const times = (n) => (Number.isFinite(n) ? `${n >= 10 ? Math.round(n).toLocaleString('en') : n.toFixed(1)} ×` : '–');
    out.push([what, time(median(ours.ms)), c ? `${time(c.ms)} (${c.how})` : '–', d ? `${time(d.ms)} (${d.how})` : '–',
      times(ratio), times(least), verdict]);
  }
  const versions = ['chdb', 'duckdb'].map((p) => found[p]?.find((r) => r.name === 'load'));
  const size = (l) => (l ? `${(l.bytes / load.events).toFixed(1)} B` : '–');
  return `# Results: audience questions

Made by \`make bench-segments\` at ${commit} on ${new Date().toISOString().slice(0, 10)}. Machine: ${cpu}, ${os.cpus().length} cores,
${Math.round(os.totalmem() / 2 ** 30)} GB, Linux ${os.release()}, a virtual machine; load average ${os.loadavg()[0].toFixed(1)} at the end. ${load.events.toLocaleString('en')} events of ${PROFILES.toLocaleString('en')}
profiles, 24 kinds, 90 days (bench/segments_data.h). Two threads for everyone, warm, the median of five; all answers are
the same. ClickHouse ${versions[0]?.version ?? '–'} (chdb) and DuckDB ${versions[1]?.version ?? '–'} run in process, with microsecond times, each with its table by (profile,
time) and by (event, day or time); the faster way counts and is named. "In processor time" compares what a round takes of the
processors, which other work on the machine changes less than it changes the clock.

| question | Kern | ClickHouse | DuckDB | against the faster | in processor time | goal |
|---|---|---|---|---|---|---|
${out.map((r) => `| ${r.join(' | ')} |`).join('\n')}

Previews of ${preview.definitions} random definitions of one to four conditions (windows, where(), counts, days, sums, distinct
values, first and last): median ${time(preview.p50)}, 95th percentile ${time(preview.p95)} (goal: under 100 ms), slowest ${time(preview.max)}:

    ${preview.slowest}

Storage per event: Kern ${load.key_bytes.toFixed(1)} B for profile, time and kind together (goal: at most 8 B), ${load.bytes.toFixed(1)} B with arrival number and all properties
as text dictionaries; ClickHouse ${size(versions[0])} and DuckDB ${size(versions[1])} with integer codes and no arrival number, sorted by profile.
`;
}

try {
  console.log('kern');
  fs.rmSync(path.join(work, 'kern'), { recursive: true, force: true });
  const kern = await lines(program, ['run', path.join(work, 'kern'), String(EVENTS), String(PROFILES)]);
  const found = process.argv.includes('--no-peers') ? {} : await askPeers();
  const text = report(kern, found);
  const results = path.join(root, 'bench/RESULTS-segments.md');
  if (full && found.chdb) fs.writeFileSync(results, withQuestions(fs.readFileSync(results, 'utf8'), text));
  console.log(text);
} finally {
  if (made) fs.rmSync(work, { recursive: true, force: true });
}
