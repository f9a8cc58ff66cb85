// What is said of the time of a session.

import { span } from '../kit/text.js';

/**
 * When a session started, and how long it ran if it has ended.
 *
 * @param {{ spawnedAt: number, completedAt: number | null }} node
 */
export function sinceStart({ spawnedAt, completedAt }) {
  const ran = completedAt === null ? '' : `, ran for ${span(completedAt - spawnedAt)}`;
  return `started ${span(Date.now() - spawnedAt)} ago${ran}`;
}
