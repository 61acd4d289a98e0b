// A receiver of webhooks that checks them by its own reading of https://www.standardwebhooks.com,
// and misbehaves when told to.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

export function verify(secret, headers, body, nowSeconds = Date.now() / 1000) {
  const id = headers['webhook-id'];
  const at = headers['webhook-timestamp'];
  if (!id || !/^\d+$/.test(at) || Math.abs(nowSeconds - Number(at)) > 300) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const wanted = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest();
  return headers['webhook-signature'].split(' ').some((signature) => {
    const [version, value] = signature.split(',');
    const given = Buffer.from(value ?? '', 'base64');
    return version === 'v1' && given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

export class Receiver {
  calls = []; // in order of arrival
  taken = []; // those answered with 2xx
  answer = () => 200; // a status, or 'close', or 'hang'; with (call, how often that id has come)

  async start() {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (d) => (body += d));
      request.on('end', () => this.#take(request, body, response));
    });
    this.server.on('clientError', (_, socket) => socket.destroy());
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}/hook`;
    return this;
  }

  async #take(request, body, response) {
    const id = request.headers['webhook-id'];
    const call = { id, url: request.url, headers: request.headers, raw: body, body: JSON.parse(body) };
    const times = this.calls.filter((c) => c.id === id).length;
    this.calls.push(call);
    const answer = await this.answer(call, times);
    if (answer === 'hang') return;
    if (answer === 'close') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer, answer === 302 ? { Location: this.url } : {});
    response.end('ok');
    if (answer >= 200 && answer < 300) this.taken.push(call);
  }

  end() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
