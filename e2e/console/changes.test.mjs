// What a real agent changed in a real repository: the files, the turns, the lines, and comments on them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Server } from '../support/server.mjs';
import { until } from '../support/story.mjs';
import { agentTable } from '../support/toml.mjs';
import { clean, launch, open, panel, visit } from './support.mjs';

const EDITOR = new URL('../support/editor.mjs', import.meta.url).pathname;
const OLD = Array.from({ length: 30 }, (_, at) => `line ${at + 1}`).join('\n');

let on;
let folder;
const git = (...args) =>
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args], { cwd: join(folder, 'work'), encoding: 'utf8' });

before(async () => {
  const browser = await launch();
  const server = await Server.start([], async (made) => {
    folder = made;
    await mkdir(join(folder, 'work'));
    await mkdir(join(folder, 'plain'));
    git('init', '-q', '-b', 'main');
    for (const [name, text] of [['lines.txt', `${OLD}\n`], ['moved.txt', `${OLD}\n`], ['dirty.txt', 'one\n']]) await writeFile(join(folder, 'work', name), text);
    git('add', '-A');
    git('commit', '-qm', 'first');
    await writeFile(join(folder, 'work', 'dirty.txt'), 'one\nof a person\n');
    const agent = (cwd) => ({ command: process.execPath, args: [EDITOR], cwd: join(folder, cwd), cgroup: false });
    return [
      agentTable('editor', { ...agent('work'), worktree: true, worktree_optional: true }),
      agentTable('elsewhere', agent('plain')),
    ].join('\n');
  });
  on = { server, browser, end: () => Promise.all([browser.close(), server.stop()]) };
});
after(() => on.end());

const status = async (session) => (await on.server.get(`/agents/${session}/status`)).status;
const idle = (session) => until('its turn has ended', async () => (await status(session)) === 'idle');
const changesOf = (session, query = '') => on.server.get(`/agents/${session}/changes${query}`);
const names = ({ files }) => files.map((file) => `${file.status} ${file.path}`);

/** Starts an agent, and comes back when its first turn has ended. */
async function spawn(prompt, { agentType = 'editor', ...about } = {}) {
  const { agentId } = await on.server.post('/agents/spawn', { taskId: 'CHANGES', agentType, prompt, ...about });
  await idle(agentId);
  return agentId;
}

/** Says the next thing to it, and waits for the end of the turn. */
async function next(session, message) {
  const { commandSeq } = await on.server.post(`/agents/${session}/inject`, { message });
  await until('it was read', async () => (await on.server.get(`/agents/${session}/commands/${commandSeq}`)).receipt === 'consumed');
  await idle(session);
}

const IN_PLACE = { context: { worktree: false } };

test('the API tells the changes of the whole session and of each turn, after a restart too', async () => {
  const session = await spawn('write new.txt hello\nappend dirty.txt of the agent', IN_PLACE);
  await next(session, 'move moved.txt there.txt\nlarge big.bin 100000000');
  assert.deepEqual(names(await changesOf(session, '?turn=1')), ['modified dirty.txt', 'added new.txt']);
  assert.deepEqual(names(await changesOf(session, '?turn=2')), ['added big.bin', 'renamed there.txt']);
  const whole = ['added big.bin', 'modified dirty.txt', 'added new.txt', 'renamed there.txt'];
  const list = await changesOf(session);
  assert.deepEqual(names(list), whole);
  assert.equal(list.commit, git('rev-parse', 'HEAD').trim());
  const { hunks } = await changesOf(session, '?path=dirty.txt');
  assert.deepEqual(hunks[0].lines.filter(({ op }) => op === 'added'), [{ op: 'added', new: 3, text: 'of the agent' }], 'what was dirty before is not its own');
  assert.equal(git('for-each-ref', '--format=%(refname)').trim(), 'refs/heads/main', 'nothing is left in the repository');
  await on.server.killAndRestart();
  await until('it is over', async () => (await status(session)) === 'failed');
  assert.deepEqual(names(await changesOf(session)), whole);
  await writeFile(join(folder, 'work', 'later.txt'), 'x\n');
  assert.deepEqual(names(await changesOf(session)), whole, 'what comes later is not its own');
  git('checkout', '-q', '--', '.');
  for (const name of ['new.txt', 'there.txt', 'big.bin', 'later.txt']) await rm(join(folder, 'work', name));
});

test('a folder without a repository, and an agent that reports by itself, say so', async () => {
  const session = await spawn('write a.txt x', { agentType: 'elsewhere' });
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Changes' }).click();
  await shown.locator('.changes-state.fault', { hasText: 'is in no git repository' }).waitFor();
  const reporter = await on.server.register({ taskId: 'CHANGES' });
  const other = await open(page, reporter, true);
  await other.getByRole('button', { name: 'Changes' }).click();
  await other.locator('.changes-state.fault', { hasText: 'this one has not told what it changed' }).waitFor();
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('w');
  await other.locator('.transcript-box').waitFor({ state: 'visible' });
  await page.keyboard.press('w');
  await other.locator('.changes-state.fault').waitFor();
  await clean(page);
});

test('files and lines are shown, and a comment on a line reaches the agent with its receipt', async () => {
  const session = await spawn('write lines.txt first\nremove moved.txt\nwrite <b>odd</b>.txt <script>alert(1)</script>');
  await next(session, 'append lines.txt ```second');
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Changes' }).click();
  const files = shown.locator('.changes-files > .file');
  await until('three files', async () => (await files.count()) === 3);
  assert.deepEqual(await files.locator('.file-name').allTextContents(), ['<b>odd</b>.txt', 'lines.txt', 'moved.txt']);
  assert.match(await shown.locator('.changes-state').textContent(), /^3 files changed since [0-9a-f]{10}, as it is now/);
  const lines = files.filter({ has: page.getByText('lines.txt', { exact: true }) });
  assert.match(await lines.locator('.file-head').textContent(), /^Mmodified: lines\.txt\+2 −30$/);
  await lines.locator('.file-head').click();
  await lines.locator('.diff-line.added').first().waitFor();
  assert.equal(await lines.locator('.diff-line.added .diff-text').nth(1).textContent(), 'added: ```second');

  await lines.getByRole('button', { name: 'Comment on line 2', exact: true }).click();
  const comment = lines.locator('.comment');
  await comment.locator('textarea').fill('say why');
  // A newer state does not take away what is being written.
  await writeFile(join(folder, 'data', 'worktrees', session, 'beside.txt'), 'x\n');
  await shown.getByRole('button', { name: 'Look again' }).click();
  await until('four files', async () => (await files.count()) === 4);
  assert.equal(await comment.locator('textarea').inputValue(), 'say why');
  // The agent is quicker than the answer that says which message it is.
  await page.route('**/inject', async (route) => {
    const response = await route.fetch();
    await until('both messages were read', async () => (await shown.locator('.message .receipt.consumed').count()) === 2);
    await route.fulfill({ response });
  });
  await comment.getByRole('button', { name: 'Comment' }).click();
  await comment.locator('.receipt.consumed', { hasText: 'read by the agent' }).waitFor();
  const { messages } = await on.server.get(`/agents/${session}/messages?after=0`);
  const said = messages.find(({ role, content }) => role === 'operator' && content.startsWith('A comment on'));
  assert.equal(said.content, 'A comment on `lines.txt`, line 2:\n\n````diff\n-line 30\n+first\n+```second\n````\n\nsay why');
  assert.ok(messages.some(({ content }) => content.includes('I read: say why')), 'the agent has it');
  await comment.getByRole('button', { name: /in the conversation/ }).click();
  await shown.locator(`.message[data-seq="${said.seq}"].marked`).waitFor();
  await clean(page);
});

test('a turn is chosen, and what goes on is seen as it happens', async () => {
  const session = await spawn('write one.txt 1');
  const { commandSeq } = await on.server.post(`/agents/${session}/inject`, { message: 'write two.txt 2\nhold go\nwrite three.txt 3' });
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Changes' }).click();
  const files = shown.locator('.changes-files .file-name');
  const are = (...expected) => until(expected.join(), async () => JSON.stringify(await files.allTextContents()) === JSON.stringify(expected));
  await are('one.txt', 'two.txt');
  await shown.locator('.changes-bar select').selectOption('1');
  await are('one.txt');
  await shown.locator('.changes-bar select').selectOption('2');
  await are('two.txt');
  await writeFile(join(folder, 'data', 'worktrees', session, 'go'), '');
  await until('it was read', async () => (await on.server.get(`/agents/${session}/commands/${commandSeq}`)).receipt === 'consumed');
  await are('go', 'three.txt', 'two.txt');
  assert.match(await shown.locator('.changes-state').textContent(), /changed in turn 2, as it was at/);
  await clean(page);
});

test('two columns where there is room, signs and words besides the colours, and no comments for those who only look', async () => {
  const session = await spawn('write lines.txt first');
  const key = await on.server.makeKey('viewer');
  const page = await visit(on, { key });
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Changes' }).click();
  await shown.locator('.file-head').click();
  const sides = () => shown.locator('.diff-change .diff-side').evaluateAll((all) => all.slice(0, 2).map((side) => Math.round(side.getBoundingClientRect().left)));
  await until('beside each other', async () => {
    const [was, is] = await sides();
    return was < is;
  });
  assert.deepEqual(await shown.locator('.diff-line.removed .diff-sign').first().textContent(), '−');
  assert.equal(await shown.locator('.diff-comment').count(), 0);
  await page.setViewportSize({ width: 390, height: 800 });
  await until('one below the other', async () => {
    const [was, is] = await sides();
    return was === is;
  });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'it fits');
  await clean(page);
});

test('the folder of an agent is as git finds it afterwards', async () => {
  const session = await spawn('write new.txt x\nappend dirty.txt y');
  const work = join(folder, 'data', 'worktrees', session);
  const before = execFileSync('git', ['status', '--porcelain'], { cwd: work, encoding: 'utf8' });
  await changesOf(session);
  assert.equal(execFileSync('git', ['status', '--porcelain'], { cwd: work, encoding: 'utf8' }), before);
  assert.equal(await readFile(join(work, 'new.txt'), 'utf8'), 'x\n');
  assert.equal(await panel(await visit(on), session).count(), 0);
});
