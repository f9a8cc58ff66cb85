// The real server, to start, kill and start again on the same port.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { randomInt } from 'node:crypto';

export const BINARY = process.env.FLIGHTDECK_BIN ?? new URL('../../target/debug/flightdeck', import.meta.url).pathname;

// A port below those that the system gives to outgoing connections: while the server is down, a client that tries to
// reconnect must not be given it.
async function lastingPort() {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const probe = createServer();
    const free = await new Promise((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

export class Server {
  #folder;
  #child;
  #settings;

  /**
   * @param {string[]} settings more arguments for `serve`
   * @param {(folder: string) => Promise<string>} [config] makes its configuration file
   */
  static async start(settings = [], config) {
    const server = new Server();
    server.#settings = settings;
    server.#folder = await mkdtemp(join(tmpdir(), 'flightdeck-e2e-'));
    if (config) await writeFile(join(server.#folder, 'flightdeck.toml'), await config(server.#folder));
    server.url = `http://127.0.0.1:${await lastingPort()}`;
    await server.#run();
    server.key = (await readFile(join(server.#folder, 'data', 'admin.key'), 'utf8')).trim();
    return server;
  }

  async #run() {
    const listen = new URL(this.url).host;
    const args = ['--data-dir', join(this.#folder, 'data'), '--listen', listen, '--throttle-control', 'off', '--throttle-tree', 'off', ...this.#settings];
    this.#child = spawn(BINARY, [...args, '--log', 'warn'], {
      cwd: this.#folder,
      env: {},
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: this.#child.stdout })) {
      if (line.includes('listening on')) return;
    }
    throw new Error('the server ended before it listened');
  }

  /** Ends it as a crash would, and starts it again on the same data and port. */
  async killAndRestart() {
    await this.#end('SIGKILL');
    await this.#run();
  }

  async stop() {
    await this.#end('SIGTERM');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #end(signal) {
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }

  async post(path, body) {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'X-API-Key': this.key, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async get(path, key = this.key) {
    const response = await fetch(this.url + path, { headers: { 'X-API-Key': key } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async register(about = {}) {
    return (await this.post('/agents', { taskId: 'e2e', agentType: 'tester', ...about })).agentId;
  }

  /** Starts a scripted agent, which runs inside the server. */
  async spawn(script, about = {}) {
    const body = { taskId: 'e2e', agentType: 'robot', provider: 'scripted', context: { script }, ...about };
    return (await this.post('/agents/spawn', body)).agentId;
  }

  /** Ends it as a crash would; `revive` starts it again. */
  async kill() {
    await this.#end('SIGKILL');
  }

  async revive() {
    await this.#run();
  }

  /** Ten days pass in a moment: sessions that have ended did so ten days before. */
  async tenDaysPass() {
    const sql = 'UPDATE sessions SET completed_at = completed_at - 864000000000 WHERE completed_at IS NOT NULL';
    const script = 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=20) as database: database.execute(sys.argv[2])';
    const child = spawn('python3', ['-c', script, join(this.#folder, 'data', 'flightdeck.db'), sql], { stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error('the days did not pass');
  }

  /** Makes a key of a role on the command line. */
  async makeKey(role) {
    const args = ['keys', 'create', '--data-dir', join(this.#folder, 'data'), '--role', role, '--name', role];
    const child = spawn(BINARY, args, { cwd: this.#folder, env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.on('data', (piece) => (printed += piece));
    await once(child, 'close');
    const key = /fd_\S+/.exec(printed)?.[0];
    if (!key) throw new Error(`no key in ${JSON.stringify(printed)}`);
    return key;
  }
}
