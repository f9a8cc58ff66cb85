// The agents' packages, at the versions that were tried, each in a folder of its own below the tools folder: they are large,
// and the lock file of this folder would name what they need on every system.

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Brings the packages of an agent and gives back the folder of its programs.
 *
 * @param {string} tools
 * @param {{ name: string, packages: string[] }} agent
 */
export async function install(tools, { name, packages }) {
  const folder = join(tools, name);
  const wanted = packages.join('\n');
  const brought = join(folder, 'packages');
  if ((await readFile(brought, 'utf8').catch(() => '')) !== wanted) {
    await mkdir(folder, { recursive: true });
    const quiet = ['--no-save', '--no-audit', '--no-fund', '--no-progress', '--loglevel', 'error'];
    await run('npm', ['install', '--prefix', folder, ...quiet, ...packages], { maxBuffer: 64 << 20 });
    await writeFile(brought, wanted);
  }
  return join(folder, 'node_modules', '.bin');
}
