// Live segments, without a server around them:
//   make bench-live               writes its part of bench/RESULTS-segments.md
//   node bench/live.mjs stream exits    only those, and writes nothing
//
// Needs about 3 GB of disk and 2 GB of memory.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { HEADING, withLive } from './results.mjs';

const root = path.resolve(import.meta.dirname, '..');
const program = path.join(root, 'build/bench/live');
const file = path.join(root, 'bench/RESULTS-segments.md');
const wanted = process.argv.slice(2);
const MODES = ['stream', 'definitions', 'build', 'exits', 'readable', 'heavy'];
const n = (value) => Math.round(value).toLocaleString('en');

function run(mode) {
  const out = execFileSync(program, [mode], { stdio: ['ignore', 'pipe', 'inherit'] }).toString();
  return out.trim().split('\n').map((line) => JSON.parse(line));
}

const rows = {
  stream: (lines) => lines.map((r) => [
    r.what === 'no segments' ? 'events applied, no segments' : `events applied, 1,000 segments, ${r.what}`,
    `${n(r.per_second)} events/s (${r.us} µs)`, r.what === 'no segments' ? '' : '≥ 100,000',
    r.what === 'no segments' ? '' : `${r.evaluations} evaluations an event`]),
  definitions: ([r]) => [
    [`a definition, the first ${n(r.count / 10)}`, `${n(r.first_us)} µs`, '', 'record, build and commit'],
    [`… the last of ${n(r.count)}`, `${n(r.last_us)} µs`, 'as the first', ''],
    [`start with ${n(r.count)}`, `${r.start_s} s`, '', '']],
  build: ([filled, ...lines]) => lines.map((r) => [
    `new segment over ${n(filled.events)} events, ${n(r.rate)} events/s coming in`, `ready in ${r.ready_s} s`, '< 5 s',
    `${n(r.size)} members; applying behind by at most ${r.lag_s} s: \`${r.query}\``]),
  exits: ([r]) => [[`${n(r.exits)} exits due within a minute, ${n(r.rate)} events/s coming in`, `the latest by ${r.latest_s} s`, '≤ 2 s',
    `applying behind by at most ${r.lag_s} s, ${r.refused} refusals`]],
  readable: ([r]) => [[`from acknowledgement to readable membership, ${n(r.segments)} segments, ${n(r.rate)} events/s`,
    `p99 ${r.p99_ms} ms`, '≤ 5 ms', `p50 ${r.p50_ms} ms`]],
  heavy: ([r]) => [[`an event of one profile with ${n(r.of_heavy)} of ${n(r.events)} events`, `${r.heavy_us} µs`, 'as others’',
    `others ${r.others_us} µs; its own record each`]],
};

const table = [];
for (const mode of MODES.filter((m) => wanted.length === 0 || wanted.includes(m))) {
  for (const row of rows[mode](run(mode))) {
    table.push(row);
    console.log(row.join('  '));
  }
}
if (wanted.length === 0) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root }).toString().trim();
  const text = `${HEADING}

Made by \`make bench-live\` at ${commit}; load average ${os.loadavg()[0].toFixed(1)} at the end. A workspace in one process, without HTTP (bench/live.c):
24 kinds of events with properties, segments of eight kinds of conditions. Streams and the heavy profile are measured in processor time of
the one thread that applies; what happens beside an intake by the clock, with the threads a server has.

| what | figure | goal | note |
|---|---|---|---|
${table.map((r) => `| ${r.join(' | ')} |`).join('\n')}
`;
  fs.writeFileSync(file, withLive(fs.readFileSync(file, 'utf8'), text));
}
