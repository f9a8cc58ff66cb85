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
  const scrolling = await frames(true);
  const rate = await page.locator('.figure', { hasText: 'Messages/s' }).locator('.figure-value').textContent();
  running = false;
  await Promise.all(writers);
  const elapsed = (performance.now() - began) / 1000;
  const { metrics } = await devtools.send('Performance.getMetrics');
  const metric = (name) => metrics.find((one) => one.name === name)?.value ?? 0;
  const shown = ({ perSecond, worst, slow }) => `${perSecond.toFixed(1)} frames/s, longest ${worst.toFixed(0)} ms, ${slow} over 50 ms`;
  console.log(`${Math.round(sent / elapsed)} messages/s written; the page says ${rate}`);
  console.log(`at rest:   ${shown(resting)}`);
  console.log(`scrolling: ${shown(scrolling)}`);
  const browserSession = await on.browser.newBrowserCDPSession();
  const { processInfo } = await browserSession.send('SystemInfo.getProcessInfo');
  const resident = await Promise.all(processInfo.filter(({ type }) => type === 'renderer').map(async ({ id }) => {
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_000;
  }));
  console.log(`the page's process: ${Math.max(...resident).toFixed(0)} MB resident`);
  console.log(`heap ${(metric('JSHeapUsedSize') / 1e6).toFixed(0)} MB used, ${(metric('JSHeapTotalSize') / 1e6).toFixed(0)} MB in all; ${metric('Nodes')} nodes`);
} finally {
  await on.end();
}
