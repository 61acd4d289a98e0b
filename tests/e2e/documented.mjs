// Calls a running Kern and holds every request and answer against the OpenAPI document it serves.
import assert from 'node:assert/strict';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { TOKEN } from './kern.mjs';

export const WS = '/api/v1/workspaces/default';
// What accounts.test.mjs and mail.test.mjs go through.
export const MAIL_ROUTES = /\/api\/v1\/(mail|session\/forgotten)\b/;
export const ACCOUNT_ROUTES = /\/api\/v1\/(users|tokens|sessions?|invite)\b(?!\/forgotten)|\/audit(\.csv)?$/;

export class Documented {
  answered = new Set();
  ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor(kern) {
    this.kern = kern;
    addFormats(this.ajv);
  }

  async load() {
    this.doc = await (await fetch(`${this.kern.url}/api/v1/openapi.json`)).json();
    this.ajv.addSchema({ $id: 'kern', ...this.doc });
    return this;
  }

  schema(ref) {
    return this.ajv.getSchema(`kern#/components/schemas/${ref.split('/').pop()}`);
  }

  operation(method, path) {
    const clean = path.split('?')[0];
    for (const [pattern, methods] of Object.entries(this.doc.paths)) {
      const regex = new RegExp(`^${pattern.replace(/\./g, '\\.').replace(/\{identifier\}/g, '.+').replace(/\{\w+\}/g, '[^/]+')}$`);
      if (regex.test(clean) && methods[method.toLowerCase()] && !(pattern.endsWith('/{id}') && /\/(lookup|merge)$/.test(clean))) {
        return [pattern, methods[method.toLowerCase()]];
      }
    }
    return [null, null];
  }

  // Calls, and holds request and answer against the document.
  call = async (method, path, body, { headers = {}, status = null, auth = `Bearer ${TOKEN}`, raw = false } = {}) => {
    const { doc, ajv } = this;
    const r = await fetch(this.kern.url + path, {
      method,
      headers: { ...(auth ? { Authorization: auth } : {}), ...(body !== undefined ? { 'Content-Type': 'application/json' } : {}), ...headers },
      body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
    });
    const text = await r.text();
    const type = r.headers.get('content-type') ?? '';
    const answer = text && /[/+]json/.test(type) ? JSON.parse(text) : text;
    if (status !== null) assert.equal(r.status, status, `${method} ${path}: ${text}`);
    const [pattern, op] = this.operation(method, path);
    if (op) {
      const wanted = op.responses[r.status] ?? op.responses.default;
      assert.ok(wanted, `${method} ${path} answers ${r.status}, which is not in the document`);
      if (r.status < 300) this.answered.add(`${method} ${pattern}`);
      const resolved = wanted.$ref ? doc.components.responses[wanted.$ref.split('/').pop()] : wanted;
      for (const [media, { schema }] of Object.entries(resolved.content ?? {})) {
        assert.ok(type.startsWith(media), `${method} ${path} answers ${type}, not ${media}`);
        if (!/[/+]json/.test(media)) continue;
        const check = this.schema(schema.$ref);
        assert.ok(check(answer), `${method} ${path}: ${ajv.errorsText(check.errors)} in ${text.slice(0, 400)}`);
      }
      if (r.status < 300 && op.requestBody && !raw) {
        const check = this.schema(op.requestBody.content['application/json'].schema.$ref);
        assert.ok(check(body), `${method} ${path} took what its schema forbids: ${ajv.errorsText(check.errors)}`);
      }
    }
    if (r.status >= 400 && !path.startsWith('/v1/')) {
      assert.match(type, /^application\/problem\+json/);
      assert.equal(answer.status, r.status);
      assert.ok(answer.title && answer.type);
    }
    return { status: r.status, headers: r.headers, body: answer };
  };

  ws = (method, path, body, options) => this.call(method, WS + path, body, options);
}
