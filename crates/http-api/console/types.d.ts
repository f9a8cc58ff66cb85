// Generated from the description of the API by e2e/clients/page-types.mjs; read by the type check alone, never served.

export type AgentUsage = components['schemas']['AgentUsageView'];
export type Approval = components['schemas']['ApprovalView'];
export type AuditEntry = components['schemas']['AuditEntryView'];
export type Budget = components['schemas']['BudgetView'];
export type ChangedFile = components['schemas']['ChangedFileView'];
export type Changes = components['schemas']['ChangesView'];
export type DeadLetter = components['schemas']['DeadLetterView'];
export type Delivery = components['schemas']['Delivery'];
export type FleetEvent = components['schemas']['FleetEventView'];
export type FleetFacts = components['schemas']['FleetView'];
export type History = components['schemas']['HistoryView'];
export type Key = components['schemas']['KeyView'];
export type Limits = components['schemas']['ConfigLimitsBody'];
export type Me = components['schemas']['MeView'];
export type Message = components['schemas']['MessageView'];
export type Mission = components['schemas']['MissionView'];
export type NewKey = components['schemas']['NewKeyView'];
export type Operation = components['schemas']['OperationView'];
export type Provider = components['schemas']['ProviderView'];
export type ProviderConfig = components['schemas']['ProviderConfigView'];
export type Receipt = components['schemas']['MessageReceiptView'];
export type Rendered = components['schemas']['RenderedView'];
export type RenderedDiff = components['schemas']['RenderedDiff'];
export type RenderedKind = components['schemas']['RenderedKind'];
export type RenderedLine = components['schemas']['RenderedLine'];
export type RenderedNode = components['schemas']['RenderedNode'];
export type RenderedPage = components['schemas']['RenderedPageView'];
export type Retention = components['schemas']['RetentionView'];
export type RetentionPlan = components['schemas']['RetentionPlanView'];
export type Role = components['schemas']['Role'];
export type Runner = components['schemas']['RunnerView'];
export type Scope = components['schemas']['ControlScope'];
export type SearchPage = components['schemas']['SearchView'];
export type Session = components['schemas']['SessionView'];
export type Sink = components['schemas']['SinkView'];
export type SinkForm = components['schemas']['SinkFormView'];
export type SpawnBody = components['schemas']['SpawnBody'];
export type Status = components['schemas']['SessionStatus'];
export type Target = components['schemas']['TargetView'];
export type Totals = components['schemas']['TotalsView'];
export type TreeEntry = components['schemas']['TreeEntry'];
export type Verification = components['schemas']['AuditVerificationView'];
export type WaitingAgent = components['schemas']['WaitingAgentView'];
export type Wish = components['schemas']['Wish'];

export interface components {
  schemas: {
    AgentType: string;
    AgentUsageView: {
      agentId: string;
      breakdown?: components["schemas"]["BreakdownView"];
      budget: components["schemas"]["BudgetView"] | null;
      own: components["schemas"]["TotalsView"];
      subtree: components["schemas"]["TotalsView"];
    };
    /** @enum {string} */
    ApprovalOption: "allow_once" | "allow_always" | "reject_once" | "reject_always";
    /** @enum {string} */
    ApprovalStatus: "open" | "decided" | "expired";
    ApprovalView: {
      agentId: string;
      decision: components["schemas"]["DecisionView"] | null;
      detail: components["schemas"]["JsonObject"];
      expired: components["schemas"]["ExpiredView"] | null;
      expiresAt: string | null;
      id: string;
      openedAt: string;
      options: components["schemas"]["ApprovalOption"][];
      status: components["schemas"]["ApprovalStatus"];
      title: string;
    };
    /** @enum {string} */
    AuditAction: "inject" | "pause" | "resume" | "interrupt" | "command_cancel" | "configure" | "kill" | "close" | "kill_all" | "kill_switch_release" | "key_create" | "key_revoke" | "login" | "logout" | "approval_decide" | "budget_set" | "guard_set" | "provider_set" | "provider_remove" | "provider_test" | "secrets_rotate" | "runner_drain" | "runner_undrain" | "runner_remove" | "sink_set" | "sink_remove" | "sink_resend" | "sink_test" | "retention_set" | "audit_read";
    AuditEntryView: {
      action: components["schemas"]["AuditAction"];
      actor: string;
      actorName?: string;
      at: string;
      details: {
        [key: string]: string;
      };
      hash: string;
      outcome: components["schemas"]["AuditOutcome"];
      previous: string;
      reason: string | null;
      requestId: string;
      seq: number;
      target: components["schemas"]["AuditTargetView"];
    };
    /** @enum {string} */
    AuditOutcome: "accepted" | "refused";
    /** @enum {string} */
    AuditTargetKind: "approval" | "auditLog" | "fleet" | "key" | "mission" | "provider" | "runner" | "session" | "sink";
    AuditTargetView: {
      kind: components["schemas"]["AuditTargetKind"];
      value?: string | null;
    };
    /** @enum {string} */
    AuditVerdict: "good" | "unvouched" | "broken";
    AuditVerificationView: {
      checkpoints: number;
      entries: number;
      head: string;
      keyId: string | null;
      problem: string | null;
      problemSeq: number | null;
      signedUpTo: number | null;
      valid: boolean;
      verdict: components["schemas"]["AuditVerdict"];
    };
    BreakdownView: {
      by: components["schemas"]["UsageBy"][];
      from: components["schemas"]["Day"];
      lines: components["schemas"]["UsageLineView"][];
      to: components["schemas"]["Day"];
      truncated: boolean;
    };
    /** @enum {string} */
    BudgetSpan: "total" | "month" | "day";
    BudgetView: {
      exhaustedAt: string | null;
      exhaustedBy?: components["schemas"]["BudgetSpan"];
      maxCostUsd?: number;
      maxTokens?: number;
      pauseRequested: boolean;
      perDay?: components["schemas"]["WindowView"];
      perMonth?: components["schemas"]["WindowView"];
      warnAtPercent: number;
      warned: components["schemas"]["BudgetSpan"][];
    };
    CapabilitiesView: {
      canApprove: boolean;
      canConfigure: boolean;
      canPause: boolean;
      canQueue: boolean;
      canResume: boolean;
      canSteer: boolean;
    };
    ChangedFileView: {
      added?: number;
      executable?: boolean;
      from?: string;
      kind: components["schemas"]["ChangedKind"];
      path: string;
      removed?: number;
      size?: number;
      status: components["schemas"]["ChangedStatus"];
    };
    /** @enum {string} */
    ChangedKind: "text" | "binary" | "link" | "submodule" | "notKept" | "notRead";
    /** @enum {string} */
    ChangedStatus: "added" | "deleted" | "modified" | "renamed" | "retyped";
    ChangesView: {
      added: number;
      branch?: string;
      commit?: string;
      files: components["schemas"]["ChangedFileView"][];
      folder: string;
      fromAt: string;
      hunks?: components["schemas"]["HunkView"][];
      isNow: boolean;
      removed: number;
      toAt: string;
      total: number;
      truncated: boolean;
      turn?: number;
      turns: components["schemas"]["KeptTurnView"][];
    };
    ConfigLimitsBody: {
      /** @default null */
      atOnce: number | null;
      /** @default 600 */
      failLostAfterSecs: number | null;
      /** @default null */
      maxCostUsd: number | null;
      /** @default null */
      maxTokens: number | null;
      /** @default true */
      requeue: boolean;
    };
    /** @enum {string} */
    ConfigSource: "file" | "stored";
    /** @enum {string} */
    ControlScope: "self" | "subtree" | "mission";
    Day: string;
    DeadLetterView: {
      error: components["schemas"]["TroubleView"];
      kind: components["schemas"]["FleetEventType"] | null;
      place: number;
      resending: boolean;
      sessionId: string | null;
      tries: number;
    };
    DecisionView: {
      allowed: boolean;
      answer?: components["schemas"]["JsonObject"];
      at: string;
      by: string;
      byName?: string;
      option: components["schemas"]["ApprovalOption"];
      reason: string | null;
    };
    /** @enum {string} */
    Delivery: "steer" | "queue" | "interrupt";
    /** @enum {string} */
    DesiredStatus: "running" | "paused" | "killed";
    ExpiredView: {
      at: string;
      why: components["schemas"]["ExpiryReason"];
    };
    /** @enum {string} */
    ExpiryReason: "deadline" | "session_ended" | "withdrawn";
    /** @enum {string} */
    FleetEventType: "spawned" | "status" | "action" | "receipt" | "approval" | "killswitch" | "budget" | "operation";
    FleetEventView: {
      at: string;
      position: number;
      sessionId: string | null;
      type: components["schemas"]["FleetEventType"];
    } & {
      [key: string]: unknown;
    };
    FleetView: {
      killSwitchEngaged: boolean;
      openStreams: number;
    };
    /** @enum {string} */
    GateProfile: "strict" | "standard" | "minimal" | "custom";
    HistoryView: {
      messages: components["schemas"]["MessageView"][];
      total: number;
    };
    HunkView: {
      heading: string;
      lines: components["schemas"]["RenderedLine"][];
    };
    JsonObject: {
      [key: string]: unknown;
    };
    KeptTurnView: {
      beganAt: string;
      endedAt?: string;
      number: number;
    };
    /** @enum {string} */
    KeyState: "good" | "revoked" | "expired";
    KeyView: {
      createdAt: string;
      expiresAt: string | null;
      id: string;
      missionId: string | null;
      missions: string[] | null;
      name: string;
      parentAgentId: string | null;
      revokedAt: string | null;
      role: components["schemas"]["Role"];
      sessionId: string | null;
      state: components["schemas"]["KeyState"];
    };
    MessageContent: string;
    MessageReceiptView: {
      commandSeq: number;
      reason?: string;
      state: components["schemas"]["ReceiptState"];
    };
    /** @enum {string} */
    MessageRole: "user" | "assistant" | "tool" | "system" | "operator";
    MessageView: {
      content: string;
      createdAt: string;
      id: string;
      metadata: components["schemas"]["JsonObject"];
      provider: string;
      receipt?: components["schemas"]["MessageReceiptView"];
      role: components["schemas"]["MessageRole"];
      seq: number;
      sessionId: string;
    };
    MeView: {
      boundTo: string | null;
      keyExpiresAt: string | null;
      keyId: string;
      loginExpiresAt: string | null;
      missions: string[] | null;
      name: string;
      role: components["schemas"]["Role"];
    };
    MissionId: string;
    MissionSessionsView: {
      byStatus: {
        [key: string]: number;
      };
      total: number;
    };
    MissionView: {
      breakdown?: components["schemas"]["BreakdownView"];
      budget: components["schemas"]["BudgetView"] | null;
      guarded: boolean;
      missionId: string;
      openedAt: string;
      sessions: components["schemas"]["MissionSessionsView"];
      usage: components["schemas"]["TotalsView"];
    };
    NewKeyView: components["schemas"]["KeyView"] & {
      key: string;
    };
    /** @enum {string} */
    OperationScope: "self" | "subtree" | "mission" | "fleet";
    /** @enum {string} */
    OperationState: "open" | "done" | "closed";
    OperationView: {
      action: components["schemas"]["Wish"];
      agentId: string | null;
      completedAt: string | null;
      ended: number;
      missionId: string | null;
      observed: number;
      open: number;
      operationId: string;
      operator: string;
      operatorName?: string;
      reason: string | null;
      refused: number;
      requestedAt: string;
      scope: components["schemas"]["OperationScope"];
      state: components["schemas"]["OperationState"];
      superseded: number;
      total: number;
    };
    PlacementView: {
      reason: string | null;
      runner: string | null;
      state: string;
    };
    PlannedMissionView: {
      messages: number;
      missionId: string | null;
      sessions: number;
    };
    ProviderConfigView: {
      capabilities: components["schemas"]["CapabilitiesView"] | null;
      changedAt: string | null;
      changedBy: string | null;
      changedByName?: string;
      credentials: string[];
      displayName: string | null;
      enabled: boolean;
      hindrance: string | null;
      kind: string;
      labels: string[];
      limits: components["schemas"]["ConfigLimitsBody"];
      name: string;
      revision: number;
      settings: components["schemas"]["JsonObject"];
      source: components["schemas"]["ConfigSource"];
    };
    ProviderName: string;
    ProviderView: {
      agentTypes: components["schemas"]["AgentType"][];
      capabilities: components["schemas"]["CapabilitiesView"];
      name: components["schemas"]["ProviderName"];
      settingsSchema: components["schemas"]["JsonObject"] | null;
      spawns: boolean;
    };
    /** @enum {string} */
    ReceiptState: "accepted" | "delivered" | "consumed" | "refused" | "cancelled" | "undeliverable";
    RenderedCall: {
      added?: number;
      removed?: number;
      subject: string;
      verb: string;
    };
    RenderedContent: {
      body?: components["schemas"]["RenderedNode"][];
      call?: components["schemas"]["RenderedCall"];
      cut: boolean;
      input?: components["schemas"]["RenderedNode"][];
      outcome?: components["schemas"]["RenderedOutcome"];
    };
    RenderedDiff: {
      added: number;
      lines: components["schemas"]["RenderedLine"][];
      path: string;
      removed: number;
    };
    /** @enum {string} */
    RenderedKind: "text" | "plain" | "paragraph" | "heading" | "quote" | "list" | "item" | "emphasis" | "strong" | "strikethrough" | "inlineCode" | "code" | "output" | "link" | "image" | "table" | "row" | "cell" | "rule" | "diff";
    RenderedLine: {
      new?: number;
      old?: number;
      op: components["schemas"]["RenderedOp"];
      text: string;
    };
    RenderedNode: {
      checked?: boolean;
      children?: components["schemas"]["RenderedNode"][];
      diff?: components["schemas"]["RenderedDiff"];
      header?: boolean;
      href?: string;
      kind: components["schemas"]["RenderedKind"];
      language?: string;
      number?: number;
      spans?: components["schemas"]["RenderedSpan"][];
      target?: string;
      text?: string;
    };
    /** @enum {string} */
    RenderedOp: "same" | "removed" | "added" | "about";
    RenderedOutcome: {
      exit?: number;
      failed: boolean;
      lines: number;
    };
    RenderedPageView: {
      messages: components["schemas"]["RenderedView"][];
    };
    RenderedSpan: {
      style?: string;
      text: string;
    };
    RenderedView: components["schemas"]["RenderedContent"] & {
      seq: number;
    };
    RetentionPlanView: {
      archive: boolean;
      complete: boolean;
      messages: number;
      missions: components["schemas"]["PlannedMissionView"][];
      sessions: number;
    };
    RetentionView: {
      archive: boolean;
      changedAt: string | null;
      changedBy: string | null;
      changedByName: string | null;
      feedDays: number | null;
      missions: {
        [key: string]: number | null;
      };
      revision: number;
      sessionDays: number | null;
    };
    /** @enum {string} */
    Role: "viewer" | "operator" | "admin" | "agent" | "runner";
    RunnerView: {
      capacity: number;
      clockAheadMs: number;
      keyId: string;
      labels: string[];
      lastSeenAt: string;
      load: number;
      name: string;
      offers: string[];
      protocol: number;
      registeredAt: string;
      state: string;
      version: string;
    };
    SearchView: {
      matches: components["schemas"]["MessageView"][];
      nextBefore?: number;
    };
    /** @enum {string} */
    SessionStatus: "spawning" | "running" | "idle" | "waiting" | "paused" | "completed" | "failed" | "killed" | "lost";
    SessionView: {
      agentId: string;
      agentType: string;
      archivedAt?: string | null;
      capabilities: components["schemas"]["CapabilitiesView"];
      completedAt: string | null;
      context: components["schemas"]["JsonObject"];
      desiredStatus: components["schemas"]["DesiredStatus"];
      gateProfile: string | null;
      lastSeenAt: string | null;
      lastSeq: number;
      metadata: components["schemas"]["JsonObject"];
      missionId: string | null;
      parentSessionId: string | null;
      placement?: components["schemas"]["PlacementView"] | null;
      provider: string;
      providerConfiguration: components["schemas"]["StartedByView"] | null;
      providerSessionId: string | null;
      revision: number;
      rootSessionId: string;
      sessionId: string;
      spawnedAt: string;
      startedAt: string | null;
      status: components["schemas"]["SessionStatus"];
      statusReason: string | null;
      taskId: string;
      taskSource: string;
    };
    SinkFilterBody: {
      /** @default [] */
      kinds: components["schemas"]["FleetEventType"][];
      /** @default [] */
      missions: components["schemas"]["MissionId"][];
      /** @default false */
      needsPerson: boolean;
      /** @default [] */
      statuses: components["schemas"]["SessionStatus"][];
    };
    /** @enum {string} */
    SinkForm: "webhook" | "ntfy" | "slack" | "telegram" | "email" | "web_push" | "otlp" | "syslog" | "cloud_events";
    SinkFormView: {
      credentials: string[];
      name: components["schemas"]["SinkForm"];
      settingsSchema: components["schemas"]["JsonObject"];
      source: components["schemas"]["SinkSource"];
    };
    /** @enum {string} */
    SinkGapCause: "restored" | "removed";
    SinkGapView: {
      after: number;
      at: string;
      cause: components["schemas"]["SinkGapCause"];
      until: number;
    };
    SinkSenderView: {
      replica: string;
      until: string;
    };
    /** @enum {string} */
    SinkSource: "feed" | "audit";
    SinkStateView: {
      cursor: number;
      deadLetters: number;
      gap: components["schemas"]["SinkGapView"] | null;
      lag: number | null;
      lastError: components["schemas"]["TroubleView"] | null;
      lastSuccess: string | null;
      nextTry: string | null;
      reminders: number;
      sender: components["schemas"]["SinkSenderView"] | null;
      tries: number;
    };
    SinkView: {
      changedAt: string;
      changedBy: string;
      changedByName?: string;
      credentials: string[];
      enabled: boolean;
      filter: components["schemas"]["SinkFilterBody"];
      form: components["schemas"]["SinkForm"];
      maxTries: number;
      name: string;
      revision: number;
      settings: components["schemas"]["JsonObject"];
      source: components["schemas"]["SinkSource"];
      state: components["schemas"]["SinkStateView"];
      transcript: boolean;
    };
    SpawnBody: {
      agentType: components["schemas"]["AgentType"];
      context?: components["schemas"]["JsonObject"];
      gateProfile?: components["schemas"]["GateProfile"] | null;
      metadata?: components["schemas"]["JsonObject"];
      missionId?: components["schemas"]["MissionId"] | null;
      options?: components["schemas"]["SpawnOptions"] | null;
      parentAgentId?: string | null;
      parentSessionId?: string | null;
      prompt?: components["schemas"]["MessageContent"] | null;
      provider?: components["schemas"]["ProviderName"] | null;
      taskId: components["schemas"]["TaskId"];
      taskSource?: components["schemas"]["TaskSource"] | null;
    };
    SpawnOptions: {
      cwd?: string | null;
      env?: string[] | null;
      mcpServers?: components["schemas"]["JsonObject"][] | null;
      mode?: string | null;
      model?: string | null;
      worktree?: boolean | null;
    };
    StartedByView: {
      name: string;
      revision: number;
    };
    /** @enum {string} */
    TargetOutcome: "observed" | "ended" | "refused" | "superseded";
    TargetView: {
      acknowledgedAt: string | null;
      agentId: string;
      commandSeq: number | null;
      depth: number;
      detail: string | null;
      observedAt: string | null;
      outcome: components["schemas"]["TargetOutcome"] | null;
      requestedAt: string;
    };
    TaskId: string;
    TaskSource: string;
    TotalsView: {
      cacheReadTokens: number;
      cacheWriteTokens: number;
      costUsd: number;
      inputTokens: number;
      outputTokens: number;
      pricedReports: number;
      reports: number;
      totalTokens: number;
    };
    TreeEntry: {
      agentType: string;
      completedAt: string | null;
      desiredStatus: components["schemas"]["DesiredStatus"];
      lastSeq: number;
      missionId: string | null;
      parentSessionId: string | null;
      provider: string;
      rootSessionId: string;
      sessionId: string;
      spawnedAt: string;
      status: components["schemas"]["SessionStatus"];
      taskId: string;
      taskSource: string;
    };
    TroubleView: {
      at: string;
      what: string;
    };
    /** @enum {string} */
    UsageBy: "day" | "model" | "mission" | "agent";
    UsageLineView: components["schemas"]["TotalsView"] & {
      agentId?: string;
      day?: components["schemas"]["Day"];
      missionId?: string | null;
      model?: string | null;
    };
    WaitingAgentView: {
      agentId: string;
      configuration: string;
      labels: string[];
      offer: string;
      reason: string;
      since: string;
    };
    WindowView: {
      costUsd: number;
      maxCostUsd?: number;
      maxTokens?: number;
      since: components["schemas"]["Day"];
      tokens: number;
    };
    /** @enum {string} */
    Wish: "pause" | "resume" | "interrupt" | "kill";
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
