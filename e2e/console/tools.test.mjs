// Calls of tools: a line that says what was done, whichever agent did it; diffs, colours, JSON and pictures below it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

const call = (id, tool, input) => ({ role: 'assistant', content: tool, metadata: { type: 'tool_call', tool, toolUseId: id, input } });
const result = (id, content, more = {}) => ({ role: 'tool', content, metadata: { type: 'tool_result', toolUseId: id, ...more } });
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

async function shownTo(messages, options) {
  const session = await on.server.register({ taskId: 'TOOLS' });
  await on.server.post(`/agents/${session}/messages`, messages);
  const page = await visit(on, options);
  return { page, shown: await open(page, session) };
}

const lines = (shown) => shown.locator('details.tool > summary').evaluateAll((all) => all.map((one) => [...one.children].slice(1).map((part) => part.textContent).filter(Boolean).join(' | ')));

test('the calls of each agent have a line that says what was done', async () => {
  const hook = (type, more) => ({ type, hook: 'x', data: { tool_name: 'Edit', tool_use_id: 'h', ...more } });
  const { page, shown } = await shownTo([
    { role: 'assistant', content: 'Edit', metadata: hook('tool_call', { tool_input: { file_path: 'src/a.rs', old_string: 'a\nb', new_string: 'a\nc\nd\ne' } }) },
    { role: 'tool', content: 'ok', metadata: hook('tool_result') },
    call('b', 'Bash', { command: 'cargo test' }),
    { role: 'tool', content: 'Exit code 101\nerror: it does not compile', metadata: { type: 'tool_error', toolUseId: 'b' } },
    { role: 'tool', content: 'ls {"command":"ls"}', metadata: { type: 'tool_call', toolCallId: 'c', name: 'List files', kind: 'execute', input: { command: 'ls' }, locations: null } },
    { role: 'tool', content: 'a\nb\nc', metadata: { type: 'tool_result', toolCallId: 'c', name: 'List files', failed: false, status: 'completed' } },
    { role: 'assistant', content: 'command: make', metadata: { type: 'tool_call', toolUseId: 'i1' } },
    result('i1', 'no rule', { exitCode: 2 }),
    call('d', 'read_file', { absolute_path: '/etc/hosts' }),
    { role: 'tool', content: 'denied: no', metadata: { type: 'tool_denied', toolUseId: 'd' } },
    call('w', 'Write', { file_path: 'new.md', content: '# New\n\nfile\n' }),
  ]);
  const expected = [
    'Edit | src/a.rs | +3 −1 | done',
    'Bash | cargo test | → exit 101',
    'Run | ls | done, 3 lines',
    'command | make | → exit 2',
    'read_file | /etc/hosts | denied',
    'Write | new.md | +3 −0 | running',
  ];
  await until('each has its line', async () => JSON.stringify(await lines(shown)) === JSON.stringify(expected)).catch(async () => assert.deepEqual(await lines(shown), expected));
  assert.equal(await shown.locator('.message').count(), 6, 'results are in their calls');
  await clean(page);
});

test('a diff has signs and words, and two columns where there is room', async () => {
  const old = 'fn a() {\n    one();\n    two();\n}\n';
  const { page, shown } = await shownTo([
    call('e', 'Edit', { file_path: 'a.rs', old_string: old, new_string: old.replace('two', '2') }),
    result('e', 'done'),
    call('g', 'Bash', { command: 'git diff' }),
    result('g', 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -7,2 +7,3 @@\n same\n-gone\n+new\n+more\n'),
    { role: 'assistant', content: 'So:\n\n```diff\n-a\n+b\n```' },
  ]);
  const edit = shown.locator('.message[data-seq="1"]');
  await edit.getByText('+1').waitFor();
  await edit.locator('summary').first().click();
  const change = edit.locator('.diff-change');
  await change.waitFor();
  assert.equal(await edit.locator('.diff-line.removed').textContent(), '3−removed:     two();');
  assert.equal(await edit.locator('.diff-line.added').textContent(), '3+added:     2();');
  const sides = () => change.locator('.diff-side').evaluateAll((all) => all.map((side) => side.getBoundingClientRect()).map(({ left, top }) => [Math.round(left), Math.round(top)]));
  let [was, is] = await sides();
  assert.ok(was[0] < is[0] && was[1] === is[1], `beside each other: ${was} ${is}`);
  await page.setViewportSize({ width: 390, height: 800 });
  await until('one below the other', async () => {
    [was, is] = await sides();
    return was[0] === is[0] && was[1] < is[1];
  });
  const git = shown.locator('.message[data-seq="3"]');
  await git.locator('summary').first().click();
  assert.equal(await git.locator('.diff .code-name').textContent(), 'x');
  assert.deepEqual(await git.locator('.diff-line.added .diff-number').allTextContents(), ['8', '9']);
  assert.equal(await shown.locator('.markdown .diff-line').count(), 2);
  await clean(page);
});

test('the colours of a terminal are styles, and what it would obey is not obeyed', async () => {
  const { page, shown } = await shownTo([
    call('t', 'Bash', { command: 'npm test' }),
    result('t', '\u001b[31mred\u001b[0m \u001b[1;42mPASS\u001b[0m \u001b[8mhidden\u001b[0m\u001b[2J\u001b]0;title\u0007end'),
  ]);
  await shown.getByText('done').waitFor();
  await shown.locator('summary').first().click();
  const output = shown.locator('.tool-output');
  await output.locator('.ink-red').waitFor();
  assert.equal(await output.locator('.ink-bold.ink-on-green').textContent(), 'PASS');
  assert.equal(await output.textContent(), 'red PASS hiddenU+001B]0;titleU+0007end');
  await clean(page);
});

test('JSON is a tree, long output is folded, and pictures are shown from their data', async () => {
  const { page, shown } = await shownTo([
    call('j', 'deploy', { to: 'prod', plan: { steps: [1, 2, { deep: 'here' }] }, note: 'two\nlines' }),
    result('j', JSON.stringify({ ok: true, rows: Array.from({ length: 300 }, (_, n) => n) })),
    call('l', 'Bash', { command: 'seq 100000' }),
    result('l', Array.from({ length: 100_000 }, (_, n) => n).join('\n')),
    call('p', 'screenshot', {}),
    result('p', JSON.stringify({ content: [{ type: 'image', mimeType: 'image/png', data: PIXEL }, { type: 'image', mimeType: 'image/svg+xml', data: btoa('<svg onload="pwned=1">') }] })),
  ]);
  const json = shown.locator('.message[data-seq="1"]');
  await json.locator('summary').first().click();
  const given = json.locator('.tool-given');
  await given.locator('summary').getByText('plan: ').click();
  await given.locator('summary').getByText('steps: ').click();
  await given.locator('summary').getByText('{deep}').click();
  await given.getByText('here').waitFor();
  await json.locator('.tool-output summary').getByText('[300]').click();
  const members = json.locator('.tool-output .json-inside > .json-member');
  await until('a hundred at once', async () => (await members.count()) === 100);
  await json.getByRole('button', { name: 'Show more of 300' }).click();
  await until('and a hundred more', async () => (await members.count()) === 200);

  const long = shown.locator('.message[data-seq="3"]');
  await long.locator('summary').first().click();
  assert.ok((await long.locator('.tool-output').textContent()).length < 7_000);
  await long.getByRole('button', { name: /Show .* characters/ }).click();
  assert.ok((await long.locator('.tool-output').textContent()).length > 40_000);

  const picture = shown.locator('.message[data-seq="5"]');
  await picture.locator('summary').first().click();
  await picture.locator('img.picture').waitFor();
  assert.equal(await picture.locator('img').count(), 1, 'one of a known type, and no other');
  assert.match(await picture.locator('img').getAttribute('src'), /^blob:/);
  await until('it is drawn', () => picture.locator('img').evaluate((image) => image.naturalWidth === 1));
  await clean(page);
});
