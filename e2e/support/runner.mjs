// `flightdeck runner`, to start and to end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { BINARY } from './server.mjs';

/** Starts a runner called `far`, with that label, in a folder. Its log is `runner.log` there. */
export async function startRunner(server, folder) {
  const key = await server.makeKey('runner');
  const data = join(folder, 'runner');
  await mkdir(data, { recursive: true });
  const log = openSync(join(folder, 'runner.log'), 'a');
  const args = ['runner', '--server', server.url, '--name', 'far', '--label', 'far', '--data-dir', data];
  const env = { FLIGHTDECK_API_KEY: key, PATH: process.env.PATH };
  const child = spawn(BINARY, [...args, '--drain-secs', '1'], { cwd: folder, env, stdio: ['ignore', log, log] });
  const end = async (signal) => {
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return { stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}
