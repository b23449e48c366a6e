"""A brand whose books tests keep: creators with codes, orders that are really settled, and entries put straight in."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from vouch.domain import ids, times
from vouch.domain.account import Balance, Sums
from vouch.domain.facts import Decision, Lifecycle, Line, Refund, Snapshot, Verdict
from vouch.domain.ledger import EARNED, HELD, Counted, Difference, Entry, settlement_entry
from vouch.service import orders, projections
from vouch.service.deployment import Deployment
from vouch.service.orders import Target
from vouch.service.projections import Change
from vouch.store import balances, ledger
from vouch.store.database import Writes
from vouch.store.tables import Brand, Code, Creator, Enrolment, EntryItem, Program, TermsVersion

NOA = ids.derived("cre_", "noa")
DANA = ids.derived("cre_", "dana")
CODES = {NOA: "noa10", DANA: "dana10"}
PROGRAM = ids.derived("prg_", "friends")
_AT = "2026-01-01T00:00:00.000000Z"
_numbers = count(1)
_told: dict[tuple[str, str, str], int] = {}


def open_books(
    deployment: Deployment,
    name: str = "mugs",
    *,
    clock: datetime | None = None,
    hold_days: int = 14,
    periodic: dict[str, Any] | None = None,
) -> Brand:
    """A brand with two creators who earn a tenth, in a program of `hold_days`; `periodic` are its caps and bonuses."""
    brand_id = ids.derived("brd_", name)
    mode = "live" if clock is None else "test"
    brand = Brand(brand_id, "BRAND", g1pk="BRANDS", g1sk=brand_id, id=brand_id, name=name, mode=mode, created_at=_AT)
    brand.clock = times.text(clock) if clock else None
    brand.save()
    program = Program(
        brand_id,
        f"PRG#{PROGRAM}",
        id=PROGRAM,
        name="Friends",
        currency="ILS",
        status="active",
        active=[[None, None]],
        versions=[],
        created_at=_AT,
        version=1,
    )
    _publish(program, None, hold_days=hold_days, periodic=periodic)
    for creator_id in (NOA, DANA):
        _enrol(brand_id, creator_id)
    return brand


def publish(brand: Brand, begins: datetime | None, *, hold_days: int, periodic: dict[str, Any] | None) -> None:
    """The next version of the program's terms, in force from then on, or since ever."""
    _publish(Program.get(brand.id, f"PRG#{PROGRAM}"), begins, hold_days=hold_days, periodic=periodic)


def _publish(program: Program, begins: datetime | None, *, hold_days: int, periodic: dict[str, Any] | None) -> None:
    number, effective_from = len(program.versions) + 1, times.text(begins) if begins else None
    program.versions = [*program.versions, [number, effective_from]]
    program.save()
    TermsVersion(
        program.pk,
        f"PRG#{PROGRAM}#T#{number:06}",
        program_id=PROGRAM,
        number=number,
        id=PROGRAM,
        currency="ILS",
        effective_from=effective_from,
        created_at=_AT,
        terms={
            "hold_days": hold_days,
            "commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 1000}}], **(periodic or {})},
        },
    ).save()


def _enrol(brand_id: str, creator_id: str) -> None:
    key = f"{brand_id}#C#{creator_id}"
    Creator(
        key,
        "C",
        g1pk=f"{brand_id}#CRE",
        g1sk=creator_id,
        id=creator_id,
        email="creator@example.test",
        name="Creator",
        language="en",
        handles={},
        persons=[creator_id],
        active_from=_AT,
        created_at=_AT,
        version=1,
    ).save()
    Enrolment(
        key,
        f"ENR#{PROGRAM}",
        id=creator_id,
        creator_id=creator_id,
        program_id=PROGRAM,
        status="active",
        active=[[None, None]],
        created_at=_AT,
        version=1,
    ).save()
    Code(
        f"{brand_id}#D#{CODES[creator_id]}",
        "D",
        id=creator_id,
        code=CODES[creator_id],
        program_id=PROGRAM,
        creator_id=creator_id,
        owners=[[creator_id, PROGRAM, None, None]],
        created_at=_AT,
        version=1,
    ).save()


def target(brand: Brand, number: str) -> Target:
    """Where an order's facts belong."""
    return Target(brand.id, brand.mode, None, number)


def sell(
    deployment: Deployment, brand: Brand, number: str, price: int, *, to: str = NOA, placed_at: datetime | None = None
) -> str:
    """A paid order under a creator's code, settled; its id."""
    at = placed_at or deployment.brand_now(brand)
    line = Line("1", 1, price)
    snapshot = Snapshot(at, at, Lifecycle.PAID, "ILS", (line,), "rest", codes=(CODES[to],))
    orders.apply(deployment, target(brand, number), [snapshot])
    return target(brand, number).order_id


def refund(deployment: Deployment, brand: Brand, number: str, amount: int) -> None:
    """Gives back part of an order."""
    given = Refund(f"ref_{next(_numbers)}", deployment.brand_now(brand), "ILS", amount=amount)
    orders.apply(deployment, target(brand, number), [given])


def decide(deployment: Deployment, brand: Brand, number: str, verdict: Verdict) -> None:
    """The brand's word on an order."""
    decision = Decision(f"dec_{next(_numbers)}", deployment.now(), verdict, "key", "because")
    orders.apply(deployment, target(brand, number), [decision])


def entry(
    amount: int,
    *,
    now: datetime,
    ahead: timedelta = timedelta(0),
    currency: str = "ILS",
    creator_id: str = NOA,
    held: bool = False,
    month: str | None = None,
) -> Entry:
    """An entry that belongs to no order, as if posted at `now`; in a month for caps and bonuses, of one order there."""
    counted = Counted(PROGRAM, 1, month) if month else None
    orders = (amount > 0) - (amount < 0) if month else 0
    change = Difference(creator_id, HELD if held else EARNED, currency, amount, now + ahead, counted, orders)
    posted = settlement_entry(change, order_id=f"ord_{next(_numbers)}", version=1, number=0, now=now)
    return replace(posted, order_id=None)


def was_paid(deployment: Deployment, brand_id: str, creator_id: str) -> None:
    """A creator of whom nothing is known but that they were paid something."""
    writes = Writes()
    paid = Balance(version=1, sums={"ILS": Sums(paid=100)})
    balances.replace(writes, brand_id, creator_id, balances.Stored(), paid)
    deployment.database.commit(writes)


def post(brand: Brand, *entries: Entry) -> None:
    """They land on their time lines."""
    for each in entries:
        ledger.item(brand.id, each).save()


def stream(deployment: Deployment, brand: Brand, creator_id: str = NOA, *, event: str = "INSERT") -> dict[str, Any]:
    """What the ledger's stream would say of all that an account holds; what it said before has the same numbers."""
    table = deployment.settings.ledger_table
    items = list(deployment.database.query(EntryItem, ledger.account_key(brand.id, creator_id)))
    numbers = [_told.setdefault((table, item.pk, item.sk), next(_numbers)) for item in items]
    records = sorted(zip(numbers, (item.to_dynamodb_dict() for item in items), strict=True), key=lambda each: each[0])
    return {"Records": [_record(number, image, event) for number, image in records]}


def note_due(deployment: Deployment, brand: Brand, *creators: str) -> None:
    """What the stream notes of all that these accounts hold (Noa's, if none is named)."""
    for creator_id in creators or (NOA,):
        projections.project(deployment, changes(stream(deployment, brand, creator_id)))


def changes(event: dict[str, Any]) -> list[Change]:
    """The records of a stream's event, as the projection takes them."""
    return [_change(record["eventName"], **record["dynamodb"]) for record in event["Records"]]


def _change(kind: Any, SequenceNumber: str, NewImage: dict[str, Any], **_: Any) -> Change:  # noqa: N803 - the stream's
    return Change(kind, NewImage["pk"]["S"], NewImage["sk"]["S"], int(SequenceNumber), NewImage)


def _record(number: int, image: dict[str, Any], event: str) -> dict[str, Any]:
    said = {"Keys": {name: image[name] for name in ("pk", "sk")}, "NewImage": image, "StreamViewType": "NEW_IMAGE"}
    return {
        "eventName": event,
        "eventSource": "aws:dynamodb",
        "dynamodb": said | {"SequenceNumber": f"{number}00000000000000000000"},
    }
