// ClickHouse in process: usage: node chdb.mjs DIR ROWS PROFILE. Leaves DIR/rows.parquet for DuckDB,
// and its tables for the next run in the same DIR.
import fs from 'node:fs';
import path from 'node:path';
import { Session } from 'chdb';
import { askAll, AUDIENCES, chdbQuestions } from './questions.mjs';

const [dir, rows, profile] = process.argv.slice(2);
const session = new Session(path.join(dir, 'chdb'));
const run = (sql) => session.query(sql, 'JSONCompactEachRow');
const query = (sql) => run(`${sql} SETTINGS max_threads = 2`).trim().split('\n').filter(Boolean).map((l) => JSON.parse(l));
const columns = 'profile UInt32, ts DateTime64(6), event UInt8, country UInt8, device UInt8, page UInt16, amount UInt32';
const start = performance.now();

run('SET max_memory_usage = 0');
run('CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic');
run('USE bench');
const ready = path.join(dir, 'chdb.ready');
if (!fs.existsSync(ready)) {
  run(`CREATE TABLE by_profile (${columns}) ENGINE = MergeTree ORDER BY (profile, ts)`);
  run(`CREATE TABLE by_event (${columns}) ENGINE = MergeTree ORDER BY (event, toDate(ts), profile)`);
  for (const table of ['by_profile', 'by_event']) {
    run(`INSERT INTO ${table} SELECT * FROM file('${rows}', 'RowBinary', '${columns}') SETTINGS max_threads = 2`);
    run(`OPTIMIZE TABLE ${table} FINAL`);
  }
  run('CREATE TABLE audiences (id UInt8, members AggregateFunction(groupBitmap, UInt32)) ENGINE = MergeTree ORDER BY id');
  AUDIENCES.forEach((sql, id) => run(`INSERT INTO audiences SELECT ${id}, groupBitmapState(profile) FROM (${sql})`));
  fs.writeFileSync(ready, '');
}
const bytes = query(`SELECT sum(data_compressed_bytes) FROM system.parts WHERE active AND table = 'by_profile'`)[0][0];
const parquet = path.join(dir, 'rows.parquet');
if (!fs.existsSync(parquet)) {
  run(`INSERT INTO FUNCTION file('${parquet}', 'Parquet') SELECT * FROM by_profile ORDER BY profile, ts SETTINGS max_threads = 2`);
}
console.log(JSON.stringify({ name: 'load', version: session.query('SELECT version()', 'TSV').trim(), seconds: (performance.now() - start) / 1000, bytes: Number(bytes) }));
await askAll(chdbQuestions(Number(profile)), query);
session.close();
