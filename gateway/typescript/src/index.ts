/** Yett's client for Node: a tool runs only if the gateway allowed exactly this call. */

export { Client, type Options } from "./client.js";
export { Denied, Held, InvalidCall, TransportError, Unreported, YettError } from "./errors.js";
export { guard, type Guarding } from "./guard.js";
export { actionDigest, canonical } from "./json.js";
export type { Arguments, Decision, Effect, Json, Outcome, Reason, ToolCall } from "./model.js";
