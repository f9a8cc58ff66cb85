// A transcript of five hundred hostile messages, read from its end to its beginning with its calls unfolded: nothing of it runs,
// nothing is loaded, nobody is led away, and the page goes on answering.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { payloads } from '../../support/payloads.mjs';
import { until } from '../../support/story.mjs';
import { clean, open, stage, visit } from '../support.mjs';

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

/** A page that hangs has a task of this length, in milliseconds of the thread's own time: a busy machine adds nothing to it. */
const HANGS = 2_000;
/** What a reader notices. */
const NOTICED = 200;
const TRACED = { categories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline'] };

test('nothing of a hostile transcript runs, loads or freezes', async (t) => {
  const { server } = on;
  const session = await server.register({ taskId: 'HOSTILE' });
  const messages = payloads(`http://127.0.0.1:${bait.address().port}`);
  assert.equal(messages.length, 500);
  for (const message of messages) await server.post(`/agents/${session}/messages`, message);

  const page = await visit(on);
  const foreign = [];
  page.on('request', (request) => new URL(request.url()).origin !== server.url && !/^(data|blob):/.test(request.url()) && foreign.push(request.url()));
  page.on('dialog', (dialog) => foreign.push(`dialog ${dialog.message()}`) && void dialog.dismiss());
  page.on('framenavigated', (frame) => foreign.push(`navigated ${frame.url()}`));
  page.context().on('page', (opened) => foreign.push(`opened ${opened.url()}`));
  await on.browser.startTracing(page, TRACED);
  // The address of what is open is written into the fragment; that leads nowhere.
  const shown = await open(page, session);
  foreign.length = 0;
  const box = shown.locator('.transcript');
  const first = async () => Number(await shown.locator('.message').first().getAttribute('data-seq'));
  const unfold = () => box.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    const closed = [...element.querySelectorAll('details:not([open]) > summary')].filter((one) => {
      const place = one.getBoundingClientRect();
      return place.bottom > top && place.top < bottom;
    });
    closed.slice(0, 3).forEach((one) => setTimeout(() => one.click()));
  });
  for (let rest = 500; rest > 0; rest -= 1) {
    await unfold();
    const end = await box.evaluate((element) => {
      element.scrollBy(0, -3 * element.clientHeight);
      return element.scrollTop < 1;
    });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
    if (end && (await first()) === 1) break;
  }
  assert.equal(await first(), 1, 'the beginning was reached');
  await until('what is there was read', async () => (await shown.locator('.markdown').count()) > 10);

  const inside = '.message :is(script, iframe, object, embed, form, style, link, meta, video, svg:not(.icon), [onclick], [onerror], [onload], [style])';
  assert.equal(await shown.locator(inside).count(), 0);
  const links = await shown.locator('.message a').evaluateAll((all) => all.map((link) => [link.protocol, link.target, link.rel]));
  assert.ok(links.length > 0);
  for (const [protocol, target, rel] of links) assert.ok(['http:', 'https:', 'mailto:'].includes(protocol) && target === '_blank' && rel.includes('noopener'), protocol);
  assert.ok((await shown.locator('.message img').evaluateAll((all) => all.map((one) => one.getAttribute('src')))).every((source) => source.startsWith('blob:')));
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined, 'nothing ran');
  assert.deepEqual([taken, foreign], [[], []], 'nothing was loaded, and nobody was led away');
  assert.deepEqual(page.faults, []);

  const trace = JSON.parse(String(await on.browser.stopTracing()));
  const tasks = trace.traceEvents.filter(({ name, tdur }) => name.endsWith('RunTask') && tdur > 50_000).map(({ tdur }) => Math.round(tdur / 1_000));
  const longest = Math.max(0, ...tasks);
  t.diagnostic(`longest task ${longest} ms; ${tasks.filter((task) => task > NOTICED).length} of ${tasks.length} long tasks over ${NOTICED} ms`);
  assert.ok(longest < HANGS, `the page stood still for ${longest} ms`);
  const elements = await shown.locator('.message').evaluateAll((all) => Math.max(...all.map((one) => one.getElementsByTagName('*').length)));
  const loaded = trace.traceEvents.some(({ name }) => name.endsWith('RunTask'));
  assert.ok(loaded, 'tasks were measured');
  t.diagnostic(`the largest message has ${elements} elements`);
  assert.ok(elements < 10_000, `${elements} elements in a message`);
  await clean(page);
});
