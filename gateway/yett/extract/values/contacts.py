"""Contacts and amounts: where money and words go, and how much.

E-mail addresses, IBANs, payment cards, phone numbers and crypto wallets, each in one normal form so that
"where did this value come from" can be answered whatever its spelling. Check digits (ISO 13616 mod 97,
Luhn, Base58Check is left to the chain) decide `valid`; a wrong one is still reported, because a mistyped
account is an account too.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from yett.extract.facts import Amount, Contact
from yett.extract.patterns import PatternSet, pattern

MAX_CONTACTS = 64

_EMAIL = pattern(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_IBAN = pattern(r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b")
_CARD = pattern(r"\b[3-6][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,7}\b")
_PHONE = pattern(r"\+[1-9][0-9 ()./-]{7,20}[0-9]")
_WALLET = pattern(
    r"\b(?:0x[0-9a-fA-F]{40}|bc1[02-9ac-hj-np-z]{25,62}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|T[1-9A-HJ-NP-Za-km-z]{33})\b"
)
_KINDS = (("email", _EMAIL), ("iban", _IBAN), ("card", _CARD), ("phone", _PHONE), ("wallet", _WALLET))
_HINTS = PatternSet(
    [
        r"[A-Za-z0-9]@[A-Za-z0-9]",
        r"\b[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4}",
        r"\b[3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}",
        r"\+[1-9][0-9 ()./-]{6}",
        r"0x[0-9a-fA-F]{20}|\bbc1[02-9ac-hj-np-z]{10}|\b[13T][1-9A-HJ-NP-Za-km-z]{20}",
    ]
)
_MONEY = pattern(r"(?i)^\s*([A-Z]{3}|[$€£¥])?\s*(-?[0-9][0-9., ']*)\s*([A-Z]{3}|[$€£¥])?\s*$")
_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_EXPONENT = {
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "CLP": 0,
    "ISK": 0,
    "BHD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
    "JOD": 3,
}


def find(text: str, pointer: str) -> tuple[Contact, ...]:
    """Every contact in a text, at most `MAX_CONTACTS`."""
    hits = _HINTS.scan(text.encode("utf-8", "replace"))
    found: list[Contact] = []
    for index in sorted(hits):
        kind, compiled = _KINDS[index]
        for match in compiled.finditer(text):
            contact = analyse(match.group(0), pointer, kind)
            if kind in ("email", "phone") or contact.valid:
                found.append(contact)
            if len(found) >= MAX_CONTACTS:
                return tuple(found)
    return tuple(found)


def analyse(value: str, pointer: str, kind: str) -> Contact:
    """One value that a schema or its form calls an email, iban, card, phone, wallet or account."""
    text = value.strip()
    if kind == "email":
        local, _, domain = text.rpartition("@")
        return Contact(
            pointer=pointer, kind=kind, value=f"{local}@{domain}".lower(), valid=bool(local and domain)
        )
    if kind == "wallet":
        return Contact(pointer=pointer, kind=kind, value=text.lower() if text[:2] == "0x" else text)
    compact = "".join(char for char in text if char.isalnum()).upper()
    if kind == "iban":
        return Contact(pointer=pointer, kind=kind, value=compact, valid=iban_valid(compact))
    if kind == "card":
        return Contact(
            pointer=pointer, kind=kind, value=compact, valid=13 <= len(compact) <= 19 and luhn(compact)
        )
    if kind == "phone":
        digits = "".join(char for char in text if char.isdecimal())
        return Contact(pointer=pointer, kind=kind, value="+" + digits, valid=7 <= len(digits) <= 15)
    return Contact(pointer=pointer, kind=kind, value=compact)


def iban_valid(compact: str) -> bool:
    """ISO 13616: rearranged and read in base 36 digits, the remainder by 97 is 1."""
    if not (
        15 <= len(compact) <= 34 and compact[:2].isalpha() and compact[2:4].isdecimal() and compact.isascii()
    ):
        return False
    number = "".join(str(int(char, 36)) for char in compact[4:] + compact[:4])
    return int(number) % 97 == 1


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 Annex B."""
    if not digits.isdecimal():
        return False
    total = 0
    for index, char in enumerate(reversed(digits)):
        digit = int(char)
        total += digit if index % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return total % 10 == 0


def amount(value: object, pointer: str) -> Amount | None:
    """Money as an integer of minor units; thousandths where no currency is named. None if it is no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _minor(Decimal(str(value)), "", pointer)
    if not isinstance(value, str) or len(value) > 40:
        return None
    match = _MONEY.search(value)
    if match is None:
        return None
    before, digits, after = match.groups()
    sign = (before or after or "").upper()
    plain = digits.replace(" ", "").replace("'", "")
    if plain.rfind(",") > plain.rfind(".") and len(plain) - plain.rfind(",") <= 3:
        plain = plain.replace(".", "").replace(",", ".")
    try:
        number = Decimal(plain.replace(",", ""))
    except InvalidOperation:
        return None
    return _minor(number, _SYMBOLS.get(sign, sign), pointer)


def _minor(number: Decimal, currency: str, pointer: str) -> Amount | None:
    if not number.is_finite() or abs(number) > Decimal(10) ** 15:
        return None
    places = _EXPONENT.get(currency, 2) if currency else 3
    return Amount(pointer=pointer, minor=int(number * 10**places), currency=currency)
