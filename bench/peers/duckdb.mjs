// DuckDB in process: usage: node duckdb.mjs DIR PARQUET PROFILE
import fs from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { askAll, AUDIENCES, duckdbQuestions } from './questions.mjs';

const [dir, parquet, profile] = process.argv.slice(2);
const file = path.join(dir, 'duck.db');
const instance = await DuckDBInstance.create(file, { threads: '2' });
const c = await instance.connect();
const query = async (sql) => (await c.runAndReadAll(sql)).getRowsJson();
const start = performance.now();

await c.run(`SET memory_limit = '10GB'`);
await c.run(`SET TimeZone = 'UTC'`);
const ready = path.join(dir, 'duck.ready');
if (!fs.existsSync(ready)) {
  await c.run(`CREATE TABLE by_profile AS SELECT profile, ts::TIMESTAMP AS ts, event, country, device, page, amount FROM '${parquet}'`);
  await c.run(`CREATE TABLE by_event AS SELECT * FROM by_profile ORDER BY event, ts`);
  await c.run(`CREATE TABLE audiences AS SELECT profile, profile IN (${AUDIENCES[0]}) AS a, profile IN (${AUDIENCES[1]}) AS b,
    profile IN (${AUDIENCES[2]}) AS c FROM (SELECT DISTINCT profile FROM by_profile) ORDER BY profile`);
  await c.run('CHECKPOINT');
  fs.writeFileSync(ready, '');
}
const version = (await query('SELECT version()'))[0][0];
console.log(JSON.stringify({ name: 'load', version, seconds: (performance.now() - start) / 1000, bytes: fs.statSync(file).size / 2 }));
await askAll(duckdbQuestions(Number(profile)), query);
