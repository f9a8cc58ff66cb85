// A browser's own EventSource.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chromium } from 'playwright-core';

import { Server } from './support/server.mjs';
import { tell } from './support/story.mjs';

const ARGUMENTS = [
  '--no-sandbox', // CI runs as root in a container
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

test("a browser's EventSource follows over a restart and stops at the end", async () => {
  const server = await Server.start();
  const executablePath = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  try {
    const session = await server.register();
    const context = await browser.newContext({ extraHTTPHeaders: { 'X-API-Key': server.key } });
    const page = await context.newPage();
    const path = `/agents/${session}/messages/stream`;
    const statuses = [];
    page.on('response', (response) => {
      if (response.url().endsWith(path)) statuses.push(response.status());
    });
    await page.goto(`${server.url}/`);
    await page.evaluate((url) => {
      const followed = { seqs: [], faults: [], ends: 0, source: new EventSource(url) };
      globalThis.followed = followed;
      followed.source.addEventListener('message', (event) => {
        const { seq } = JSON.parse(event.data);
        if (String(seq) !== event.lastEventId) followed.faults.push(event.lastEventId);
        followed.seqs.push(seq);
      });
      followed.source.addEventListener('end', () => {
        followed.ends += 1;
      });
    }, path);
    await tell(server, session, {
      seqs: () => page.evaluate(() => globalThis.followed.seqs),
      ends: () => page.evaluate(() => globalThis.followed.ends),
      closed: () => page.evaluate(() => globalThis.followed.source.readyState === EventSource.CLOSED),
      statuses: () => statuses,
    });
    assert.deepEqual(await page.evaluate(() => globalThis.followed.faults), []);
  } finally {
    await browser.close();
    await server.stop();
  }
});
