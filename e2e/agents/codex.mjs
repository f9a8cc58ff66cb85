// Codex over codex-acp, set up to talk to a scripted model. It runs what its sandbox allows without asking; the model asks for
// commands outside of it.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const name = 'codex';
export const title = 'Codex (codex-acp)';
export const version = '2.6.0 with codex 0.171.0';
export const packages = ['@agentclientprotocol/codex-acp@2.6.0', '@openai/codex@0.171.0'];

export async function settings({ home, model }) {
  await mkdir(join(home, '.codex'), { recursive: true });
  const config = [
    'model = "scripted"',
    'model_provider = "local"',
    'approval_policy = "on-request"',
    'sandbox_mode = "read-only"',
    'check_for_update_on_startup = false',
    '[model_providers.local]',
    'name = "Local"',
    `base_url = ${JSON.stringify(`${model}/v1`)}`,
    'wire_api = "responses"',
    'requires_openai_auth = false',
    '',
  ];
  await writeFile(join(home, '.codex', 'config.toml'), config.join('\n'));
  return { command: 'codex-acp', args: [], env: { INITIAL_AGENT_MODE: 'read-only' } };
}
