// The questions as SQL, for both layouts of a peer. Codes of kinds and countries are those of
// bench/segments_data.c; times end on END.
export const END = '2026-11-23 00:00:00';
const COUNTRIES = '0,1,2,3,22'; // NL, BE, DE, FR, LU
export const LAYOUTS = ['by_profile', 'by_event'];

// Members of the three stored audiences (bench/segments.c).
export const AUDIENCES = [
  `SELECT DISTINCT profile FROM by_event WHERE event = 1 AND ts > TIMESTAMP '2026-10-24 00:00:00'`,
  `SELECT DISTINCT profile FROM by_event WHERE event = 8`,
  `SELECT DISTINCT profile FROM by_event WHERE event = 9 AND ts > TIMESTAMP '2026-11-16 00:00:00'`,
];

const audience = (t) => `SELECT count(*) FROM (SELECT profile FROM ${t}
  WHERE (event = 3 AND country IN (${COUNTRIES}) AND ts > TIMESTAMP '2026-10-24 00:00:00')
     OR (event = 8 AND ts > TIMESTAMP '2026-11-16 00:00:00')
  GROUP BY profile
  HAVING sum(CASE WHEN event = 3 THEN 1 ELSE 0 END) >= 2 AND sum(CASE WHEN event = 8 THEN 1 ELSE 0 END) = 0)`;
const value = (t) => `SELECT count(*) FROM (SELECT profile FROM ${t} WHERE event = 8
  GROUP BY profile HAVING sum(amount) > 25000)`;
const kinds = (t) => `SELECT event, count(*) FROM ${t} GROUP BY event ORDER BY event`;
const timeline = (t, profile) => `SELECT ts, event, country, device, page, amount FROM ${t}
  WHERE profile = ${profile} ORDER BY ts`;

// What a result says, in the shape of Kern's answer.
const one = (rows) => Number(rows[0][0]);
const second = (rows) => rows.map((r) => Number(r[1]));
const length = (rows) => rows.length;
const levels = (rows) => {
  const by = new Map(rows.map((r) => [Number(r[0]), Number(r[1])]));
  const at = (n) => [1, 2, 3].filter((k) => k >= n).reduce((s, k) => s + (by.get(k) ?? 0), 0);
  return [at(1), at(2), at(3)];
};
// Rows: the bits of the weeks in which profiles came, and how many profiles.
const cohorts = (rows) => {
  const table = Array.from({ length: 13 }, (_, c) => new Array(13 - c).fill(0));
  for (const [mask, n] of rows) {
    const bits = Number(mask);
    const first = Math.log2(bits & -bits);
    for (let k = 0; first + k < 13; k++) if (bits >> (first + k) & 1) table[first][k] += Number(n);
  }
  return table;
};

// name -> list of { how, sql, read }; the fastest counts.
export function chdbQuestions(profile) {
  const both = (sql, how = '') => LAYOUTS.map((t) => ({ how: `${t}${how}`, sql: sql(t) }));
  const distinct = (f) => (t) => `SELECT ${f}(profile) FROM ${t} WHERE event = 1`;
  const daily = (f) => (t) => `SELECT toDate(ts) AS d, ${f}(profile) FROM ${t} GROUP BY d ORDER BY d`;
  const funnel = (t) => `SELECT level, count(*) FROM (SELECT profile,
    windowFunnel(604800000000, 'strict_increase')(toUInt64(toUnixTimestamp64Micro(ts)), event = 1, event = 3, event = 8) AS level
    FROM ${t} WHERE event IN (1, 3, 8) GROUP BY profile) GROUP BY level`;
  const retention = (t) => `SELECT m, count(*) FROM (SELECT profile,
    groupBitOr(bitShiftLeft(toUInt16(1), intDiv(toUnixTimestamp(ts) - toUnixTimestamp(toDateTime('2026-08-24 00:00:00')), 604800))) AS m
    FROM ${t} WHERE event = 0 GROUP BY profile) GROUP BY m`;
  return {
    kinds: { read: second, ways: both(kinds) },
    distinct: { read: one, ways: [...both(distinct('groupBitmap'), ' groupBitmap'), ...both(distinct('uniqExact'), ' uniqExact')] },
    audience: { read: one, ways: both(audience) },
    funnel: { read: levels, ways: both(funnel) },
    retention: { read: cohorts, ways: both(retention) },
    daily: { read: second, ways: both(daily('groupBitmap'), ' groupBitmap') },
    value: { read: one, ways: both(value) },
    timeline: { read: length, ways: [{ how: 'by_profile', sql: timeline('by_profile', profile) }] },
    sets: {
      read: one,
      ways: [{ how: 'groupBitmap', sql: `SELECT bitmapCardinality(bitmapAndnot(bitmapAnd(
        (SELECT members FROM audiences WHERE id = 0), (SELECT members FROM audiences WHERE id = 1)),
        (SELECT members FROM audiences WHERE id = 2)))` }],
    },
  };
}

export function duckdbQuestions(profile) {
  const both = (sql) => LAYOUTS.map((t) => ({ how: t, sql: sql(t) }));
  // The latest start of a chain that every row could go on with.
  const funnel = (t) => `WITH a AS (SELECT profile, ts, event, max(CASE WHEN event = 1 THEN ts END)
      OVER (PARTITION BY profile ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS s
      FROM ${t} WHERE event IN (1, 3, 8)),
    b AS (SELECT profile, ts, event, s, max(CASE WHEN event = 3 AND ts - s <= INTERVAL 7 DAY THEN s END)
      OVER (PARTITION BY profile ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS s2 FROM a),
    c AS (SELECT profile, max(CASE WHEN event = 8 AND ts - s2 <= INTERVAL 7 DAY THEN 3
      WHEN event = 3 AND ts - s <= INTERVAL 7 DAY THEN 2 WHEN event = 1 THEN 1 ELSE 0 END) AS level
      FROM b GROUP BY profile)
    SELECT level, count(*) FROM c GROUP BY level`;
  const retention = (t) => `SELECT m, count(*) FROM (SELECT profile,
    bit_or(1 << CAST((epoch_us(ts) - epoch_us(TIMESTAMP '2026-08-24 00:00:00')) // 604800000000 AS INTEGER)) AS m
    FROM ${t} WHERE event = 0 GROUP BY profile) GROUP BY m`;
  return {
    kinds: { read: second, ways: both(kinds) },
    distinct: { read: one, ways: both((t) => `SELECT count(DISTINCT profile) FROM ${t} WHERE event = 1`) },
    audience: { read: one, ways: both(audience) },
    funnel: { read: levels, ways: [{ how: 'by_profile', sql: funnel('by_profile') }] },
    retention: { read: cohorts, ways: both(retention) },
    daily: { read: second, ways: [{ how: 'by_profile', sql: `SELECT ts::DATE AS d, count(DISTINCT profile) FROM by_profile GROUP BY d ORDER BY d` }] },
    value: { read: one, ways: both(value) },
    timeline: { read: length, ways: [{ how: 'by_profile', sql: timeline('by_profile', profile) }] },
    sets: { read: one, ways: [{ how: 'columns', sql: 'SELECT count(*) FROM audiences WHERE a AND b AND NOT c' }] },
  };
}

// Runs every way of every question: one warm round, five timed; a line of JSON each. cpu: processor time
// of a round, all threads of the process.
export async function askAll(questions, query) {
  for (const [name, { read, ways }] of Object.entries(questions)) {
    for (const { how, sql } of ways) {
      const answer = read(await query(sql));
      const ms = [];
      const before = process.cpuUsage();
      for (let i = 0; i < 5; i++) {
        const start = performance.now();
        await query(sql);
        ms.push(performance.now() - start);
        if (ms[0] > 60000) break;
      }
      const { user, system } = process.cpuUsage(before);
      console.log(JSON.stringify({ name, how, answer, ms, cpu: (user + system) / 1000 / ms.length }));
    }
  }
}
