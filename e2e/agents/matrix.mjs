// Runs real agents against a scripted model and prints what was seen as one table: `npm run agents`, with
//
//   --all            those too that CI does not run
//   --only NAME      these alone; may be given more than once
//   --tools FOLDER   where the agents are installed
//   --write          put the table into docs/agents.md
//   --times N        make the checks that could hang on chance N times
//   --keep           leave the folders of the agents
//
// It ends with 1 when something is not seen that is expected.

import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startModel } from '../support/model/server.mjs';
import { checkAcp } from './acp.mjs';
import * as claude from './claude.mjs';
import * as codex from './codex.mjs';
import { exception } from './expected.mjs';
import * as gemini from './gemini.mjs';
import * as claudeCode from './hooks/claude-code.mjs';
import { checkHooks } from './hooks/checks.mjs';
import * as opencode from './opencode.mjs';
import { install } from './packages.mjs';
import { markdown, writeInto } from './table.mjs';

const AGENTS = [
  { ...opencode, run: checkAcp, ci: true },
  { ...codex, run: checkAcp, ci: true },
  { ...claude, run: checkAcp, ci: false },
  { ...gemini, run: checkAcp, ci: false },
  { ...claudeCode, run: checkHooks, ci: true },
];
const DOCS = new URL('../../docs/agents.md', import.meta.url).pathname;

const { values: given } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    tools: { type: 'string', default: join(homedir(), '.cache', 'flightdeck-ci', 'agents') },
    write: { type: 'boolean', default: false },
    times: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
});
const chosen = AGENTS.filter(({ name, ci }) => given.only?.includes(name) ?? (given.all || ci));

const rows = [];
const wrong = [];
for (const agent of chosen) {
  const begun = Date.now();
  const bin = await install(given.tools, agent);
  const model = await startModel();
  const folder = await mkdtemp(join(tmpdir(), `flightdeck-${agent.name}-`));
  const row = ({ check, seen, note, millis }) => {
    const made = { agent: agent.name, version: agent.version, check, seen, note: note.replaceAll(/\s+/g, ' ').trim() };
    rows.push(made);
    const expected = seen === 'yes' || exception(made);
    if (!expected) wrong.push(made);
    const told = `${agent.name}  ${check}: ${seen}  ${(millis / 1000).toFixed(1)} s  ${made.note}`;
    console.error(expected ? told : `${told}  <-- not expected`);
  };
  const check = async (name, look) => {
    const start = Date.now();
    const seen = await look().catch((error) => ({ seen: 'failed', note: error.message }));
    row({ check: name, ...seen, millis: Date.now() - start });
  };
  await agent.run({ agent, bin, folder, model, row, check, times: Number(given.times) }).catch((error) => {
    wrong.push({ agent: agent.name, check: 'all', seen: 'failed', note: error.stack });
  });
  model.stop();
  if (!given.keep) await rm(folder, { recursive: true, force: true });
  console.error(`${agent.name} took ${((Date.now() - begun) / 1000).toFixed(0)} s\n`);
}

const table = markdown(chosen, rows, exception);
console.log(table);
if (given.write) await writeInto(DOCS, table);
for (const { agent, check, seen, note } of wrong) console.error(`NOT AS EXPECTED  ${agent}: ${check}: ${seen}: ${note}`);
process.exitCode = wrong.length > 0 ? 1 : 0;
