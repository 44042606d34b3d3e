/** Guard a function: it runs only if the gateway allowed exactly these arguments, and its outcome is reported. */

import type { Client } from "./client.js";
import { Denied, Held, InvalidCall, Unreported, YettError } from "./errors.js";
import { copy } from "./json.js";
import type { Arguments, Decision, Json, Outcome } from "./model.js";
import { localDeny } from "./verify.js";

export interface Guarding {
  readonly server?: string;
  readonly session?: string | (() => string);
  readonly mandate?: () => string | undefined;
}

/**
 * Wrap a tool that takes one object of arguments. The tool gets a frozen copy of what was judged, so nothing
 * that the caller changes afterwards reaches it. Throws `Held` or `Denied` when the tool did not run.
 */
export function guard<Result>(
  client: Pick<Client, "decide" | "report">,
  tool: string,
  run: (args: Arguments) => Result | Promise<Result>,
  options: Guarding = {},
): (args: Arguments) => Promise<Result> {
  return async (args) => {
    let judged: Arguments;
    try {
      judged = copy(args);
    } catch (error) {
      throw new Denied(localDeny({ tool, arguments: {} }, error));
    }
    const session = typeof options.session === "function" ? options.session() : options.session;
    const mandate = options.mandate?.();
    const decision = await client.decide({
      tool,
      arguments: judged,
      ...(options.server === undefined ? {} : { server: options.server }),
      ...(session === undefined ? {} : { session }),
      ...(mandate === undefined ? {} : { mandate }),
    });
    if (decision.effect === "hold") throw new Held(decision);
    if (decision.effect !== "allow") throw new Denied(decision);
    const unmet = duty(decision);
    if (unmet !== undefined) {
      await reported(client, { decision_id: decision.decision_id, status: "no_effect", error: unmet.message });
      throw new Denied(localDeny({ tool, arguments: judged }, unmet));
    }
    let result: Result;
    try {
      result = await run(judged);
    } catch (error) {
      const kind = error instanceof Error ? error.name : typeof error;
      await reported(client, { decision_id: decision.decision_id, status: "error", error: kind });
      throw error;
    }
    await reported(client, { decision_id: decision.decision_id, status: "ok", result: written(result) });
    return result;
  };
}

/** Obligations that the gateway has fulfilled itself before it answered. */
const GATEWAY_SIDE = new Set(["shadow", "require_mandate", "require_approver", "require_approvers"]);

/** An obligation of an allow that a wrapped function cannot fulfil: then it is no allow. */
function duty(decision: Decision): YettError | undefined {
  const duties = field(decision.raw, "obligations") ?? [];
  const kinds = Array.isArray(duties) ? duties.map((each) => field(each, "kind")) : [duties];
  const unmet = kinds.findIndex((kind) => typeof kind !== "string" || !GATEWAY_SIDE.has(kind));
  if (unmet < 0) return undefined;
  return new YettError("OBLIGATION_UNKNOWN", `this way to the tool can't fulfil ${JSON.stringify(kinds[unmet])}`);
}

function field(value: Json, name: string): Json | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value[name] : undefined;
}

async function reported(client: Pick<Client, "report">, outcome: Outcome): Promise<void> {
  try {
    await client.report(outcome);
  } catch {
    throw new Unreported("UNREPORTED", "the tool ran, but its outcome could not be recorded");
  }
}

function written(result: unknown): Json {
  try {
    return copy({ result: result === undefined ? null : (result as Json) })["result"] as Json;
  } catch (error) {
    if (error instanceof InvalidCall) return String(result).toWellFormed();
    throw error;
  }
}
