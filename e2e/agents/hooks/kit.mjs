// What the checks of Claude Code share.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const must = (held, problem) => {
  if (!held) throw new Error(problem);
};

export class Kit {
  /** @param {{ claude: any, fleet: any, model: any, times: number }} about */
  constructor({ claude, fleet, model, times }) {
    this.claude = claude;
    this.fleet = fleet;
    this.model = model;
    /** How often a check is made whose outcome could hang on chance. */
    this.times = times;
  }

  /** A file that does not exist. */
  file() {
    return join(this.claude.work, randomUUID());
  }

  sessions() {
    return this.fleet.get('/agents?limit=1000');
  }

  /** Waits for something that is not about one session. */
  async seen(what, look) {
    for (const late = Date.now() + 30_000; Date.now() < late; await sleep(50)) {
      const found = await look();
      if (found) return found;
    }
    throw new Error(`not seen within 30 s: ${what}`);
  }

  /** Waits until a session of Claude Code's own id is in the tree. */
  async session(own, besides = []) {
    const looked = async () =>
      (await this.sessions()).find(({ agentId, providerSessionId }) => providerSessionId === own && !besides.includes(agentId));
    return (await this.seen(`session ${own} in the tree`, looked)).agentId;
  }

  child(parent) {
    const looked = async () => (await this.sessions()).find(({ parentSessionId }) => parentSessionId === parent);
    return this.seen('the sub-agent in the tree', looked).then(({ agentId }) => agentId);
  }

  /** What its calls came to. */
  async results(agent) {
    const ends = ['tool_result', 'tool_denied'];
    return (await this.fleet.messages(agent)).filter(({ metadata }) => ends.includes(metadata.type));
  }

  /** The transcript in short, for a note. */
  async transcript(agent) {
    const messages = await this.fleet.messages(agent);
    return messages.map(({ metadata, content }) => `${metadata.type ?? 'message'}: ${content.slice(0, 60)}`).join(' / ');
  }

  /** A session that is in the tree while the model's answer, a command, is held until it is opened. */
  async begin(order, how) {
    const gate = randomUUID();
    const { id, ended } = this.claude.ask(`when ${gate}, ${order}`, how);
    const agent = await this.session(id);
    await this.fleet.says(agent, 'user', gate);
    return { agent, ended, open: () => this.model.open(gate) };
  }

  /** A session with a call that is held, by a pause before it or because it has to be permitted. */
  async held(by, file) {
    const begun = await this.begin(`run touch ${file}`, { allowed: by === 'pause' });
    if (by === 'pause') await this.fleet.post(`/agents/${begun.agent}/pause`);
    begun.open();
    await this.fleet.becomes(begun.agent, by === 'pause' ? 'paused' : 'waiting');
    return { ...begun, file };
  }
}
