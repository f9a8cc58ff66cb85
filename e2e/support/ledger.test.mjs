import assert from 'node:assert/strict';
import { test } from 'node:test';

import { charged, compare } from './ledger.mjs';

const PRICE = { input: 7, cacheRead: 3, cacheWrite: 1, output: 4 };
const LEDGER = [
  { tag: 'a', tools: true, ...PRICE },
  { tag: 'b', tools: true, ...PRICE },
  { tag: 'a', tools: false, ...PRICE },
  { tag: 'a', tools: true, ...PRICE },
];
const COUNTED = { inputTokens: 14, outputTokens: 8, cacheReadTokens: 6, cacheWriteTokens: 2, costUsd: 0 };

test('a conversation is charged for its own answers, without those that give it a title', () => {
  assert.deepEqual(charged(LEDGER, 'a'), { answers: 2, inputTokens: 14, outputTokens: 8, cacheReadTokens: 6, cacheWriteTokens: 2 });
});

test('what is counted is what was charged, each kind by itself', () => {
  assert.equal(compare(COUNTED, charged(LEDGER, 'a')).seen, 'yes');
  for (const key of ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens']) {
    const { seen, note } = compare({ ...COUNTED, [key]: COUNTED[key] + 1 }, charged(LEDGER, 'a'));
    assert.equal(seen, 'failed');
    assert.match(note, /^counted .*; 2 answers were input 14, output 8, cacheRead 6, cacheWrite 2$/);
  }
});
