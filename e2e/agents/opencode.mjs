// opencode, set up to talk to a scripted model and to nobody else.

export const name = 'opencode';
export const title = 'OpenCode';
export const version = '1.18.33';
export const packages = [`opencode-ai@${version}`];

export async function settings({ model }) {
  const config = {
    provider: {
      local: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Local',
        options: { baseURL: `${model}/v1`, apiKey: 'none' },
        models: {
          scripted: {
            name: 'Scripted',
            tool_call: true,
            cost: { input: 3, output: 15, cache_read: 0.3 },
            limit: { context: 100_000, output: 10_000 },
          },
        },
      },
    },
    model: 'local/scripted',
    small_model: 'local/scripted',
    permission: { bash: 'ask', edit: 'ask', external_directory: 'allow' },
    autoupdate: false,
    share: 'disabled',
  };
  return {
    command: 'opencode',
    args: ['acp'],
    env: {
      OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
      OPENCODE_DISABLE_MODELS_FETCH: 'true',
      OPENCODE_DISABLE_AUTOUPDATE: 'true',
      OPENCODE_DISABLE_LSP_DOWNLOAD: 'true',
      OPENCODE_DISABLE_DEFAULT_PLUGINS: 'true',
    },
    // A cancel that comes at the very start of a turn is lost in it, so it is given time.
    more: { start_seconds: 120, cancel_seconds: 20 },
  };
}
