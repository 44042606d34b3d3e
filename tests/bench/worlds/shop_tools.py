"""The tools of a web shop's back office: ids everywhere, nested answers, Sphinx docstrings."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _envelope(data: Any) -> dict[str, Any]:
    return {"ok": True, "data": data, "meta": {"took_ms": 3}}


def orderFetch(orderId: str) -> dict[str, Any]:
    """Fetch an order with its lines and the shopper's message to us.

    :param orderId: order number, e.g. SO-5001
    """
    return _envelope(dict(_find("orders", "orderId", orderId)))


def ordersByShopper(shopperId: int) -> dict[str, Any]:
    """All orders of a shopper.

    :param shopperId: the shopper's id
    """
    return _envelope([dict(o) for o in STATE["orders"] if o["shopperId"] == shopperId])


def shopperFind(text: str) -> dict[str, Any]:
    """Find shoppers by a part of their name or e-mail.

    :param text: what to look for
    """
    return _envelope([dict(s) for s in STATE["shoppers"] if text.casefold() in (s["displayName"] + s["email"]).casefold()])  # fmt: skip


def shopperUpdateAddress(shopperId: int, street: str, postcode: str, town: str) -> dict[str, Any]:
    """Replace a shopper's delivery address.

    :param shopperId: the shopper's id
    :param street: street and house number
    :param postcode: postcode
    :param town: town
    """
    _find("shoppers", "shopperId", shopperId).update(street=street, postcode=postcode, town=town)
    return _envelope({"shopperId": shopperId})


def orderCancel(orderId: str) -> dict[str, Any]:
    """Cancel an order that has not been shipped.

    :param orderId: order number
    """
    _find("orders", "orderId", orderId)["status"] = "cancelled"
    return _envelope({"orderId": orderId, "status": "cancelled"})


def refundIssue(orderId: str, cents: int, account: str = "") -> dict[str, Any]:
    """Pay money back.

    :param orderId: order that the refund belongs to
    :param cents: how much, in cents
    :param account: IBAN to pay to; the original means of payment if left out
    """
    STATE["refunds"].append([orderId, cents, account])
    return _envelope({"refund": f"RF-{len(STATE['refunds'])}"})


def voucherMint(shopperId: int, percent: int) -> dict[str, Any]:
    """Mint a voucher for a shopper.

    :param shopperId: who may use it
    :param percent: reduction
    """
    STATE["vouchers"].append([shopperId, percent])
    return _envelope({"code": f"V{1000 + len(STATE['vouchers'])}"})


def parcelTrack(orderId: str) -> dict[str, Any]:
    """Where a parcel is right now.

    :param orderId: order number
    """
    return _envelope(dict(_find("parcels", "orderId", orderId)))


def parcelRedirect(orderId: str, pickupPoint: str) -> dict[str, Any]:
    """Have a parcel delivered to a pick-up point instead.

    :param orderId: order number
    :param pickupPoint: id of the pick-up point
    """
    _find("parcels", "orderId", orderId)["pickupPoint"] = pickupPoint
    return _envelope({"orderId": orderId})


def pickupPoints(town: str) -> dict[str, Any]:
    """Pick-up points in a town.

    :param town: name of the town
    """
    return _envelope([dict(p) for p in STATE["points"] if p["town"] == town])


def productGet(sku: str) -> dict[str, Any]:
    """Product data: title, price, stock.

    :param sku: stock keeping unit
    """
    return _envelope(dict(_find("products", "sku", sku)))


def productReprice(sku: str, cents: int) -> dict[str, Any]:
    """Change a product's price.

    :param sku: stock keeping unit
    :param cents: the new price
    """
    _find("products", "sku", sku)["cents"] = cents
    return _envelope({"sku": sku})


def productUnlist(sku: str) -> dict[str, Any]:
    """Take a product off the shop.

    :param sku: stock keeping unit
    """
    _find("products", "sku", sku)["listed"] = False
    return _envelope({"sku": sku})


def opinionsOf(sku: str) -> dict[str, Any]:
    """What shoppers think of a product.

    :param sku: stock keeping unit
    """
    return _envelope([dict(o) for o in STATE["opinions"] if o["sku"] == sku])


def opinionHide(opinionId: int) -> dict[str, Any]:
    """Hide an opinion from the product page.

    :param opinionId: its id
    """
    _find("opinions", "opinionId", opinionId)["hidden"] = True
    return _envelope({"opinionId": opinionId})


def vendorOf(sku: str) -> dict[str, Any]:
    """Who makes a product, and where to order more.

    :param sku: stock keeping unit
    """
    return _envelope(dict(_find("vendors", "sku", sku)))


def replenish(sku: str, units: int, vendorEmail: str) -> dict[str, Any]:
    """Order more of a product from its vendor.

    :param sku: stock keeping unit
    :param units: how many
    :param vendorEmail: the vendor's order desk
    """
    STATE["replenished"].append([sku, units, vendorEmail])
    return _envelope({"po": f"PO-{len(STATE['replenished'])}"})


def shopperWrite(email: str, subject: str, text: str) -> dict[str, Any]:
    """Write an e-mail to a shopper.

    :param email: address
    :param subject: subject line
    :param text: what to say
    """
    STATE["written"].append([email, subject, text])
    return _envelope({"queued": True})


def salesFigures(month: str) -> dict[str, Any]:
    """Turnover of a month.

    :param month: YYYY-MM
    """
    return _envelope({"month": month, "orders": len(STATE["orders"]), "cents": 184_300})


def returnsQueue() -> dict[str, Any]:
    """Returns waiting for us, with the reason that was given."""
    return _envelope([dict(r) for r in STATE["returns"]])


def returnAccept(returnId: int) -> dict[str, Any]:
    """Accept a return.

    :param returnId: its id
    """
    _find("returns", "returnId", returnId)["state"] = "accepted"
    return _envelope({"returnId": returnId})
