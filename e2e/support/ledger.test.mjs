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

test('a conversation is charged for its own answers, and those beside its turns are told apart', () => {
  const turns = { answers: 2, inputTokens: 14, outputTokens: 8, cacheReadTokens: 6, cacheWriteTokens: 2 };
  const all = { answers: 4, inputTokens: 28, outputTokens: 16, cacheReadTokens: 12, cacheWriteTokens: 4 };
  assert.deepEqual(charged(LEDGER, 'a'), { turns, all });
});

test('what is counted is what was charged, each kind by itself', () => {
  const bill = charged(LEDGER, 'a');
  assert.equal(compare(COUNTED, bill).seen, 'yes');
  assert.match(compare({ ...bill.all, costUsd: 0 }, bill).note, /in 4 answers, 2 of them beside the turns$/);
  const more = { inputTokens: 35, outputTokens: 20, cacheReadTokens: 15, cacheWriteTokens: 5 };
  assert.equal(compare(more, bill).seen, 'failed', 'more than was charged');
  const less = { inputTokens: 7, outputTokens: 4, cacheReadTokens: 3, cacheWriteTokens: 1 };
  assert.equal(compare(less, bill).seen, 'failed', 'less than the turns');
  for (const key of ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens']) {
    const { seen, note } = compare({ ...COUNTED, [key]: COUNTED[key] + 1 }, bill);
    assert.equal(seen, 'failed');
    assert.match(note, /^counted .*; 2 answers were input 14, output 8, cacheRead 6, cacheWrite 2, and 2 were beside the turns$/);
  }
});
