// How the page bears a large and busy fleet: `node console/load.mjs [sessions] [messages a second] [seconds]`.
// It prints what the browser itself measures, and judges nothing.

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { until } from '../support/story.mjs';
import { open, stage, upTo, visit } from './support.mjs';

const [SESSIONS = 10_000, RATE = 2_000, SECONDS = 20] = process.argv.slice(2).map(Number);
const LANES = 16;
const BATCH = 20;

const on = await stage();
try {
  const { server } = on;
  const ids = [];
  let made = 0;
  await Promise.all(upTo(LANES).map(async () => {
    // A hundred trees, three deep.
    while (made < SESSIONS) {
      const n = made++;
      const parentSessionId = n < 100 ? null : ids[n < 2_000 ? n % 100 : n % Math.min(2_000, ids.length)];
      ids[n] = await server.register({ taskId: `T-${n}`, missionId: `m-${n % 20}`, parentSessionId: parentSessionId ?? null });
    }
  }));
  const page = await visit(on);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  await page.locator('.row').nth(20).waitFor();
  // It stands far below what is in sight.
  await page.locator('#tree').focus();
  await page.keyboard.press('/');
  await page.keyboard.type(ids[0]);
  await open(page, ids[0]);
  await page.locator('#tree').focus();
  await page.keyboard.press('/');
  await page.keyboard.press('Escape');
  await until('all are back', async () => !(await page.locator('#tree-count').textContent())?.includes('of'));
  console.log(`${await page.locator('#tree-count').textContent()} sessions in the tree`);

  // What the browser itself calls a long task (50 ms and more) and an unexpected shift, from here on.
  await page.evaluate(() => {
    globalThis.tasks = [];
    globalThis.shifts = { conversation: 0, others: 0 };
    new PerformanceObserver((list) => globalThis.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) {
        // A conversation that follows its end moves up while it is written, and loses its first messages.
        const follows = sources.every(({ node }) => node?.parentElement?.closest('.messages'));
        globalThis.shifts[follows ? 'conversation' : 'others'] += value;
      }
    }).observe({ type: 'layout-shift' });
  });
  let sent = 0;
  let running = true;
  const began = performance.now();
  const writers = upTo(LANES).map(async (lane) => {
    for (let turn = 0; running; turn += 1) {
      // Ahead of the rate: wait.
      while (running && sent > ((performance.now() - began) / 1000) * RATE) await sleep(5);
      sent += BATCH;
      // Every fourth batch goes to the session that is looked at.
      const session = turn % 4 === 0 ? ids[0] : ids[(turn * 37 + lane * 611) % ids.length];
      const batch = upTo(BATCH).map((n) => ({ role: 'assistant', content: `Lane ${lane}, turn ${turn}, line ${n}: ${'word '.repeat(20)}` }));
      await server.post(`/agents/${session}/messages`, batch);
    }
  });

  /** Frames over a span, while the tree is scrolled from end to end. @param {boolean} scroll */
  const frames = (scroll) =>
    page.evaluate(
      ([seconds, scrolls]) =>
        new Promise((resolve) => {
          const tree = document.getElementById('tree');
          const gaps = [];
          const start = performance.now();
          let last = start;
          const frame = (now) => {
            gaps.push(now - last);
            last = now;
            if (scrolls) tree.scrollTop = ((now - start) % 4_000) / 4_000 * (tree.scrollHeight - tree.clientHeight);
            if (now - start < seconds * 1000) requestAnimationFrame(frame);
            else resolve({ perSecond: gaps.length / ((now - start) / 1000), worst: Math.max(...gaps.slice(1)), slow: gaps.filter((gap) => gap > 50).length });
          };
          requestAnimationFrame(frame);
        }),
      [SECONDS / 2, scroll],
    );
  const resting = await frames(false);
  const still = await page.evaluate(() => ({ ...globalThis.shifts }));
  const scrolling = await frames(true);
  const rate = await page.locator('.figure', { hasText: 'Messages/s' }).locator('.figure-value').textContent();
  running = false;
  await Promise.all(writers);
  const elapsed = (performance.now() - began) / 1000;
  const tasks = await page.evaluate(() => globalThis.tasks);
  const { metrics } = await devtools.send('Performance.getMetrics');
  const metric = (name) => metrics.find((one) => one.name === name)?.value ?? 0;
  const browserSession = await on.browser.newBrowserCDPSession();
  const { processInfo } = await browserSession.send('SystemInfo.getProcessInfo');
  // What is resident includes the program itself, which all processes of the browser share.
  const memory = await Promise.all(processInfo.filter(({ type }) => type === 'renderer').map(async ({ id }) => {
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    const of = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1_000;
    return { all: of('VmRSS'), own: of('RssAnon') };
  }));
  const resident = memory.sort((one, other) => other.all - one.all)[0];
  const sheet = {
    'messages a second, written': Math.round(sent / elapsed),
    'messages a second, as the page says': rate,
    'frames a second at rest': resting.perSecond.toFixed(1),
    'frames a second while the tree is scrolled from end to end': scrolling.perSecond.toFixed(1),
    'longest frame at rest, while it is scrolled, in ms': `${resting.worst.toFixed(0)}, ${scrolling.worst.toFixed(0)}`,
    'tasks of 50 ms and more, the longest in ms': `${tasks.length}, ${Math.round(Math.max(0, ...tasks))}`,
    'layout shifts at rest, besides the conversation that is written': still.others.toFixed(4),
    'memory of the page\'s process in MB: resident, and its own': `${resident.all.toFixed(0)}, ${resident.own.toFixed(0)}`,
    'heap of scripts, used, in MB': (metric('JSHeapUsedSize') / 1e6).toFixed(0),
    'nodes in the document': metric('Nodes'),
  };
  for (const [what, value] of Object.entries(sheet)) console.log(`| ${what} | ${value} |`);
} finally {
  await on.end();
}
