/**
 * JSON, strictly: a reader that refuses what parsers disagree on, and RFC 8785 canonical bytes.
 *
 * `JSON.parse` keeps the last of two equal keys; an answer that says deny and allow under one key must not
 * become an allow. RFC 8785 is defined by ECMAScript's own number and string serialisation and by sorting
 * keys by UTF-16 unit, which is what `Array.prototype.sort` does.
 */

import { createHash } from "node:crypto";

import { InvalidCall } from "./errors.js";
import type { Arguments, Json } from "./model.js";

export const MAX_DEPTH = 48;
export const MAX_BYTES = 256 * 1024;

/** Parse one document; throws on duplicate keys, excess depth and everything `JSON.parse` refuses. */
export function parse(text: string): Json {
  const value = JSON.parse(text) as Json;
  const reader = new KeyCounter(text);
  if (reader.members() !== countMembers(value, 0)) throw new SyntaxError("a key stands twice in one object");
  return value;
}

/** Counts the members of all objects in a text that is known to be JSON. */
class KeyCounter {
  constructor(private readonly text: string) {}

  members(): number {
    // Outside of strings, a colon stands exactly between a key and its value.
    let count = 0;
    let quoted = false;
    for (let at = 0; at < this.text.length; at++) {
      const unit = this.text.charCodeAt(at);
      if (quoted) {
        if (unit === 0x5c) at++;
        else if (unit === 0x22) quoted = false;
      } else if (unit === 0x22) quoted = true;
      else if (unit === 0x3a) count++;
    }
    return count;
  }
}

function countMembers(value: Json, depth: number): number {
  if (value === null || typeof value !== "object") return 0;
  if (depth >= MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countMembers(item, depth + 1), 0);
  const keys = Object.keys(value);
  return keys.reduce((sum, key) => sum + countMembers(value[key] as Json, depth + 1), keys.length);
}

/** A frozen deep copy of arguments as plain JSON; throws `InvalidCall` naming what JSON cannot say. */
export function copy(value: Arguments): Arguments {
  const copied = copyValue(value, 0, "");
  if (copied === null || typeof copied !== "object" || Array.isArray(copied)) {
    throw new InvalidCall("BAD_CALL", "arguments are not an object", "/arguments");
  }
  return copied;
}

function copyValue(value: unknown, depth: number, path: string): Json {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new InvalidCall("LONE_SURROGATE", "half of a surrogate pair", path);
    return value;
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      throw new InvalidCall("NUMBER_OUT_OF_DOMAIN", "not a number that every parser reads alike", path);
    }
    return value;
  }
  if (typeof value !== "object") throw new InvalidCall("NOT_JSON", `a ${typeof value} is not JSON`, path);
  if (depth >= MAX_DEPTH) throw new InvalidCall("TOO_DEEP", `nested deeper than ${MAX_DEPTH} levels`, path);
  if (Array.isArray(value)) {
    return Object.freeze(
      Array.from(value, (item, index) => copyValue(item, depth + 1, `${path}/${index}`)),
    ) as Json[];
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new InvalidCall("NOT_JSON", "an instance of a class is not JSON", path);
  }
  const copied: { [key: string]: Json } = Object.create(null) as { [key: string]: Json };
  for (const [key, item] of Object.entries(value)) {
    const below = `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    copied[copyValue(key, depth, below) as string] = copyValue(item, depth + 1, below);
  }
  return Object.freeze(copied);
}

/** RFC 8785 text of a value that `copy` or `parse` returned. */
export function canonical(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`);
  return `{${members.join(",")}}`;
}

/** What would run: the digest of server, tool and canonical arguments, as the gateway computes it. */
export function actionDigest(tool: string, server: string | null, args: Arguments): string {
  const body = canonical({ arguments: args, server, tool });
  const hash = createHash("sha256").update("yett/action/v1").update(Uint8Array.of(0)).update(body, "utf8");
  return `sha256:${hash.digest("hex")}`;
}
