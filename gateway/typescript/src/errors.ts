/** Errors: a stable code, what was refused, and what the gateway said. */

import type { Decision, Reason } from "./model.js";

/** Something was refused, here or by the gateway. `code` is stable and for programs. */
export class YettError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly path?: string,
  ) {
    super(`${code}: ${message}`);
    this.name = new.target.name;
  }
}

/** There is no answer that could be trusted. */
export class TransportError extends YettError {}

/** The call is outside what can be judged; nothing was sent. */
export class InvalidCall extends YettError {}

/** The tool did not run: refused, or no answer that could be trusted. */
export class Denied extends YettError {
  readonly reasons: readonly Reason[];
  constructor(readonly decision: Decision) {
    const reason = decision.reasons[0];
    super(reason?.code ?? "DENIED", reason?.message ?? "denied", reason?.path ?? undefined);
    this.reasons = decision.reasons;
  }
}

/** The tool did not run: a person must approve the call first; then make the same call again. */
export class Held extends YettError {
  readonly approval: string | null;
  readonly reasons: readonly Reason[];
  constructor(readonly decision: Decision) {
    super("HELD", decision.reasons[0]?.message ?? "held for approval");
    this.approval = decision.approval;
    this.reasons = decision.reasons;
  }
}

/** The tool ran, but its outcome could not be recorded; the result is withheld because nobody looked at it. */
export class Unreported extends YettError {}
