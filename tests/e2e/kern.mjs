// Runs build/kern for a test and talks to it.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const BINARY =
  process.env.KERN_BINARY ?? fileURLToPath(new URL('../../build/kern', import.meta.url));
export const WRITE_KEY = 'WKtestWKtestWKtestWK';
export const TOKEN = 'token-for-tests';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort() {
  return new Promise((resolve) => {
    const s = createServer();
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

export class Kern {
  constructor(args = []) {
    this.dir = mkdtempSync(join(tmpdir(), 'kern-e2e-'));
    this.args = args;
  }

  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    this.child = spawn(
      BINARY,
      ['serve', '--data', this.dir, '--listen', `127.0.0.1:${this.port}`, ...this.args],
      {
        env: {
          ...process.env,
          KERN_WRITE_KEY: WRITE_KEY,
          KERN_API_TOKEN: TOKEN,
          KERN_ADMIN_EMAIL: 'admin@example.nl',
          KERN_ADMIN_PASSWORD: 'correct horse',
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    this.log = '';
    this.child.stderr.on('data', (d) => (this.log += d));
    this.exited = new Promise((resolve) =>
      this.child.on('exit', (code, signal) => resolve({ code, signal })),
    );
    for (let i = 0; i < 400; i++) {
      try {
        if ((await fetch(`${this.url}/readyz`)).status === 200) return this;
      } catch {
        // not listening yet
      }
      if (this.child.exitCode !== null) break;
      await sleep(25);
    }
    throw new Error(`kern did not become ready: ${this.log}`);
  }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    return this.exited;
  }

  async end() {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  verify() {
    return spawnSync(BINARY, ['verify', '--data', this.dir], { encoding: 'utf8' });
  }

  async api(method, path, body, headers = {}) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text ? JSON.parse(text) : null,
    };
  }

  ws(method, path, body) {
    return this.api(method, `/api/v1/workspaces/default${path}`, body);
  }

  // Sends raw bytes or JSON to a collect route.
  async collect(path, body, headers = {}) {
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'X-Write-Key': WRITE_KEY, ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      duplex: 'half',
    });
    return {
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      position: response.headers.get('kern-position'),
    };
  }

  // The profile with this identifier, once `after` is applied.
  async profile(type, value, after) {
    const wait = after ? `&after=${after}` : '';
    const r = await this.ws('GET', `/profiles?${type}=${encodeURIComponent(value)}${wait}`);
    return r.status === 200 ? r.body : null;
  }

  async events(profile) {
    const all = [];
    let cursor = '';
    do {
      const r = await this.ws('GET', `/profiles/${profile.id}/events?limit=1000${cursor}`);
      all.push(...r.body.data);
      cursor = r.body.next ? `&cursor=${r.body.next}` : '';
    } while (cursor);
    return all;
  }

  // Waits until the profile has `count` events; SDKs send when they like.
  async until(type, value, count) {
    for (let i = 0; i < 200; i++) {
      const p = await this.profile(type, value);
      if (p && p.counters.events >= count) return p;
      await sleep(50);
    }
    throw new Error(`${type} ${value} did not reach ${count} events`);
  }
}
