"""The policy language: privilege control that a person can read and a machine can check.

The way of a policy file:

1. `source`    strict YAML -> plain values that know their lines;
2. `manifest`  `tools:` -> what each tool does and what its arguments are for;
3. `parse`     documents -> layers of rules, conditions compiled by `yett.expr`;
4. `lint`      checks that block loading: dead and shadowed rules, unconstrained targets, …;
5. `testing`   the policy's own tests; one that fails blocks loading;
6. `compile`   all of it -> an immutable `PolicySet` (`policyset`) with a digest;
7. `evaluate`  the `PolicySet` judges calls, each layer alone, the strictest wins.

`layer` has the nouns of a loaded policy, `scope` what its conditions can see of a call. A layer may instead be
decided by an `Engine` (`external`): `opa` asks a server, `cedar` decides in this process.

Beside the way:
- `explain`, `fmt` and `importer` (Progent's policies) serve authors; `analysis` compares two policies for every call
  there can be;
- `inference` proposes manifests from what tools say of themselves;
- `words` knows what verbs mean as capabilities, and reads off a prompt which of them it asks for (`words.intent`).
"""

from __future__ import annotations

from yett.policy.compile import load
from yett.policy.policyset import PolicySet

__all__ = ["PolicySet", "load"]
