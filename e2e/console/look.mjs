// Pictures of every view, for people to look at: `node console/look.mjs <folder>`. It says what axe finds, and judges nothing.

import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { open, row, say, stage, visit } from './support.mjs';

const FOLDER = process.argv[2] ?? 'pictures';
const SIZES = [{ width: 1440, height: 900 }, { width: 768, height: 1024 }, { width: 390, height: 844 }];
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DAY = 86_400_000;

/** A fleet with something in every view. @param {import('../support/server.mjs').Server} server */
async function furnish(server) {
  const top = await server.spawn([{ say: 'I look at the refunds first.' }, { wait: { ms: 600_000 } }], { taskId: 'PAY-17', agentType: 'lead', missionId: 'refunds' });
  const child = await server.spawn([{ say: 'Reading the ledger.' }, { idle: true }], { taskId: 'PAY-18', agentType: 'investigator', missionId: 'refunds', parentAgentId: top });
  const missions = ['refunds', 'catalogue', 'a-mission-with-a-rather-long-name-2026'];
  const sessions = [top, child];
  for (const [at, agentType] of ['coder', 'reviewer', 'tester', 'writer', 'planner', 'translator', 'archivist', 'gardener'].entries()) {
    sessions.push(await server.register({ taskId: `TASK-${at}`, agentType, missionId: missions[at % 3], parentSessionId: at % 2 ? sessions.at(-1) : null }));
  }
  const models = ['large-5', 'small-5', 'thinker-2', 'coder-mini'];
  for (let ago = 0; ago < 40; ago += 1) {
    for (const [at, session] of sessions.slice(2).entries()) {
      if ((ago + at) % 3 === 0) continue;
      await server.post(`/agents/${session}/messages`, { role: 'assistant', content: `Day ${ago}`, createdAt: new Date(Date.now() - ago * DAY).toISOString(), usage: { model: models[(ago + at) % 4], inputTokens: 4_000 + 997 * at, outputTokens: 700 + 31 * ago, cacheReadTokens: 12_000, costUsd: 0.4 + 0.13 * ((ago * 7 + at * 3) % 11) } });
    }
  }
  await say(server, top, 1, 6);
  const write = (message) => server.post(`/agents/${top}/messages`, message);
  await write({ role: 'assistant', content: '## What I found\n\n1. **Two** refunds were paid twice\n2. `ledger.rs` rounds down\n\n```rust\nfn cents(value: f64) -> i64 { value as i64 }\n```\n\n| day | paid |\n| --- | --- |\n| Monday | 3 |' });
  await write({ role: 'tool', content: 'cargo test', metadata: { type: 'tool_call', name: 'Bash', callId: '1', input: { command: 'cargo test -p ledger' } } });
  await write({ role: 'tool', content: 'error: 1 failed', metadata: { type: 'tool_result', name: 'Bash', callId: '1', failed: true } });
  await write({ role: 'user', content: 'Keep the old table.' });
  for (const option of ['allow_once', 'reject_once', 'allow_always']) {
    const { id } = await server.post(`/agents/${sessions[2]}/approvals`, { title: 'Run the migration' });
    await server.post(`/approvals/${id}/decide`, { option, reason: 'seen' });
  }
  await server.post(`/agents/${top}/approvals`, { title: 'Push to the main branch of the ledger', detail: { command: 'git push origin main', files: ['ledger.rs', 'refunds.sql'] } });
  await server.post(`/agents/${sessions[3]}/approvals`, { title: 'Which table?', detail: { form: { type: 'object', required: ['table'], properties: { table: { type: 'string', title: 'Table' }, dry: { type: 'boolean', title: 'Only try' } } } } });
  await server.post(`/agents/${sessions[4]}/status`, { status: 'failed' });
  await server.post(`/agents/${sessions[5]}/status`, { status: 'completed' });
  await server.post(`/agents/${child}/pause?wait=0s`, { reason: 'look at it together' });
  await server.post(`/agents/${child}/resume?wait=0s`, {});
  await server.post('/providers', { kind: 'scripted', name: 'bots', displayName: 'The bots', settings: { script: [{ say: 'x' }] } });
  await server.post('/sinks', { form: 'ntfy', name: 'phone', settings: { topic: 'look-at-this' } });
  await server.post('/keys', { name: 'ada', role: 'viewer', missions: ['refunds'] });
  await fetch(`${server.url}/missions/refunds/budget`, { method: 'PUT', headers: { 'X-API-Key': server.key, 'Content-Type': 'application/json' }, body: JSON.stringify({ maxCostUsd: 100 }) });
  const runner = await server.post('/keys', { name: 'machine', role: 'runner' });
  await fetch(`${server.url}/runners/rack-1`, { method: 'PUT', headers: { 'X-API-Key': runner.key, 'Content-Type': 'application/json' }, body: JSON.stringify({ instance: crypto.randomUUID(), now: new Date().toISOString(), protocol: 1, version: '1', capacity: 2, offers: ['claude'], labels: ['gpu'] }) });
  await fetch(`${server.url}/retention`, { method: 'PUT', headers: { 'X-API-Key': server.key, 'Content-Type': 'application/json', 'If-Match': '"0"' }, body: JSON.stringify({ sessionDays: 90, missions: { catalogue: 30, refunds: null } }) });
  return top;
}

const on = await stage();
try {
  const { server } = on;
  await mkdir(FOLDER, { recursive: true });
  const top = await furnish(server);
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    for (const viewport of SIZES) {
      const page = await visit(on, { colorScheme, viewport });
      const look = async (name) => {
        await page.waitForTimeout(700);
        await page.screenshot({ path: join(FOLDER, `${name}-${viewport.width}-${colorScheme}.png`) });
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
        for (const { id, impact, nodes } of violations) console.log(`${name} ${viewport.width} ${colorScheme}: ${impact} ${id} ${nodes.map(({ target }) => target).join(' ; ').slice(0, 300)}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) console.log(`${name} ${viewport.width} ${colorScheme}: ${over} px too wide`);
      };
      await row(page, top).waitFor();
      await look('tree');
      await open(page, top);
      await look('conversation');
      await page.locator('.panel').getByRole('button', { name: 'Kill (k)' }).click();
      await look('kill');
      await page.keyboard.press('Escape');
      for (const view of ['needs', 'approvals', 'operations', 'usage', 'audit', 'providers', 'runners', 'budgets', 'retention', 'sinks', 'keys', `timeline?root=${top}`]) {
        await page.goto(`${server.url}/?${view.split('?')[0]}#${view}`);
        await page.locator('main:not([hidden]) h2').first().waitFor();
        await look(view.split('?')[0]);
        if (view === 'usage') {
          await page.locator('#view-usage').evaluate((one) => one.scrollTo(0, one.scrollHeight));
          await look('usage-below');
        }
        if (view === 'retention') {
          await page.getByRole('button', { name: 'Change the rules' }).click();
          await page.getByRole('button', { name: 'What would go now?' }).click();
          await look('retention-change');
          await page.keyboard.press('Escape');
        }
      }
      await page.locator('#palette-open').click();
      await look('palette');
      await page.keyboard.press('Escape');
      await page.locator('#help').click();
      await look('help');
      await page.context().close();
    }
  }
} finally {
  await on.end();
}
