// Generated from the description of the API by e2e/clients/page-types.mjs; read by the type check alone, never served.

export type Approval = components['schemas']['ApprovalView'];
export type AuditEntry = components['schemas']['AuditEntryView'];
export type Delivery = components['schemas']['Delivery'];
export type FleetEvent = components['schemas']['FleetEventView'];
export type FleetFacts = components['schemas']['FleetView'];
export type History = components['schemas']['HistoryView'];
export type Me = components['schemas']['MeView'];
export type Message = components['schemas']['MessageView'];
export type Operation = components['schemas']['OperationView'];
export type Receipt = components['schemas']['MessageReceiptView'];
export type Runner = components['schemas']['RunnerView'];
export type Scope = components['schemas']['ControlScope'];
export type SearchPage = components['schemas']['SearchView'];
export type Session = components['schemas']['SessionView'];
export type Status = components['schemas']['SessionStatus'];
export type Target = components['schemas']['TargetView'];
export type TreeEntry = components['schemas']['TreeEntry'];
export type Verification = components['schemas']['AuditVerificationView'];
export type WaitingAgent = components['schemas']['WaitingAgentView'];
export type Wish = components['schemas']['Wish'];

export interface components {
  schemas: {
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
    AuditAction: "inject" | "pause" | "resume" | "interrupt" | "command_cancel" | "configure" | "kill" | "close" | "kill_all" | "kill_switch_release" | "key_create" | "key_revoke" | "login" | "logout" | "approval_decide" | "budget_set" | "provider_set" | "provider_remove" | "provider_test" | "secrets_rotate" | "runner_drain" | "runner_undrain" | "runner_remove" | "sink_set" | "sink_remove" | "sink_resend" | "sink_test" | "audit_read";
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
    CapabilitiesView: {
      canApprove: boolean;
      canConfigure: boolean;
      canPause: boolean;
      canQueue: boolean;
      canResume: boolean;
      canSteer: boolean;
    };
    /** @enum {string} */
    ControlScope: "self" | "subtree" | "mission";
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
    FleetEventType: "spawned" | "status" | "action" | "receipt" | "approval" | "killswitch" | "operation";
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
    HistoryView: {
      messages: components["schemas"]["MessageView"][];
      total: number;
    };
    JsonObject: {
      [key: string]: unknown;
    };
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
    /** @enum {string} */
    ReceiptState: "accepted" | "delivered" | "consumed" | "refused" | "cancelled" | "undeliverable";
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
    WaitingAgentView: {
      agentId: string;
      configuration: string;
      labels: string[];
      offer: string;
      reason: string;
      since: string;
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
