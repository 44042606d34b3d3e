import assert from "node:assert/strict";
import { test } from "node:test";

import { InvalidCall } from "../src/errors.js";
import { actionDigest, canonical, copy, parse } from "../src/json.js";
import type { Arguments } from "../src/model.js";

test("canonical text sorts keys by UTF-16 unit and writes numbers as ECMAScript does", () => {
  const value = copy({ "\u{1f600}": 1, "\ufb33": 2, a: [1.0, -0, 0.1, 1e-7, "é\u0001"] });
  assert.equal(canonical(value), '{"a":[1,0,0.1,1e-7,"é\\u0001"],"\u{1f600}":1,"\ufb33":2}');
});

test("the action digest is the gateway's", () => {
  // canonical.action_digest("t", None, b'{"a":null,"b":[1,"\xc3\xa9"]}') of the Python package.
  assert.equal(
    actionDigest("t", null, copy({ b: [1, "é"], a: null })),
    "sha256:85612b4214d766a42593a786c2d53fec56993282573df5b18a5ef1cef72a2a11",
  );
});

test("equal keys are refused wherever they stand", () => {
  for (const text of ['{"a":1,"a":2}', '[{"x":{"a":1,"\\u0061":2}}]', '{"__proto__":1,"__proto__":2}']) {
    assert.throws(() => parse(text), SyntaxError);
  }
  assert.deepEqual(parse('{"a:b":"c\\":d","e":[{"f":1}]}'), { "a:b": 'c":d', e: [{ f: 1 }] });
});

test("what JSON cannot say is refused by name", () => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const bad: [unknown, string][] = [
    [{ a: NaN }, "NUMBER_OUT_OF_DOMAIN"],
    [{ a: 2 ** 53 }, "NUMBER_OUT_OF_DOMAIN"],
    [{ a: "\ud800" }, "LONE_SURROGATE"],
    [{ a: undefined }, "NOT_JSON"],
    [{ a: 1n }, "NOT_JSON"],
    [{ a: new Date() }, "NOT_JSON"],
    [loop, "TOO_DEEP"],
    [[], "BAD_CALL"],
  ];
  for (const [value, code] of bad) {
    assert.throws(
      () => copy(value as Arguments),
      (error: unknown) => error instanceof InvalidCall && error.code === code,
    );
  }
});

test("a copy is frozen and has nothing to do with the original", () => {
  const inner = [1];
  const copied = copy({ inner });
  inner.push(2);
  assert.deepEqual(copied["inner"], [1]);
  assert.throws(() => (copied["inner"] as number[]).push(3), TypeError);
});

test("a key named __proto__ is a key", () => {
  const copied = copy(JSON.parse('{"__proto__":{"x":1}}') as Arguments);
  assert.equal(canonical(copied), '{"__proto__":{"x":1}}');
});
