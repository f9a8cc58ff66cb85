// Claude Code itself, run offline in a folder of its own. FLIGHTDECK_TEST_CLAUDE is its program.

import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const CLAUDE =
  process.env.FLIGHTDECK_TEST_CLAUDE ?? new URL('../node_modules/.bin/claude', import.meta.url).pathname;

/** Runs `claude -p` with these settings; `done` gives its exit code and output when it has ended. */
export async function runClaude({ folder, model, settings, prompt, args = [], env = {} }) {
  const [home, work] = [join(folder, 'home'), join(folder, 'work')];
  await mkdir(join(home, '.claude'), { recursive: true });
  await mkdir(work, { recursive: true });
  await writeFile(join(home, '.claude', 'settings.json'), JSON.stringify(settings));
  const always = ['--output-format', 'stream-json', '--verbose', '--permission-mode', 'bypassPermissions'];
  const child = spawn(CLAUDE, ['-p', prompt, ...always, ...args], {
    cwd: work,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: home,
      ANTHROPIC_BASE_URL: model,
      ANTHROPIC_API_KEY: 'any',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      // It refuses to skip its questions for root, but for a sandbox.
      IS_SANDBOX: '1',
      ...env,
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part) => (stdout += part));
  child.stderr.on('data', (part) => (stderr += part));
  const done = new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { work, home, child, done };
}
