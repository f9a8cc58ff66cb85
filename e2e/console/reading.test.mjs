// What agents write is read: Markdown, code, links with their targets, thoughts folded; and as it is written when one asks.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

const TEXT = [
  '# What was done',
  '',
  'The parser is **fixed** and `cargo test` is *green*.',
  'See [the plan](https://example.com/plan?x=1), https://example.org and [a trick](javascript:alert(1)).',
  '![a chart](https://example.com/chart.png)',
  '',
  '- [x] read',
  '- [ ] write',
  '',
  '| file | lines |',
  '|---|---|',
  '| a.rs | 3 |',
  '',
  '```rust',
  'fn main() { println!("hi"); } // end',
  '```',
  '',
  '> said before',
].join('\n');

async function conversation(messages) {
  const session = await on.server.register({ taskId: 'READ' });
  await on.server.post(`/agents/${session}/messages`, messages);
  return session;
}

test('Markdown is shown as what it means, and as it is written', async () => {
  const session = await conversation([{ role: 'assistant', content: TEXT }]);
  const page = await visit(on);
  const shown = await open(page, session);
  const read = shown.locator('.markdown');
  await read.locator('[role="heading"]').getByText('What was done').waitFor();
  assert.equal(await read.locator('strong').textContent(), 'fixed');
  assert.equal(await read.locator('p code').textContent(), 'cargo test');
  assert.deepEqual(await read.locator('li.task input').evaluateAll((boxes) => boxes.map((box) => box.checked)), [true, false]);
  assert.deepEqual(await read.locator('th').allTextContents(), ['file', 'lines']);
  assert.equal(await read.locator('blockquote').textContent(), 'said before');
  // A link says where it leads, opens nothing of this page, and is none where it would run something.
  const links = await read.locator('a').evaluateAll((all) => all.map((link) => [link.textContent, link.href, link.target, link.rel]));
  const rel = 'noopener noreferrer nofollow';
  assert.deepEqual(links, [
    ['the plan', 'https://example.com/plan?x=1', '_blank', rel],
    ['https://example.org', 'https://example.org/', '_blank', rel],
    ['image: a chart', 'https://example.com/chart.png', '_blank', rel],
  ]);
  assert.deepEqual(await read.locator('.link-target').allTextContents(), [' (example.com/plan?x=1)', ' (javascript:alert(1))', ' (example.com/chart.png)']);
  assert.equal(await read.locator('img').count(), 0);
  // Highlighted by kinds that have a class each.
  assert.equal((await read.locator('.ink-keyword').first().textContent()).trim(), 'fn');
  assert.equal((await read.locator('.ink-comment').textContent()).trim(), '// end');

  await shown.locator('.message').hover();
  await shown.getByRole('button', { name: 'as written' }).click();
  assert.equal(await shown.locator('.words pre').textContent(), TEXT);
  await shown.getByRole('button', { name: 'as written' }).click();
  await read.waitFor();
  await clean(page);
});

test('a block of code is copied as it is', async () => {
  const code = 'let a = 1;\n\tlet b = "<b>";\n';
  const session = await conversation([{ role: 'assistant', content: `Look:\n\n\`\`\`js\n${code}\`\`\`` }]);
  const page = await visit(on, { permissions: ['clipboard-read', 'clipboard-write'] });
  const shown = await open(page, session);
  await shown.getByText('js', { exact: true }).waitFor();
  await shown.getByRole('button', { name: 'Copy the code' }).click();
  await page.getByText('The code is on the clipboard.').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
  await clean(page);
});

test('a thought is a line until it is unfolded', async () => {
  const session = await conversation([{ role: 'assistant', content: `First this.\n\n${'Then **that**. '.repeat(60)}`, metadata: { type: 'thought' } }]);
  const page = await visit(on);
  const shown = await open(page, session);
  const thought = shown.locator('.thought-box');
  await thought.locator('summary').getByText(/^First this\. Then/).waitFor();
  assert.equal(await shown.locator('.thought .words').isVisible(), false);
  await thought.locator('summary').click();
  await shown.locator('.thought strong').first().waitFor();
  await clean(page);
});

test('what is long is shown in part, and all of it on request', async () => {
  const long = Array.from({ length: 4_000 }, (_, n) => `line *${n}* of many`).join('\n\n');
  const session = await conversation([{ role: 'assistant', content: long }, { role: 'assistant', content: 'the end' }]);
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.locator('.markdown').first().waitFor();
  assert.ok((await shown.locator('.markdown').first().textContent()).length < 10_000);
  for (let more = shown.getByRole('button', { name: /^Show .* characters$/ }); await more.count(); ) await more.click();
  assert.match(await shown.locator('.words').first().textContent(), /of many.*3999/s);
  await clean(page);
});

test('what is looked at stays where it is while messages above it are read', async () => {
  const batch = Array.from({ length: 60 }, (_, n) => ({ role: 'assistant', content: `# Title ${n}\n\n- a\n- b\n\n\`\`\`\nx\n\`\`\`\n\nend ${n}` }));
  const session = await conversation(batch);
  const page = await visit(on);
  const shown = await open(page, session);
  const box = shown.locator('.transcript');
  await shown.locator('.message[data-seq="60"] .markdown').waitFor();
  assert.ok(await box.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2), 'at the end');
  // Far up, where nothing was read yet.
  await shown.getByRole('button', { name: 'Search and jump' }).click();
  await shown.locator('.jump').fill('#20');
  await shown.locator('.jump').press('Enter');
  const target = shown.locator('.message[data-seq="20"]');
  await until('all near it are read', async () => (await shown.locator('.message:not(:has(.markdown))').count()) < 60 && (await target.locator('.markdown').count()) === 1);
  await until('it is in sight', async () => {
    const [inner, outer] = [await target.boundingBox(), await box.boundingBox()];
    return inner.y + inner.height > outer.y && inner.y < outer.y + outer.height;
  });
  await clean(page);
});
