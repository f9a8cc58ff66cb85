// The types of the page, made of the server's own description: `npm run types:write` writes them, and a test holds the
// committed file against what a running server says.

import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

import openapiTS, { astToString } from 'openapi-typescript';

import { Server } from '../support/server.mjs';

export const FILE = new URL('../../crates/http-api/console/types.d.ts', import.meta.url);

// What the page calls them.
const NAMES = {
  AgentUsage: 'AgentUsageView',
  Approval: 'ApprovalView',
  AuditEntry: 'AuditEntryView',
  Budget: 'BudgetView',
  ChangedFile: 'ChangedFileView',
  Changes: 'ChangesView',
  DeadLetter: 'DeadLetterView',
  Delivery: 'Delivery',
  FleetEvent: 'FleetEventView',
  FleetFacts: 'FleetView',
  History: 'HistoryView',
  Key: 'KeyView',
  Limits: 'ConfigLimitsBody',
  Me: 'MeView',
  Message: 'MessageView',
  Mission: 'MissionView',
  NewKey: 'NewKeyView',
  Operation: 'OperationView',
  Provider: 'ProviderView',
  ProviderConfig: 'ProviderConfigView',
  Receipt: 'MessageReceiptView',
  Rendered: 'RenderedView',
  RenderedDiff: 'RenderedDiff',
  RenderedKind: 'RenderedKind',
  RenderedLine: 'RenderedLine',
  RenderedNode: 'RenderedNode',
  RenderedPage: 'RenderedPageView',
  Retention: 'RetentionView',
  RetentionPlan: 'RetentionPlanView',
  Role: 'Role',
  Runner: 'RunnerView',
  Scope: 'ControlScope',
  SearchPage: 'SearchView',
  Session: 'SessionView',
  Sink: 'SinkView',
  SinkForm: 'SinkFormView',
  SpawnBody: 'SpawnBody',
  Status: 'SessionStatus',
  Target: 'TargetView',
  Totals: 'TotalsView',
  TreeEntry: 'TreeEntry',
  Verification: 'AuditVerificationView',
  WaitingAgent: 'WaitingAgentView',
  Wish: 'Wish',
};

/** Without words for people: they stand in the description. */
const bare = (value) => {
  if (Array.isArray(value)) return value.map(bare);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([name, of]) => !((name === 'description' && typeof of === 'string') || name === 'example' || name === 'format'));
  return Object.fromEntries(kept.map(([name, of]) => [name, bare(of)]));
};

/** The schemas with these names, and all that they refer to. */
function needed(schemas, names) {
  const found = new Map();
  const open = [...names];
  while (open.length > 0) {
    const name = open.pop();
    if (found.has(name)) continue;
    if (!schemas[name]) throw new Error(`the description has no schema ${name}`);
    found.set(name, bare(schemas[name]));
    for (const [, other] of JSON.stringify(schemas[name]).matchAll(/"#\/components\/schemas\/(\w+)"/g)) open.push(other);
  }
  return Object.fromEntries([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The text of the file, from the description that a server gives. */
export async function pageTypes(document) {
  const schemas = needed(document.components.schemas, Object.values(NAMES));
  const made = astToString(await openapiTS({ ...document, paths: {}, tags: [], components: { schemas } }, { alphabetize: true }));
  const components = made.slice(made.indexOf('export interface components'), made.indexOf('export type $defs'));
  const aliases = Object.entries(NAMES).map(([name, schema]) => `export type ${name} = components['schemas']['${schema}'];`);
  return [
    '// Generated from the description of the API by e2e/clients/page-types.mjs; read by the type check alone, never served.',
    '',
    ...aliases,
    '',
    components.trim().replaceAll(/^ +/gm, (indent) => ' '.repeat(indent.length / 2)),
    '',
  ].join('\n');
}

export async function described(server) {
  return pageTypes(await server.get('/openapi.json'));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await Server.start();
  try {
    await writeFile(FILE, await described(server));
  } finally {
    await server.stop();
  }
}
