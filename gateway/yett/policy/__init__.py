"""The policy language: privilege control that a person can read and a machine can check.

The way of a policy file:

1. `source`    strict YAML -> plain values that know their lines;
2. `manifest`  `tools:` -> what each tool does and what its arguments are for;
3. `parse`     documents -> layers of rules, conditions compiled by `yett.expr`;
4. `lint`      checks that block loading: dead and shadowed rules, unconstrained targets, …;
5. `testing`   the policy's own tests; one that fails blocks loading;
6. `compile`   all of it -> an immutable `PolicySet` (`policyset`) with a digest;
7. `evaluate`  the `PolicySet` judges calls, each layer alone, the strictest wins.

Beside the way: `explain` and `diff` answer questions about a policy, `opa` asks an OPA server for a layer's
word, `importer` reads Progent's policies, `infer` proposes manifests, `fmt` prints the canonical form.
"""

from __future__ import annotations

from yett.policy.compile import load
from yett.policy.policyset import PolicySet

__all__ = ["PolicySet", "load"]
