// The Gemini CLI, set up to talk to a scripted model. Without a fixed model it would ask another one which to take.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const name = 'gemini';
export const title = 'Gemini CLI';
export const version = '0.61.0';
export const packages = [`@google/gemini-cli@${version}`];

export async function settings({ home, model }) {
  await mkdir(join(home, '.gemini'), { recursive: true });
  const own = {
    security: { auth: { selectedType: 'gemini-api-key' } },
    privacy: { usageStatisticsEnabled: false },
    general: { disableAutoUpdate: true },
  };
  await writeFile(join(home, '.gemini', 'settings.json'), JSON.stringify(own));
  return {
    command: 'gemini',
    args: ['--acp', '--model', 'gemini-2.5-flash'],
    env: { GEMINI_API_KEY: 'none', GOOGLE_GEMINI_BASE_URL: model },
  };
}
