// What agents say is hostile: none of it runs, none of it loads, none of it deceives the eye.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { clean, open, row, stage, visit } from './support.mjs';

let on;
let bait;
const taken = [];
before(async () => {
  on = await stage();
  bait = createServer((request, response) => {
    taken.push(request.url);
    response.end();
  });
  await new Promise((resolve) => bait.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  await on.end();
  await new Promise((resolve) => bait.close(resolve));
});

test('script, handlers, links, images and bidi in everything that an agent can say', async () => {
  const { server } = on;
  const url = `http://127.0.0.1:${bait.address().port}`;
  const attacks = [
    `<script>globalThis.pwned = 1; fetch('${url}/script')</script>`,
    `<img src="${url}/image.png" onerror="globalThis.pwned = 1">`,
    `<svg onload="globalThis.pwned = 1"><script href="${url}/svg.js"></script></svg>`,
    `<iframe srcdoc="<script>parent.pwned = 1</script>" src="${url}/frame"></iframe>`,
    `<a href="javascript:globalThis.pwned = 1">click</a> [click](javascript:globalThis.pwned=1)`,
    `![remote](${url}/markdown.png) <style>@import url(${url}/style.css)</style>`,
    `<link rel="stylesheet" href="${url}/link.css"><base href="${url}/">`,
    `<form action="${url}/form"><button autofocus onfocus="globalThis.pwned = 1">go</button></form>`,
    '</article></div></section><script>globalThis.pwned = 1</script>',
    '```\n</pre><img src=x onerror="globalThis.pwned = 1">\n```',
    `{{constructor.constructor('globalThis.pwned = 1')()}} \${globalThis.pwned = 1}`,
  ];
  const words = `<img src="${url}/word.png" onerror="pwned=1">`;
  const session = await server.register({ taskId: words, agentType: words, missionId: words, metadata: { title: words } });
  for (const content of attacks) {
    for (const role of ['user', 'assistant', 'system', 'tool']) await server.post(`/agents/${session}/messages`, { role, content });
  }
  const call = { type: 'tool_call', name: words, input: { [words]: words } };
  await server.post(`/agents/${session}/messages`, { role: 'tool', content: words, metadata: call });
  await server.post(`/agents/${session}/messages`, { role: 'tool', content: words, metadata: { type: 'tool_result', name: words } });
  await server.post(`/agents/${session}/messages`, { role: 'system', content: words, metadata: { type: 'spawned', sessionId: 'javascript:globalThis.pwned=1' } });
  await server.post(`/agents/${session}/inject`, { message: words, reason: words });
  await server.post(`/agents/${session}/approvals`, { title: words, detail: { [words]: words } });

  const page = await visit(on);
  const foreign = [];
  page.on('request', (request) => new URL(request.url()).origin !== server.url && !request.url().startsWith('data:') && foreign.push(request.url()));
  const shown = await open(page, session);
  await shown.locator('.message.operator').waitFor();
  for (const summary of await shown.locator('summary').all()) await summary.click();
  assert.equal(await shown.locator('.message').count(), attacks.length * 4 + 4, 'every message is shown, the result of the call within it');
  // As they are written, whatever was read in them.
  for (const written of await shown.locator('.message.user .source:not([hidden])').all()) await written.click();
  for (const content of attacks) await shown.locator('.message.user').filter({ hasText: content.split('\n')[0].replace('```', '') }).first().waitFor();
  assert.equal(await shown.locator('.message img, .message script, .message iframe, .message form, .message style').count(), 0);
  const schemes = await shown.locator('.message a').evaluateAll((links) => links.map((link) => link.protocol));
  assert.ok(schemes.every((scheme) => scheme === 'http:'), schemes.join());
  await page.keyboard.press('Escape');
  await page.locator('#tree').focus();
  await page.keyboard.press('k');
  await page.locator('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#tab-approvals').click();
  await page.locator('.approval').waitFor();
  await page.getByRole('tab', { name: 'History' }).click();
  await page.locator('#tab-operations').click();
  await page.locator('#tab-audit').click();
  await page.locator('#audit-list tr').first().waitFor();
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined, 'nothing ran');
  assert.deepEqual([taken, foreign], [[], []], 'nothing was loaded');
  await clean(page);
});

test('the policy itself stops what would get into the page', async () => {
  const page = await visit(on);
  const url = `http://127.0.0.1:${bait.address().port}`;
  await page.evaluate((bait) => {
    const box = document.createElement('div');
    box.innerHTML = `<img src="${bait}/planted.png" onerror="globalThis.pwned = 1"><p style="color: red">x</p>`;
    document.body.append(box);
    const script = document.createElement('script');
    script.textContent = 'globalThis.pwned = 1';
    document.body.append(script);
  }, url);
  await page.waitForFunction(() => globalThis.violations.length >= 4);
  const violated = await page.evaluate(() => globalThis.violations.map((one) => one.split(' ')[0]).sort());
  assert.deepEqual([...new Set(violated)], ['img-src', 'script-src-attr', 'script-src-elem', 'style-src-attr']);
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  assert.deepEqual(taken, []);
});

test('what is not seen is made visible', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'BIDI' });
  const tricks = ['invoice\u202egpj.exe', 'a\u200bb', 'x\u2066y\u2069', 'bell\u0007 esc\u001b[31m', 'tag\u{e0041}', 'mark\ufeff'];
  for (const content of tricks) await server.post(`/agents/${session}/messages`, { role: 'assistant', content });
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.locator('.message.assistant').nth(tricks.length - 1).waitFor();
  const marks = await shown.locator('.hidden-character').allTextContents();
  assert.deepEqual(marks, ['U+202E', 'U+200B', 'U+2066', 'U+2069', 'U+0007', 'U+001B', 'U+E0041', 'U+FEFF']);
  const raw = await shown.locator('.messages').textContent();
  // eslint-disable-next-line no-control-regex -- these are looked for
  assert.doesNotMatch(raw, /[\u202a-\u202e\u2066-\u2069\u200b\u001b\u0007\ufeff]/);
  // Languages that are written from the right, and joined emoji, stay as they are.
  await server.post(`/agents/${session}/messages`, { role: 'assistant', content: 'שלום 👩‍🚀' });
  await shown.getByText('שלום 👩‍🚀', { exact: true }).waitFor();
  assert.equal(await row(page, session).count(), 1);
  await clean(page);
});
