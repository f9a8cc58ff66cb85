// The shapes of the API as the page uses them. Read by the type check alone; never served.

export type Status =
  | 'spawning'
  | 'running'
  | 'waiting'
  | 'idle'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'killed'
  | 'lost';

export type Wish = 'pause' | 'resume' | 'interrupt' | 'kill';
export type Scope = 'self' | 'subtree' | 'mission';
export type Delivery = 'steer' | 'queue' | 'interrupt';

export interface Me {
  keyId: string;
  name: string;
  role: 'viewer' | 'operator' | 'admin' | 'agent';
}

export interface TreeEntry {
  sessionId: string;
  parentSessionId: string | null;
  rootSessionId: string;
  status: Status;
  desiredStatus: string;
  agentType: string;
  provider: string;
  missionId: string | null;
  taskId: string;
  taskSource: string;
  lastSeq: number;
  spawnedAt: string;
  completedAt: string | null;
}

export interface Session extends TreeEntry {
  statusReason: string | null;
  metadata: Record<string, unknown>;
  lastSeenAt: string | null;
  startedAt: string | null;
}

export interface Receipt {
  commandSeq: number;
  state: string;
  reason?: string;
}

export interface Message {
  id: string;
  sessionId: string;
  seq: number;
  role: string;
  content: string;
  provider: string;
  metadata: Record<string, unknown>;
  createdAt: string;
  receipt?: Receipt;
}

export interface History {
  messages: Message[];
  total: number;
}

export interface SearchPage {
  matches: Message[];
  /** Everything from here on was looked at; go on before it. Missing when the beginning was reached. */
  nextBefore?: number;
}

export interface FleetEvent {
  position: number;
  type: string;
  sessionId: string | null;
  at: string;
  [more: string]: unknown;
}

export interface Approval {
  id: string;
  agentId: string;
  title: string;
  detail: Record<string, unknown>;
  options: string[];
  status: 'open' | 'decided' | 'expired';
  decision: { option: string; allowed: boolean; by: string; at: string; reason: string | null; answer?: Record<string, unknown> } | null;
  expired: { why: string; at: string } | null;
  openedAt: string;
  expiresAt: string | null;
}

export interface Operation {
  operationId: string;
  action: Wish;
  scope: string;
  agentId: string | null;
  missionId: string | null;
  operator: string;
  reason: string | null;
  state: 'open' | 'done' | 'closed';
  total: number;
  open: number;
  observed: number;
  ended: number;
  refused: number;
  superseded: number;
  requestedAt: string;
  completedAt: string | null;
}

export interface Target {
  agentId: string;
  depth: number;
  outcome: string | null;
  detail: string | null;
  requestedAt: string;
  acknowledgedAt: string | null;
  observedAt: string | null;
}

export interface AuditEntry {
  seq: number;
  at: string;
  action: string;
  actor: string;
  outcome: string;
  reason: string | null;
  requestId: string;
  target: { kind: string; value?: string };
  details: Record<string, unknown>;
  previous: string;
  hash: string;
}

export interface Verification {
  valid: boolean;
  verdict: 'good' | 'unvouched' | 'broken';
  entries: number;
  head: string;
  checkpoints: number;
  signedUpTo: number | null;
  keyId: string | null;
  problem: string | null;
  problemSeq: number | null;
}

export interface FleetFacts {
  killSwitchEngaged: boolean;
  openStreams: number;
}

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
