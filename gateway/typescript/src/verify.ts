/**
 * Is this answer an answer to my question?
 *
 * An `allow` counts only if it is well formed, carries the id of this question, is for exactly this tool and
 * these arguments, was issued after the question and is not over, names its record, and was not acted on
 * before. Everything else is a deny made here.
 */

import { randomBytes } from "node:crypto";

import { TransportError, YettError } from "./errors.js";
import type { Response } from "./http.js";
import { actionDigest, copy, parse } from "./json.js";
import type { Arguments, Decision, Effect, Json, Reason, ToolCall } from "./model.js";

const MAX_LIFE_MS = 600_000;
const REMEMBERED = 65_536;
const EFFECTS: readonly string[] = ["allow", "hold", "deny"];

export type Asked = ToolCall & { readonly call_id: string; readonly action: string; readonly sentAt: number };

export class Verifier {
  private readonly seen = new Set<string>();

  constructor(
    private readonly now: () => number,
    private readonly maxSkewMs: number,
  ) {}

  /** Fix a call as it will be judged and run; throws `InvalidCall`. */
  ask(call: ToolCall): Asked {
    const args = copy(call.arguments);
    return Object.freeze({
      ...call,
      arguments: args,
      call_id: call.call_id || `c-${randomBytes(16).toString("hex")}`,
      action: actionDigest(call.tool, call.server ?? null, args),
      sentAt: this.now(),
    });
  }

  /** The gateway's decision if it is an answer to this question; otherwise a local deny. Never throws. */
  answer(asked: Asked, response: Response): Decision {
    try {
      const decision = readDecision(response);
      if (decision.effect !== "deny") this.check(asked, decision);
      return decision;
    } catch (error) {
      return localDeny(asked, error);
    }
  }

  private check(asked: Asked, decision: Decision): void {
    const refuse = (code: string, message: string): never => {
      throw new TransportError(code, message);
    };
    if (decision.call_id !== asked.call_id) refuse("CALL_ID_MISMATCH", "the answer belongs to another question");
    if (decision.action_digest !== asked.action) refuse("DIGEST_MISMATCH", "the answer is for another call");
    if (asked.session && decision.session !== asked.session) refuse("SESSION_MISMATCH", "another session's answer");
    const now = this.now();
    if (decision.issued_at > now + this.maxSkewMs) refuse("DECISION_FROM_FUTURE", "compare the clocks");
    if (decision.issued_at < asked.sentAt - this.maxSkewMs) refuse("DECISION_STALE", "issued before the question");
    if (!(decision.expires_at > now && decision.expires_at > decision.issued_at)) {
      refuse("DECISION_EXPIRED", "the decision is over; ask again");
    }
    if (decision.expires_at - decision.issued_at > MAX_LIFE_MS) refuse("DECISION_TOO_LONG", "no decision lives so long");
    if (decision.effect !== "allow") return;
    const record = member(decision.raw, "record");
    if (record === null || !decision.permit) refuse("NO_RECORD", "an allow without a record and a permit");
    if (this.seen.has(decision.decision_id)) refuse("DECISION_REPLAYED", "this decision was already acted on");
    this.seen.add(decision.decision_id);
    if (this.seen.size > REMEMBERED) {
      // Sets keep insertion order: the oldest has long expired.
      for (const oldest of this.seen) {
        this.seen.delete(oldest);
        break;
      }
    }
  }
}

/** The decision of a client that could not get one: deny, made here, recorded nowhere. */
export function localDeny(call: ToolCall, error: unknown): Decision {
  const known = error instanceof YettError;
  const reason: Reason = {
    stage: "client",
    code: known ? error.code : "CLIENT_FAILED",
    message: known ? error.message : "the answer could not be checked",
    rule: null,
    path: known ? (error.path ?? null) : null,
  };
  return {
    decision_id: "",
    call_id: call.call_id ?? "",
    action_digest: "",
    effect: "deny",
    reasons: [reason],
    approval: null,
    permit: null,
    session: call.session ?? "",
    issued_at: 0,
    expires_at: 0,
    raw: null,
  };
}

/** What an answer that is not a success says: its problem document's code (RFC 9457), or its status. */
export function refusal(response: Response): TransportError {
  let code = `HTTP_${response.status}`;
  try {
    const given = member(parse(response.body), "code");
    if (typeof given === "string" && /^[A-Z0-9_]{1,64}$/.test(given)) code = given;
  } catch {
    // The status says enough.
  }
  return new TransportError(code, `the gateway refused to answer (HTTP ${response.status})`);
}

function readDecision(response: Response): Decision {
  if (response.status !== 200) throw refusal(response);
  let raw: Json;
  try {
    raw = parse(response.body);
  } catch {
    throw new TransportError("GATEWAY_GARBAGE", "the answer is not a decision");
  }
  const effect = text(raw, "effect");
  if (!EFFECTS.includes(effect)) throw new TransportError("GATEWAY_GARBAGE", "an effect nobody knows");
  return {
    decision_id: text(raw, "decision_id"),
    call_id: text(raw, "call_id"),
    action_digest: text(raw, "action_digest"),
    effect: effect as Effect,
    reasons: reasons(member(raw, "reasons")),
    approval: optional(raw, "approval"),
    permit: optional(raw, "permit"),
    session: text(member(raw, "session"), "id"),
    issued_at: integer(raw, "issued_at"),
    expires_at: integer(raw, "expires_at"),
    raw,
  };
}

function member(value: Json, key: string): Json {
  if (value === null || typeof value !== "object" || Array.isArray(value) || !Object.hasOwn(value, key)) {
    throw new TransportError("GATEWAY_GARBAGE", `the answer has no ${key}`);
  }
  return (value as Arguments)[key] as Json;
}

function text(value: Json, key: string): string {
  const found = member(value, key);
  if (typeof found !== "string") throw new TransportError("GATEWAY_GARBAGE", `${key} is not text`);
  return found;
}

function optional(value: Json, key: string): string | null {
  return member(value, key) === null ? null : text(value, key);
}

function integer(value: Json, key: string): number {
  const found = member(value, key);
  if (!Number.isSafeInteger(found)) throw new TransportError("GATEWAY_GARBAGE", `${key} is not an integer`);
  return found as number;
}

function reasons(value: Json): Reason[] {
  if (!Array.isArray(value)) throw new TransportError("GATEWAY_GARBAGE", "reasons are not a list");
  return value.map((each) => ({
    stage: text(each, "stage"),
    code: text(each, "code"),
    message: text(each, "message"),
    rule: optional(each, "rule"),
    path: optional(each, "path"),
  }));
}
