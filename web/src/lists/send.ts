/** Sends people in parts and sums up what became of them. */
import { ApiError, call } from '../api/client';
import { partsOf, type People } from './rows';

export interface BadRow {
  line: number;
  reason: 'unknown' | 'blocked' | 'malformed';
  detail: string;
}

export interface Match {
  rows: number;
  matched: number;
  added: number;
  already: number;
  removed: number;
  absent: number;
  duplicates: number;
  unknown: number;
  blocked: number;
  malformed: number;
  errors: BadRow[];
}

const SHOWN = 200;
const NOTHING: Match = { rows: 0, matched: 0, added: 0, already: 0, removed: 0, absent: 0, duplicates: 0, unknown: 0, blocked: 0, malformed: 0, errors: [] };

function sum(a: Match, b: Partial<Match>): Match {
  const total = { ...a, errors: a.errors.length < SHOWN ? [...a.errors, ...(b.errors ?? [])].slice(0, SHOWN) : a.errors };
  for (const key of Object.keys(NOTHING) as (keyof Match)[]) {
    if (key !== 'errors') total[key] = a[key] + (b[key] ?? 0);
  }
  return total;
}

const TRIES = 60; // a second apart

/** What is too much at once is sent again: a part twice is a part once. */
async function patiently<T>(send: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ApiError) || ![429, 503].includes(error.status) || tries === TRIES) throw error;
    }
    await new Promise((resume) => setTimeout(resume, 1000));
  }
}

export async function send(method: 'POST' | 'DELETE', path: string, people: People, options: { signal?: AbortSignal; onProgress?: (rows: number) => void } = {}): Promise<Match> {
  let total = NOTHING;
  for await (const part of partsOf(people)) {
    const query = { type: people.type, column: people.column, line: part.line };
    total = sum(total, await patiently(() => call<Partial<Match>>(method, path, { query, text: part.body, media: part.media, signal: options.signal })));
    options.onProgress?.(total.rows);
  }
  return total;
}
