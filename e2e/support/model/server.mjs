// A scripted model on loopback, in every protocol that an agent of ours speaks to its model. The path decides which.

import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import * as chat from './chat.mjs';
import * as gemini from './gemini.mjs';
import * as messages from './messages.mjs';
import * as responses from './responses.mjs';
import { PRICE, SLOW_WORDS, gateOf, play, tagOf } from './script.mjs';

const DIALECTS = [chat, responses, messages, gemini];

class Gates {
  #gates = new Map();

  #gate(name) {
    if (!this.#gates.has(name)) {
      const gate = {};
      gate.opened = new Promise((resolve) => (gate.open = resolve));
      this.#gates.set(name, gate);
    }
    return this.#gates.get(name);
  }

  opened(name) {
    return this.#gate(name).opened;
  }

  open(name) {
    this.#gate(name).open();
  }
}

async function* pieces(step, gone) {
  if (step.say !== undefined) yield step.say;
  for (let n = 0; step.slowly !== undefined && n < SLOW_WORDS && !gone(); n += 1) {
    yield `${step.slowly}${n} `;
    await sleep(100);
  }
}

/** Starts one on a free port. */
export async function startModel() {
  const gates = new Gates();
  /** What was charged: one entry an answer. */
  const ledger = [];
  const heard = [];

  async function answer(request, response) {
    let body = '';
    for await (const part of request) body += part;
    heard.push(body);
    const dialect = DIALECTS.find(({ PATH }) => PATH.test(request.url));
    if (!dialect) {
      response.writeHead(request.method === 'GET' || request.method === 'HEAD' ? 200 : 404, { 'Content-Type': 'application/json' });
      response.end('{}');
      return;
    }
    if (process.env.MODEL_LOG) appendFileSync(process.env.MODEL_LOG, `${request.url} ${body}\n`);
    const asked = dialect.read(JSON.parse(body || '{}'), request.url);
    if (asked.direct) {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(asked.direct));
      return;
    }
    const gate = gateOf(asked);
    if (gate) await gates.opened(gate);
    const step = play(asked);
    ledger.push({ tag: tagOf(asked), tools: asked.tools.length > 0, step, ...PRICE });
    const gone = () => response.destroyed;
    await dialect.write(response, { ...step, pieces: pieces(step, gone) }, PRICE, asked);
    response.end();
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      if (process.env.MODEL_LOG) console.error(error);
      response.destroy();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    ledger,
    /** Lets the answers go that wait for it, now and later. */
    open: (name) => gates.open(name),
    /** Whether any request had this in it. */
    heard: (text) => heard.some((body) => body.includes(text)),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
