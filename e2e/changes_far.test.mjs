// What an agent changed on the machine of a runner, which the server does not see.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { startRunner } from './support/runner.mjs';
import { Server } from './support/server.mjs';
import { until } from './support/story.mjs';

const EDITOR = new URL('support/editor.mjs', import.meta.url).pathname;
const TOKEN = 'far-away-0123456789';
const KEY = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----\n';

let server;
let runner;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flightdeck-far-'));
  const git = (...args) => execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args], { cwd: join(folder, 'work') });
  for (const name of ['work', 'plain']) await mkdir(join(folder, name));
  git('init', '-q', '-b', 'main');
  await writeFile(join(folder, 'work', 'old.txt'), 'one\ntwo\n');
  git('add', '-A');
  git('commit', '-qm', 'first');
  server = await Server.start();
  runner = await startRunner(server, folder);
  for (const name of ['work', 'plain']) {
    const settings = { command: process.execPath, args: [EDITOR], cwd: join(folder, name) };
    await server.post('/providers', { name, kind: 'acp', settings, labels: ['far'], credentials: { FAR_TOKEN: TOKEN, FAR_KEY: KEY } });
  }
});
after(async () => {
  await runner.stop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const status = async (session) => (await server.get(`/agents/${session}/status`)).status;
const becomes = (session, wanted) => until(`it is ${wanted}`, async () => (await status(session)) === wanted);
const changesOf = (session, query = '') => server.get(`/agents/${session}/changes${query}`);
const names = ({ files }) => files.map((file) => `${file.status} ${file.path}`);
/** What is told comes a moment after the status. */
const told = (session, query, wanted) =>
  until(`${wanted} is told`, async () => JSON.stringify(names(await changesOf(session, query).catch(() => ({ files: [] })))) === JSON.stringify(wanted));

async function spawn(provider, prompt) {
  const { agentId } = await server.post('/agents/spawn', { taskId: 'FAR', agentType: 'editor', provider, prompt });
  await becomes(agentId, 'idle');
  return agentId;
}

async function next(session, message) {
  const { commandSeq } = await server.post(`/agents/${session}/inject`, { message });
  await until('it was read', async () => (await server.get(`/agents/${session}/commands/${commandSeq}`)).receipt === 'consumed');
}

test('what an agent changes at a runner is shown for the session and for each turn, and stays when the runner is gone', async () => {
  const session = await spawn('work', `write new.txt token ${TOKEN}\nappend old.txt MIIEvQIBADANBgkqhkiG`);
  await told(session, '', ['added new.txt', 'modified old.txt']);
  await next(session, 'remove new.txt');
  await becomes(session, 'idle');
  await told(session, '?turn=2', ['deleted new.txt']);
  await told(session, '?turn=1', ['added new.txt', 'modified old.txt']);
  const whole = await changesOf(session);
  assert.deepEqual([names(whole), whole.isNow, whole.branch, whole.turns.length], [['modified old.txt'], false, 'main', 2]);
  assert.equal((await changesOf(session, '?turn=1')).turns.length, 2);
  const lines = async (query) => (await changesOf(session, query)).hunks.flatMap((hunk) => hunk.lines).filter(({ op }) => op === 'added');
  assert.deepEqual(await lines('?turn=1&path=new.txt'), [{ op: 'added', new: 1, text: 'token [credential FAR_TOKEN]' }]);
  assert.deepEqual(await lines('?path=old.txt'), [{ op: 'added', new: 3, text: '[credential FAR_KEY]' }]);

  // Killed within a turn: what was changed until then is told before the end.
  await server.post(`/agents/${session}/inject`, { message: 'write last.txt x\nhold never' });
  await until('it has written', () => access(join(folder, 'work', 'last.txt')).then(() => true, () => false));
  await server.post(`/agents/${session}/kill?wait=30s`, {});
  await becomes(session, 'killed');
  await told(session, '', ['added last.txt', 'modified old.txt']);
  await server.killAndRestart();
  await told(session, '', ['added last.txt', 'modified old.txt']);
});

test('why nothing was told is said', async () => {
  const session = await spawn('plain', 'write new.txt x');
  const refused = await changesOf(session).then(() => 'shown', (error) => error.message);
  assert.match(refused, /409.*machine of runner far, which has not told what has changed in it.*in no git repository/);
});
