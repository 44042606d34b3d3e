/** The nouns on the wire: what a call and a decision look like. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Arguments = { [key: string]: Json };
export type Effect = "allow" | "hold" | "deny";

export interface ToolCall {
  readonly tool: string;
  readonly arguments: Arguments;
  readonly call_id?: string;
  readonly session?: string;
  readonly server?: string;
  readonly mandate?: string;
  readonly attempt?: string;
  readonly context?: { readonly prompt?: string; readonly parent?: string; readonly model?: string };
}

export interface Reason {
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  readonly rule: string | null;
  readonly path: string | null;
}

export interface Decision {
  readonly decision_id: string;
  readonly call_id: string;
  readonly action_digest: string;
  readonly effect: Effect;
  readonly reasons: readonly Reason[];
  /** Id of the approval request, when held. */
  readonly approval: string | null;
  /** Compact JWS bound to the call, when allowed. */
  readonly permit: string | null;
  readonly session: string;
  /** Milliseconds since the epoch, the gateway's clock. */
  readonly issued_at: number;
  readonly expires_at: number;
  /** The whole answer, for what is not named here (risk, findings, obligations, record). */
  readonly raw: Json;
}

export interface Outcome {
  readonly decision_id: string;
  /** ok, error (ran and failed), no_effect (proven not to have run), unknown (in doubt). */
  readonly status: "ok" | "error" | "no_effect" | "unknown";
  readonly result?: Json;
  readonly error?: string;
}
