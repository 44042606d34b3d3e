import assert from "node:assert/strict";
import { test } from "node:test";

import { Denied, Held, Unreported } from "../src/errors.js";
import { guard } from "../src/guard.js";
import type { Arguments, Decision, Effect, Outcome, ToolCall } from "../src/model.js";
import { localDeny } from "../src/verify.js";

function scripted(effect: Effect, reportFails = false) {
  const outcomes: Outcome[] = [];
  return {
    outcomes,
    decide: (call: ToolCall): Promise<Decision> =>
      Promise.resolve({ ...localDeny(call, null), effect, decision_id: "d1", approval: effect === "hold" ? "a1" : null }),
    report: (outcome: Outcome): Promise<void> => {
      outcomes.push(outcome);
      return reportFails ? Promise.reject(new Error("down")) : Promise.resolve();
    },
  };
}

test("an allowed tool runs once, with what was judged, and its result is reported", async () => {
  const client = scripted("allow");
  const ran: Arguments[] = [];
  const tool = guard(client, "t", (args) => (ran.push(args), "done"));
  const args = { list: [1] };
  const running = tool(args);
  args.list.push(2);
  assert.equal(await running, "done");
  assert.deepEqual(ran, [{ __proto__: null, list: [1] }]);
  assert.deepEqual(client.outcomes, [{ decision_id: "d1", status: "ok", result: "done" }]);
});

test("denied, held and unwritable calls do not run", async () => {
  let ran = 0;
  const run = () => ++ran;
  await assert.rejects(guard(scripted("deny"), "t", run)({}), Denied);
  await assert.rejects(
    guard(scripted("hold"), "t", run)({}),
    (error: unknown) => error instanceof Held && error.approval === "a1",
  );
  await assert.rejects(guard(scripted("allow"), "t", run)({ a: (() => 1) as never }), Denied);
  assert.equal(ran, 0);
});

test("a tool's own error is reported by name and passed on", async () => {
  const client = scripted("allow");
  const failure = new RangeError("secret detail");
  await assert.rejects(guard(client, "t", () => { throw failure; })({}), failure);
  assert.deepEqual(client.outcomes, [{ decision_id: "d1", status: "error", error: "RangeError" }]);
});

test("a result that could not be recorded is withheld", async () => {
  await assert.rejects(guard(scripted("allow", true), "t", () => "secret")({}), Unreported);
});

test("an allow that obliges to what a wrapped function cannot do is no permission", async () => {
  const client = scripted("allow");
  let ran = 0;
  for (const obligations of [[{ kind: "redact", arguments: { fields: ["ssn"] } }], [{ kind: "new" }], [{}], "all"]) {
    const obliging = {
      ...client,
      decide: async (call: ToolCall) => ({ ...(await client.decide(call)), raw: { obligations } as never }),
    };
    await assert.rejects(
      guard(obliging, "t", () => ++ran)({}),
      (error: unknown) => error instanceof Denied && error.code === "OBLIGATION_UNKNOWN",
    );
  }
  assert.equal(ran, 0);
  assert.equal(client.outcomes[0]?.status, "no_effect");
  const shadowed = { ...client, decide: async (call: ToolCall) => ({ ...(await client.decide(call)), raw: { obligations: [{ kind: "shadow" }] } as never }) };
  await guard(shadowed, "t", () => ++ran)({});
  assert.equal(ran, 1);
});
