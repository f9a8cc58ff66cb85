// What the page makes of the API's types. Read by the type check alone; never served.

import type { Status } from './types';

/** One session as the page holds it. */
export interface Node {
  id: string;
  parentId: string | null;
  rootId: string;
  status: Status;
  desired: string;
  agentType: string;
  provider: string;
  missionId: string | null;
  taskId: string;
  taskSource: string;
  lastSeq: number;
  /** Up to which message it counts as read. */
  seen: number;
  spawnedAt: number;
  completedAt: number | null;
  /** What it has cost by itself, and with all below it; null where nothing is known. */
  costUsd: number | null;
  subtreeUsd: number | null;
  children: Node[];
  /** The newest feed position that it shows. */
  position: number;
  /** In lower case, for the filter. */
  haystack: string;
}

export interface Row {
  node: Node;
  depth: number;
  /** Whether it matches the filter itself, or is shown as the way to one that does. */
  hit: boolean;
}
