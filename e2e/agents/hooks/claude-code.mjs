// Claude Code as its users run it, without a terminal: `claude -p`, with the hooks that `flightdeck connect` makes.

import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { BINARY } from '../../support/server.mjs';
import { environment } from '../claude.mjs';

export const name = 'claude-code';
export const title = 'Claude Code (hooks)';
export const version = '2.1.332';
export const packages = [`@anthropic-ai/claude-code@${version}`];

const run = promisify(execFile);

/** Runs on its own: what it is asked takes its course, and its session appears in the tree. */
export class ClaudeCode {
  #program;
  #env;
  #running = new Set();
  work;

  static async connect({ bin, folder, server, model }) {
    const claude = new ClaudeCode();
    claude.#program = join(bin, 'claude');
    claude.work = join(folder, 'work');
    const home = join(folder, 'home');
    for (const path of [claude.work, home]) await mkdir(path, { recursive: true });
    claude.#env = { PATH: process.env.PATH, HOME: home, FLIGHTDECK_API_KEY: server.key, ...environment(model.url) };
    const args = ['connect', 'claude-code', '--user', '--write', '--url', server.url, '--hold', '40'];
    await run(BINARY, args, { cwd: claude.work, env: claude.#env });
    return claude;
  }

  /**
   * Asks it something in a session of its own.
   *
   * @param {{ allowed?: boolean, resume?: string }} how whether it may run commands without asking; the session that goes on
   */
  ask(prompt, { allowed = false, resume } = {}) {
    const id = resume ?? randomUUID();
    const args = ['-p', prompt, ...(resume ? ['--resume', id] : ['--session-id', id]), ...(allowed ? ['--allowedTools', 'Bash'] : [])];
    const child = spawn(this.#program, args, { cwd: this.work, env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part));
    const ended = once(child, 'exit').then(([code]) => {
      this.#running.delete(child);
      return { code, output };
    });
    return { id, ended };
  }

  /** Ends what a check has left. */
  stop() {
    for (const child of this.#running) child.kill('SIGKILL');
  }
}
