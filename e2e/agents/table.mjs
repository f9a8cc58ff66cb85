// The matrix as Markdown, and its place in the documentation.

import { readFile, writeFile } from 'node:fs/promises';

const BEGIN = '<!-- the matrix: npm run --prefix e2e agents -- --all --write -->';
const END = '<!-- end of the matrix -->';

const cell = (text) => text.replaceAll('|', '/').replaceAll(/\s+/g, ' ').trim();

/**
 * @param {{ name: string, title: string, version: string }[]} agents
 * @param {{ agent: string, check: string, seen: string, note: string }[]} rows
 * @param {(agent: string, check: string) => { fault: string, why: string } | undefined} explained
 */
export function markdown(agents, rows, explained) {
  const checks = [...new Set(rows.map(({ check }) => check))];
  const notes = [];
  const mark = ({ agent, check, seen, note }) => {
    if (seen === 'yes') return seen;
    const { fault, why } = explained(agent, check) ?? { fault: 'not explained', why: note };
    const text = `${why} *(${fault})*`;
    if (!notes.includes(text)) notes.push(text);
    return `${seen} [${notes.indexOf(text) + 1}]`;
  };
  const line = (check) => {
    const seen = agents.map(({ name }) => rows.find((row) => row.agent === name && row.check === check));
    return `| ${check} | ${seen.map((row) => (row ? mark(row) : '–')).join(' | ')} |`;
  };
  const head = [
    `| check | ${agents.map(({ title, version }) => `${title} ${version}`).join(' | ')} |`,
    `| --- |${' --- |'.repeat(agents.length)}`,
  ];
  const lines = checks.map(line);
  return [...head, ...lines, '', ...notes.map((note, at) => `${at + 1}. ${cell(note)}`)].join('\n').trimEnd();
}

/** Puts it between its two marks. */
export async function writeInto(path, table) {
  const page = await readFile(path, 'utf8');
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} has no ${BEGIN} … ${END}`);
  await writeFile(path, `${page.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${page.slice(end)}`);
}
