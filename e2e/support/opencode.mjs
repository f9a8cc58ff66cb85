// opencode, set up to talk to a scripted model and to nobody else.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

export const BINARY =
  process.env.FLIGHTDECK_TEST_OPENCODE ?? new URL('../node_modules/.bin/opencode', import.meta.url).pathname;

/** The table of the agent `opencode` in a configuration file. */
export async function agentTable(folder, model) {
  for (const name of ['home', 'work']) await mkdir(join(folder, name), { recursive: true });
  const config = {
    provider: {
      local: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Local',
        options: { baseURL: model, apiKey: 'none' },
        models: { scripted: { name: 'Scripted', tool_call: true, limit: { context: 100000, output: 10000 } } },
      },
    },
    model: 'local/scripted',
    small_model: 'local/scripted',
    permission: { bash: 'ask', edit: 'ask' },
    autoupdate: false,
    share: 'disabled',
  };
  const env = {
    HOME: join(folder, 'home'),
    PATH: process.env.PATH,
    OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
    OPENCODE_DISABLE_MODELS_FETCH: 'true',
    OPENCODE_DISABLE_AUTOUPDATE: 'true',
    OPENCODE_DISABLE_LSP_DOWNLOAD: 'true',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: 'true',
  };
  const quoted = Object.entries(env).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return [
    '[agents.opencode]',
    `command = ${JSON.stringify(BINARY)}`,
    'args = ["acp"]',
    `cwd = ${JSON.stringify(join(folder, 'work'))}`,
    'start_seconds = 300',
    'cancel_seconds = 20',
    `env = { ${quoted.join(', ')} }`,
    '',
  ].join('\n');
}
