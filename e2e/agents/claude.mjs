// Claude over claude-agent-acp, set up to talk to a scripted model and to ask before it runs a command.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const name = 'claude';
export const title = 'Claude (claude-agent-acp)';
export const version = '0.101.0';
export const packages = [`@agentclientprotocol/claude-agent-acp@${version}`];

/** What points Claude Code to the scripted model. */
export const environment = (model) => ({
  ANTHROPIC_BASE_URL: model,
  ANTHROPIC_API_KEY: 'sk-none',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
  // It runs as root in CI.
  IS_SANDBOX: '1',
});

export async function settings({ home, model }) {
  await mkdir(join(home, '.claude'), { recursive: true });
  const own = { permissions: { defaultMode: 'default' } };
  await writeFile(join(home, '.claude', 'settings.json'), JSON.stringify(own));
  return { command: 'claude-agent-acp', args: [], env: environment(model) };
}
