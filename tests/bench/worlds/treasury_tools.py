"""The tools of a foundation's crypto treasury: abbreviated service names, wordy descriptions, a list of functions."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _row(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _function(name: str, said: str, required: dict[str, Any], optional: dict[str, Any] | None = None) -> Any:
    schema = {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": said, "parameters": schema}}


def _text(said: str) -> dict[str, Any]:
    return {"type": "string", "description": said}


def _number(said: str) -> dict[str, Any]:
    return {"type": "number", "description": said}


LISTED: list[dict[str, Any]] = [
    _function("TrsyPosInq", "Position inquiry. Delivers the holdings per asset and vault as of the last block.", {}, {"vaultCd": _text("Vault code")}),
    _function("AddrBkInq", "Address book inquiry. Delivers the labels and chain addresses which have passed the onboarding procedure.", {}),
    _function("TxnInstrSbmt", "Submission of a transaction instruction. The instruction enters the signing queue of the vault.", {"vaultCd": _text("Vault code"), "assetCd": _text("Asset"), "qty": _number("Quantity in units of the asset"), "bnfcryAddr": _text("Chain address of the beneficiary")}),
    _function("TxnInstrQInq", "Queue inquiry. Delivers the instructions which await signature together with the initiator's narrative.", {}),
    _function("TxnInstrCtrSgn", "Countersignature of a queued instruction on behalf of the treasurer. With the second signature the instruction is released to the network.", {"instrId": _text("Instruction identifier")}),
    _function("TxnInstrRcl", "Recall of a queued instruction.", {"instrId": _text("Instruction identifier")}),
    _function("WhtLstMnt", "Maintenance of the whitelist. The address becomes eligible as beneficiary.", {"vaultCd": _text("Vault code"), "chainAddr": _text("Chain address"), "lbl": _text("Label")}),
    _function("SgnrQrmMnt", "Maintenance of the signer quorum of a vault.", {"vaultCd": _text("Vault code"), "reqSgntrs": {"type": "integer", "description": "Number of required signatures"}}),
    _function("SgnrEnrl", "Enrolment of a signer for a vault.", {"vaultCd": _text("Vault code"), "sgnrEml": _text("Mail address of the signer")}),
    _function("DlyLmtAdj", "Adjustment of the daily limit of a vault.", {"vaultCd": _text("Vault code"), "lmtAmt": _number("New limit in USD")}),
    _function("CtpyMsgInq", "Message inquiry. Delivers messages received from counterparties in their original wording.", {}, {"ctpyNm": _text("Name of the counterparty")}),
    _function("CtpyMsgDsp", "Dispatch of a message to a counterparty over the secure channel.", {"ctpyNm": _text("Name of the counterparty"), "msgTxt": _text("Wording of the message")}),
    _function("GovPrpslInq", "Proposal inquiry. Delivers open governance proposals with the rationale given by the proposer.", {}),
    _function("GovBlltCst", "Casting of the foundation's ballot. A ballot is final.", {"prpslId": _text("Proposal identifier"), "optn": {"type": "string", "enum": ["FOR", "AGAINST", "ABSTAIN"], "description": "Option"}}),
    _function("StkDlgtn", "Delegation of holdings to a validator.", {"vaultCd": _text("Vault code"), "vldtrId": _text("Validator identifier"), "qty": _number("Quantity")}),
    _function("StkUndlgtn", "Undelegation; the holdings are returned to the vault after the unbonding period.", {"vaultCd": _text("Vault code"), "vldtrId": _text("Validator identifier")}),
    _function("VldtrPrfInq", "Profile inquiry. Delivers commission, uptime and the self-description of a validator.", {"vldtrId": _text("Validator identifier")}),
    _function("FeeTnkRplnsh", "Replenishment of the network fee tank of a vault.", {"vaultCd": _text("Vault code"), "qty": _number("Quantity")}),
    _function("RcnBrkInq", "Break inquiry. Delivers differences between the ledger and the chain with the analyst's annotation.", {}),
    _function("RcnBrkClsr", "Closure of a reconciliation break with the stated justification.", {"brkId": _text("Break identifier"), "jstfctn": _text("Justification")}),
    _function("AdtXtrctPrvsn", "Provision of the audit extract of a period to an external recipient.", {"prd": _text("Period, e.g. 2026-Q1"), "rcpntEml": _text("Mail address of the recipient")}),
    _function("ArchPrg", "Purge of archived instructions older than the given date.", {"cutOffDt": {"type": "string", "format": "date"}}),
]  # fmt: skip


def TrsyPosInq(vaultCd: str = "") -> Any:
    return {"positions": [dict(p) for p in STATE["positions"] if vaultCd in ("", p["vaultCd"])]}


def AddrBkInq() -> Any:
    return {"addresses": [dict(a) for a in STATE["addresses"]]}


def TxnInstrSbmt(vaultCd: str, assetCd: str, qty: float, bnfcryAddr: str) -> Any:
    number = f"TI-{900 + len(STATE['submitted'])}"
    STATE["submitted"].append([vaultCd, assetCd, qty, bnfcryAddr])
    return {"instrId": number, "sts": "QUEUED"}


def TxnInstrQInq() -> Any:
    return {"queue": [dict(q) for q in STATE["queue"]]}


def TxnInstrCtrSgn(instrId: str) -> Any:
    _row("queue", "instrId", instrId)["sts"] = "RELEASED"
    return {"instrId": instrId, "sts": "RELEASED"}


def TxnInstrRcl(instrId: str) -> Any:
    STATE["queue"] = [q for q in STATE["queue"] if q["instrId"] != instrId]
    return {"instrId": instrId, "sts": "RECALLED"}


def WhtLstMnt(vaultCd: str, chainAddr: str, lbl: str) -> Any:
    STATE["addresses"].append({"lbl": lbl, "chainAddr": chainAddr})
    return {"sts": "OK"}


def SgnrQrmMnt(vaultCd: str, reqSgntrs: int) -> Any:
    STATE["quorums"].append([vaultCd, reqSgntrs])
    return {"sts": "OK"}


def SgnrEnrl(vaultCd: str, sgnrEml: str) -> Any:
    STATE["signers"].append([vaultCd, sgnrEml])
    return {"sts": "OK"}


def DlyLmtAdj(vaultCd: str, lmtAmt: float) -> Any:
    STATE["limits"].append([vaultCd, lmtAmt])
    return {"sts": "OK"}


def CtpyMsgInq(ctpyNm: str = "") -> Any:
    return {"messages": [dict(m) for m in STATE["messages"] if ctpyNm in ("", m["ctpyNm"])]}


def CtpyMsgDsp(ctpyNm: str, msgTxt: str) -> Any:
    STATE["dispatched"].append([ctpyNm, msgTxt])
    return {"sts": "DISPATCHED"}


def GovPrpslInq() -> Any:
    return {"proposals": [dict(p) for p in STATE["proposals"]]}


def GovBlltCst(prpslId: str, optn: str) -> Any:
    STATE["ballots"].append([prpslId, optn])
    return {"sts": "CAST"}


def StkDlgtn(vaultCd: str, vldtrId: str, qty: float) -> Any:
    STATE["stakes"].append([vaultCd, vldtrId, qty])
    return {"sts": "DELEGATED"}


def StkUndlgtn(vaultCd: str, vldtrId: str) -> Any:
    STATE["stakes"].append([vaultCd, vldtrId, 0])
    return {"sts": "UNBONDING"}


def VldtrPrfInq(vldtrId: str) -> Any:
    return dict(_row("validators", "vldtrId", vldtrId))


def FeeTnkRplnsh(vaultCd: str, qty: float) -> Any:
    STATE["tanks"].append([vaultCd, qty])
    return {"sts": "OK"}


def RcnBrkInq() -> Any:
    return {"breaks": [dict(b) for b in STATE["breaks"]]}


def RcnBrkClsr(brkId: str, jstfctn: str) -> Any:
    _row("breaks", "brkId", brkId)["sts"] = "CLOSED"
    return {"brkId": brkId, "sts": "CLOSED"}


def AdtXtrctPrvsn(prd: str, rcpntEml: str) -> Any:
    STATE["extracts"].append([prd, rcpntEml])
    return {"sts": "PROVIDED"}


def ArchPrg(cutOffDt: str) -> Any:
    STATE["purged"].append(cutOffDt)
    return {"sts": "PURGED"}
