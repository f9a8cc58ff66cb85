// A server's fleet, as a check of an agent looks at it: over HTTP, and at the processes of the machine.

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long anything may take to be seen, in milliseconds. */
const LIMIT = 60_000;

const ENDED = ['failed', 'killed', 'completed'];

export class Fleet {
  #server;

  /** @param {import('./server.mjs').Server} server */
  constructor(server) {
    this.#server = server;
  }

  get(path) {
    return this.#server.get(path);
  }

  post(path, body = {}) {
    return this.#server.post(path, body);
  }

  status(agent) {
    return this.get(`/agents/${agent}/status`);
  }

  async messages(agent) {
    return (await this.get(`/agents/${agent}/messages?after=0&limit=1000`)).messages;
  }

  async usage(agent) {
    return (await this.get(`/agents/${agent}/usage`)).own;
  }

  async asked(agent) {
    return (await this.get(`/approvals?status=open&agentId=${agent}`)).approvals?.[0];
  }

  decide(approval, option) {
    return this.post(`/approvals/${approval.id}/decide`, { option });
  }

  becomes(agent, wanted) {
    return this.until(agent, `it is ${wanted}`, async () => (await this.status(agent)).status === wanted);
  }

  /** Waits for a message. */
  says(agent, role, text) {
    const found = async () => (await this.messages(agent)).find((m) => m.role === role && m.content.includes(text));
    return this.until(agent, `${role} says ${JSON.stringify(text)}`, found);
  }

  /** Waits until it is known what became of an injected message. */
  receipt(agent, seq) {
    return this.until(agent, `message ${seq} is settled`, async () => {
      const state = (await this.messages(agent)).find((message) => message.seq === seq)?.receipt?.state;
      return ['consumed', 'refused', 'undeliverable', 'cancelled'].includes(state) && state;
    });
  }

  /** Looks until there is something to see. An end of the agent that nobody waits for is the end of the wait. */
  async until(agent, what, look) {
    const late = Date.now() + LIMIT;
    for (;;) {
      const seen = await look();
      if (seen) return seen;
      const { status, statusReason } = await this.status(agent);
      const again = await look();
      if (again) return again;
      if (ENDED.includes(status)) throw new Error(`not seen: ${what}; it is ${status}: ${statusReason}`);
      if (Date.now() > late) throw new Error(`not seen within ${LIMIT / 1000} s: ${what}; it is ${status}: ${statusReason}`);
      await sleep(100);
    }
  }
}

/** The command lines of the processes that bear the mark of a session. */
export async function processes(agent) {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.includes(`#${agent}`)) continue;
    found.push((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim());
  }
  return found;
}

export const exists = (path) =>
  readFile(path).then(
    () => true,
    () => false,
  );
