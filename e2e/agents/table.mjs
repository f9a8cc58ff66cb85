// The matrix as Markdown, and its place in the documentation.

import { readFile, writeFile } from 'node:fs/promises';

export const BEGIN = '<!-- the matrix: npm run --prefix e2e agents -- --all --write -->';
export const END = '<!-- end of the matrix -->';

const cell = (text) => text.replaceAll('|', '/').replaceAll(/\s+/g, ' ').trim();

/**
 * @param {{ name: string, title: string, version: string }[]} agents
 * @param {{ agent: string, check: string, seen: string, note: string }[]} rows
 * @param {(row: object) => { fault: string, why: string } | undefined} exception
 */
export function markdown(agents, rows, exception) {
  const checks = [...new Set(rows.map(({ check }) => check))];
  const notes = [];
  const mark = (row) => {
    if (row.seen === 'yes') return 'yes';
    const { fault, why } = exception(row) ?? { fault: 'not expected', why: row.note };
    const text = `${why} *(${fault})*`;
    if (!notes.includes(text)) notes.push(text);
    // What the agent or its protocol lacks is no failure of a check.
    return `${exception(row) ? 'no' : '**failed**'} [${notes.indexOf(text) + 1}]`;
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
