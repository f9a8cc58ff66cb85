import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { exception } from './expected.mjs';
import { BEGIN, END, markdown, writeInto } from './table.mjs';

const AGENTS = [
  { name: 'a', title: 'A', version: '1' },
  { name: 'b', title: 'B', version: '2' },
];
const row = (agent, check, seen, note = '') => ({ agent, check, seen, note });

test('agents are columns, checks are rows, and what is lacking has one note', () => {
  const rows = [row('a', 'steer', 'no'), row('a', 'kill', 'yes'), row('b', 'steer', 'no')];
  const table = markdown(AGENTS, rows, ({ check }) => check === 'steer' && { fault: "the agent's", why: 'it takes | none' });
  assert.equal(
    table,
    ['| check | A 1 | B 2 |', '| --- | --- | --- |', '| steer | no [1] | no [1] |', '| kill | yes | – |', '', "1. it takes / none *(the agent's)*"].join('\n'),
  );
});

test('what is not expected is marked with what was seen', () => {
  const table = markdown(AGENTS, [row('a', 'kill', 'failed', 'it lives')], () => undefined);
  assert.match(table, /\| kill \| \*\*failed\*\* \[1\] \| – \|/);
  assert.match(table, /1\. it lives \*\(not expected\)\*/);
});

test('an exception stands for the outcome that it names, and for no other', () => {
  const tokens = (note, seen = 'failed') => exception(row('opencode', 'tokens as the model reported them', seen, note));
  assert.equal(tokens('counted input 1400, output 80, cacheRead 600, cacheWrite 0; …')?.fault, "the agent's");
  assert.equal(tokens('counted input 0, output 0, cacheRead 0, cacheWrite 0; …'), undefined);
  assert.equal(exception(row('codex', 'inject steer while busy', 'failed')), undefined);
  assert.equal(exception(row('codex', 'crash', 'failed')), undefined);
});

test('the table takes the place of the one before it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'flightdeck-table-'));
  t.after(() => rm(folder, { recursive: true }));
  const page = join(folder, 'page.md');
  await writeFile(page, `before\n${BEGIN}\nold\n${END}\nafter\n`);
  await writeInto(page, 'new');
  assert.equal(await readFile(page, 'utf8'), `before\n${BEGIN}\n\nnew\n\n${END}\nafter\n`);
  await writeFile(page, 'no marks');
  await assert.rejects(writeInto(page, 'new'), /has no/);
});
