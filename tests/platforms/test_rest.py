"""Our own shape of orders and what is said of them: what the API takes, stores and refuses."""

from typing import Any

import pytest

from tests.platforms import samples
from vouch.domain import clicks, times
from vouch.domain.facts import Decision, Dispute, Lifecycle, Line, Refund, RefundLine, Snapshot
from vouch.platforms import rest
from vouch.platforms.base import Pseudonym, Reading, Request, Unreadable

RECEIVED = times.parse("2026-05-04T15:15:31Z")
CLICK = clicks.PREFIX + "a" * clicks.ENCODED
LINE = {"id": "1", "quantity": 2, "unit_price": 4500}
ORDER = {"external_id": "POS-1", "occurred_at": "2026-05-04T15:00:00Z", "currency": "ILS", "lines": [LINE]}
REFUND = {"order_id": "POS-1", "external_id": "R-1", "currency": "ILS", "lines": [{"id": "1", "quantity": 1}]}
DECISION = {"order_id": "POS-1", "id": "dec_1", "kind": "hold", "actor": "key_1", "reason": "looks odd"}
GIVEN = DECISION | {"kind": "reassign", "creator_id": "cre_1", "program_id": "prg_1"}
ADJUSTED = GIVEN | {"kind": "adjust", "amount": 0, "currency": "ILS"}
DISPUTE = {"order_id": "POS-1", "external_id": "D-1", "status": "open", "amount": 4500}
FULL = ORDER | {
    "updated_at": "2026-05-05T00:00:00Z",
    "status": "open",
    "lines": [
        LINE
        | {"discount": 1000, "tax": 1360, "sku": "MUG-01", "product_id": 77, "gift_card": True}
        | {"tags": ["summer", "קיץ"], "collections": ["mugs"]}
    ],
    "codes": [" Noa10", "NOA10 ", ""],
    "click_ids": [CLICK, "clk_made_up", CLICK],
    "customer": {"email": " Buyer@Example.com", "id": "c-7", "new": False, "messenger_id": "25", "instagram_id": "12"},
    "handles": {"tiktok": " @Maya", "instagram": "maya.cooks"},
    "subscription": {"id": "sub-7", "started_at": "2026-01-31T12:00:00+02:00"},
    "country": "il",
    "shipping": 2500,
    "shipping_tax": 363,
    "tip": 100,
    "tax_included": True,
    "test": True,
    "unheard_of": {"is": "nothing here"},
}
"""All that can be said of an order."""
FULLY_READ = Snapshot(
    updated_at=times.parse("2026-05-05T00:00:00Z"),
    placed_at=times.parse("2026-05-04T15:00:00Z"),
    lifecycle=Lifecycle.OPEN,
    paid=False,
    currency="ILS",
    lines=(Line("1", 2, 4500, 1000, 1360, "MUG-01", "77", ("summer", "קיץ"), ("mugs",), gift_card=True),),
    platform="rest",
    shipping=2500,
    shipping_tax=363,
    tip=100,
    tax_included=True,
    test=True,
    country="IL",
    codes=("noa10",),
    click_ids=(CLICK,),
    customers=("<email:buyer@example.com>",),
    customer_new=False,
    handles=("instagram:maya.cooks", "tiktok:maya"),
    contacts=("<contact:messenger:25>", "<contact:instagram:12>"),
    subscription="<subscription:door:sub-7>",
    subscribed_at=times.parse("2026-01-31T10:00:00Z"),
)


def stored(kind: rest.Kind, body: dict[str, Any]) -> Request:
    return Request({}, rest.envelope(kind, RECEIVED, body))


def line(**changes: Any) -> dict[str, Any]:
    return ORDER | {"lines": [LINE | changes]}


def snapshot(body: dict[str, Any]) -> Snapshot:
    fact = samples.reading("rest", stored("order", body)).facts[0]
    assert isinstance(fact, Snapshot)
    return fact


def test_a_full_order() -> None:
    assert samples.reading("rest", stored("order", FULL)) == Reading("POS-1", (FULLY_READ,))


def test_the_least_order_is_paid_and_dated_by_its_arrival() -> None:
    assert snapshot(ORDER) == Snapshot(
        updated_at=RECEIVED,
        placed_at=times.parse("2026-05-04T15:00:00Z"),
        lifecycle=Lifecycle.PAID,
        currency="ILS",
        lines=(Line("1", 2, 4500),),
        platform="rest",
    )


def test_a_customer_without_a_mail_goes_by_id_and_one_without_either_by_nothing() -> None:
    assert snapshot(ORDER | {"customer": {"id": "c-7", "new": True}}).customers == ("<id:door:c-7>",)
    anonymous = snapshot(ORDER | {"customer": {"new": True}})
    assert (anonymous.customers, anonymous.customer_new) == ((), True)


def test_a_refund() -> None:
    expected = Refund("R-1", RECEIVED, "ILS", (RefundLine("1", 1),))
    assert samples.reading("rest", stored("refund", REFUND)) == Reading("POS-1", (expected,))


def test_a_refund_is_one_fact_in_whatever_order_its_lines_come() -> None:
    lines: list[dict[str, Any]] = [
        {"id": "1", "quantity": 1, "amount": 0},
        {"id": "1", "quantity": 1},
        {"id": "1", "quantity": 1, "amount": 117, "tax": 17},
        {"id": "0", "quantity": 2},
    ]
    one, other = (samples.reading("rest", stored("refund", REFUND | {"lines": told})) for told in (lines, lines[::-1]))
    assert one == other
    refund = one.facts[0]
    assert isinstance(refund, Refund)
    expected = {RefundLine("0", 2), RefundLine("1", 1), RefundLine("1", 1, 0), RefundLine("1", 1, 117, 17)}
    assert set(refund.lines) == expected


def test_a_refund_that_failed_needs_to_say_no_more() -> None:
    said = {"order_id": "POS-1", "external_id": "R-1", "failed": True}
    expected = Refund("R-1", RECEIVED, None, failed=True)
    assert samples.reading("rest", stored("refund", said)) == Reading("POS-1", (expected,))


@pytest.mark.parametrize("status", ["open", "lost", "won"])
def test_a_dispute(status: Any) -> None:
    said = DISPUTE | {"status": status, "updated_at": "2026-05-05T00:00:00Z", "currency": "ILS"}
    expected = Dispute("D-1", times.parse("2026-05-05T00:00:00Z"), status, "ILS", 4500)
    assert samples.reading("rest", stored("dispute", said)) == Reading("POS-1", (expected,))


def test_the_least_dispute_is_about_all_of_the_order() -> None:
    said = {"order_id": "POS-1", "external_id": "D-1", "status": "lost"}
    assert samples.reading("rest", stored("dispute", said)).facts == (Dispute("D-1", RECEIVED, "lost"),)


def test_what_no_money_hangs_on_is_passed_over_in_a_wrong_shape() -> None:
    odd = line(sku="x" * 256, product_id=[7], tags=["summer", 7, "x" * 256], collections={"mugs": 1}) | {
        "country": "ISR",
        "codes": [7, "noa10", "x" * 256],
        "click_ids": {"ref": CLICK},
        "customer": {"email": "x" * 321, "id": 0, "new": "yes", "messenger_id": ["25"], "instagram_id": ""},
        "handles": {"tiktok": ["maya"], "instagram": " @ ", "myspace": "maya"},
    }
    assert snapshot(odd) == snapshot(line(tags=["summer"]) | {"codes": ["noa10"]})
    shapeless = ORDER | {"customer": "7", "country": "ßß", "codes": "noa10", "handles": ["maya"]}
    assert snapshot(shapeless) == snapshot(ORDER)
    assert len(snapshot(line(tags=["x"] * 251)).lines[0].tags) == 250
    assert snapshot(line(sku=77)).lines[0].sku == "77"


def test_what_names_a_product_has_one_spelling() -> None:
    odd = line(sku=" Re\u0301\t", product_id="7 ", tags=["Re\u0301", " ", "a b "], collections=["\u2003mugs"])
    plain = line(sku="Ré", product_id=7, tags=["Ré", "a b"], collections=["mugs"])
    assert snapshot(odd) == snapshot(plain)
    assert snapshot(plain).lines[0].sku == "Ré"
    assert snapshot(line(sku=" ", product_id="\n", tags=["\t"])) == snapshot(ORDER)


def test_a_name_that_only_its_normal_form_makes_too_long_for_a_key_is_none() -> None:
    longer = "\N{MUSICAL SYMBOL HALF NOTE}" * 200
    assert snapshot(line(sku=longer, product_id=longer, tags=[longer])) == snapshot(ORDER)


@pytest.mark.parametrize("control", ["\x00", "\n", "\x1f", "\x7f", "\x85", "\u2028", "\u2029"])
def test_an_id_with_a_control_character_is_refused(control: str) -> None:
    bad = f"A{control}1"
    refused: list[tuple[rest.Kind, dict[str, Any], str]] = [
        ("order", ORDER | {"external_id": bad}, "external_id"),
        ("order", line(id=bad), "lines[0].id"),
        ("order", ORDER | {"subscription": {"id": bad, "started_at": "2026-01-31T12:00:00Z"}}, "subscription.id"),
        ("refund", REFUND | {"external_id": bad}, "external_id"),
        ("refund", REFUND | {"lines": [{"id": bad, "quantity": 1}]}, "lines[0].id"),
        ("dispute", DISPUTE | {"order_id": bad}, "order_id"),
    ]
    for kind, body, where in refused:
        said = samples.outcome("rest", stored(kind, body))
        assert isinstance(said, Unreadable)
        assert (said.reason, said.detail) == ("shape_mismatch", f"body.{where}: holds a control character")


@pytest.mark.parametrize("said", ["MUG ", " MUG", "MUG", "Re\u0301", "Ré"])
def test_an_id_is_read_to_the_letter(said: str) -> None:
    assert snapshot(line(id=said)).lines[0].id == said
    [refund] = samples.reading("rest", stored("refund", REFUND | {"lines": [{"id": said, "quantity": 1}]})).facts
    assert isinstance(refund, Refund)
    assert [part.line_id for part in refund.lines] == [said]


@pytest.mark.parametrize(
    "name, read",
    [("x" * 64, ("tiktok:" + "x" * 64,)), ("x" * 65, ()), ("ﷺ" * 4, ()), ("ma\x00ya", ()), ("a\u2028b", ())],
)
def test_a_handle_no_creator_can_have_is_dropped(name: str, read: tuple[str, ...]) -> None:
    """One that only folding makes longer than the keys are, too."""
    assert snapshot(ORDER | {"handles": {"tiktok": name}}).handles == read


def test_subscriptions_of_two_shops_never_meet() -> None:
    request = stored("order", FULL)
    doors = [Pseudonym(lambda text: f"<{text}>", door) for door in ("shopify:con_1", "rest:con_2")]
    told = [rest.facts(request, door).facts[0] for door in doors]
    assert [fact.subscription for fact in told if isinstance(fact, Snapshot)] == [
        "<subscription:shopify:con_1:sub-7>",
        "<subscription:rest:con_2:sub-7>",
    ]


def test_a_decision() -> None:
    expected = Decision("dec_1", RECEIVED, "hold", "key_1", "looks odd", ("7f", "8a"))
    said = DECISION | {"refunds": ["7f", "8a"]}
    assert samples.reading("rest", stored("decision", said)) == Reading("POS-1", (expected,))


def test_a_decision_that_names_a_creator() -> None:
    given = Decision("dec_1", RECEIVED, "reassign", "key_1", "looks odd", (), "cre_1", "prg_1")
    adjusted = Decision("dec_1", RECEIVED, "adjust", "key_1", "looks odd", (), "cre_1", "prg_1", 700, "ILS")
    assert samples.reading("rest", stored("decision", GIVEN)).facts == (given,)
    assert samples.reading("rest", stored("decision", ADJUSTED | {"amount": 700})).facts == (adjusted,)


@pytest.mark.parametrize(
    "kind, body", [("order", ORDER), ("refund", REFUND), ("dispute", DISPUTE), ("decision", DECISION)]
)
def test_what_is_about_one_order_has_one_subject(kind: rest.Kind, body: dict[str, Any]) -> None:
    assert rest.subject(stored(kind, body)) == "POS-1"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"kind":"order","body":{}}', b'{"kind":"x","body":{"external_id":"1"}}']
)
def test_what_names_no_order_is_its_own_subject(body: bytes) -> None:
    assert len(rest.subject(Request({}, body))) == 64


@pytest.mark.parametrize(
    "kind, body, reason, place",
    [
        ("order", ORDER | {"external_id": ""}, "shape_mismatch", "body.external_id"),
        ("order", ORDER | {"occurred_at": "2026-05-04"}, "bad_time", "body.occurred_at"),
        ("order", ORDER | {"currency": "ils"}, "unknown_currency", "body.currency"),
        ("order", ORDER | {"occurred_at": None}, "bad_time", "body.occurred_at"),
        ("order", ORDER | {"lines": None}, "shape_mismatch", "body.lines"),
        ("order", line(unit_price=None), "shape_mismatch", "body.lines[0].unit_price"),
        ("order", ORDER | {"lines": "1"}, "shape_mismatch", "body.lines"),
        ("order", ORDER | {"lines": [LINE, LINE]}, "duplicate_line", "body.lines[1].id"),
        ("order", ORDER | {"lines": [LINE] * 5_001}, "too_many_lines", "body.lines"),
        ("order", ORDER | {"status": "test"}, "unknown_status", "body.status"),
        ("order", ORDER | {"shipping": -1}, "bad_amount", "body.shipping"),
        ("order", ORDER | {"tip": "1.00"}, "bad_amount", "body.tip"),
        ("order", line(unit_price=10**15), "bad_amount", "body.lines[0].unit_price"),
        ("order", line(unit_price=5 * 10**14), "amount_out_of_range", "body.lines[0].unit_price"),
        ("order", line(unit_price=45.0), "bad_amount", "body.lines[0].unit_price"),
        ("order", line(discount=9001), "discount_above_price", "body.lines[0].discount"),
        ("order", line(tax=True), "bad_amount", "body.lines[0].tax"),
        ("order", line(quantity="2"), "shape_mismatch", "body.lines[0].quantity"),
        ("order", line(quantity=10**9 + 1), "shape_mismatch", "body.lines[0].quantity"),
        ("refund", REFUND | {"lines": []}, "refund_of_nothing", "body.lines"),
        ("refund", REFUND | {"lines": [], "amount": 0}, "refund_of_nothing", "body.lines"),
        ("refund", REFUND | {"amount": -1}, "bad_amount", "body.amount"),
        ("refund", REFUND | {"lines": [{"id": "1"}]}, "shape_mismatch", "body.lines[0].quantity"),
        ("refund", REFUND | {"lines": [LINE | {"amount": 16, "tax": 17}]}, "tax_above_amount", "body.lines[0].tax"),
        ("refund", REFUND | {"lines": [LINE | {"tax": 17}]}, "tax_above_amount", "body.lines[0].tax"),
        ("refund", REFUND | {"order_id": None}, "shape_mismatch", "body.order_id"),
        ("order", ORDER | {"subscription": "sub-7"}, "shape_mismatch", "body.subscription"),
        ("order", ORDER | {"subscription": {}}, "shape_mismatch", "body.subscription.id"),
        ("order", ORDER | {"subscription": {"id": "sub-7"}}, "bad_time", "body.subscription.started_at"),
        ("refund", REFUND | {"failed": "yes"}, "shape_mismatch", "body.failed"),
        ("dispute", DISPUTE | {"order_id": None}, "shape_mismatch", "body.order_id"),
        ("dispute", DISPUTE | {"external_id": None}, "shape_mismatch", "body.external_id"),
        ("dispute", DISPUTE | {"status": None}, "shape_mismatch", "body.status"),
        ("dispute", DISPUTE | {"status": "needs_response"}, "unknown_status", "body.status"),
        ("dispute", DISPUTE | {"amount": 0}, "bad_amount", "body.amount"),
        ("dispute", DISPUTE | {"amount": -1}, "bad_amount", "body.amount"),
        ("dispute", DISPUTE | {"currency": "ils"}, "unknown_currency", "body.currency"),
        ("dispute", DISPUTE | {"updated_at": "2026-05-04"}, "bad_time", "body.updated_at"),
        ("decision", DECISION | {"kind": "split"}, "shape_mismatch", "body.kind"),
        ("decision", GIVEN | {"creator_id": None}, "shape_mismatch", "body.creator_id"),
        ("decision", GIVEN | {"program_id": None}, "shape_mismatch", "body.program_id"),
        ("decision", ADJUSTED | {"amount": None}, "shape_mismatch", "body.amount"),
        ("decision", ADJUSTED | {"amount": -1}, "bad_amount", "body.amount"),
        ("decision", ADJUSTED | {"currency": None}, "shape_mismatch", "body.currency"),
        ("decision", DECISION | {"reason": ""}, "shape_mismatch", "body.reason"),
        ("decision", DECISION | {"reason": "x" * 1_001}, "shape_mismatch", "body.reason"),
        ("decision", DECISION | {"actor": None}, "shape_mismatch", "body.actor"),
    ],
)
def test_a_wrong_value_is_refused_by_its_reason_and_place(
    kind: rest.Kind, body: dict[str, Any], reason: str, place: str
) -> None:
    with pytest.raises(Unreadable) as refusal:
        rest.facts(stored(kind, body), samples.pseudonym)
    assert (refusal.value.reason, refusal.value.detail.partition(":")[0]) == (reason, place)
