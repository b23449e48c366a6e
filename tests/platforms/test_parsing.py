"""Parts of other people's JSON, taken out of it to the letter."""

import pytest

from vouch.platforms.base import Unreadable
from vouch.platforms.parsing import read, verbatim


@pytest.mark.parametrize(
    "body, found",
    [
        (b'{"orders":[{"a":1.50},{"b":[1,{"c":"]}"}]}]}', [b'{"a":1.50}', b'{"b":[1,{"c":"]}"}]}']),
        (
            b' {\n"x" : {"orders":[{"a":1}]},\t"orders" : [ {"a" : 0.10} , {"\\u05d0":"\\/"} ] , "y":1 } ',
            [b'{"a" : 0.10}', b'{"\\u05d0":"\\/"}'],
        ),
        ('{"orders":[{"a":"é, שלום"}]}'.encode(), ['{"a":"é, שלום"}'.encode()]),
        (b'{"orders":[{"a":1}],"orders":[{"b":2}]}', [b'{"b":2}']),
        (b'{"orders":[{"a":1}],"orders":[]}', []),
        (b'{"orders":7,"orders":[{"b":2}]}', [b'{"b":2}']),
        (b'{"orders":"some","orders":[{"b":2}]}', [b'{"b":2}']),
        (b'{"orders":{"a":1},"orders":[{"b":2}]}', [b'{"b":2}']),
        (b'{"orders": []}', []),
        (b'{"orders":null}', []),
        (b"{ }", []),
    ],
)
def test_the_objects_of_a_list_keep_every_byte(body: bytes, found: list[bytes]) -> None:
    assert verbatim(body, "orders") == found


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"[]", "shape_mismatch"),
        (b'{"orders":{}}', "shape_mismatch"),
        (b'{"orders":[1]}', "shape_mismatch"),
        (b'{"orders":[{"a":1}', "not_json"),
        (b'{"orders":[{"a":NaN}]}', "not_json"),
        (b'{"orders":[' + b"{}," * 5_000 + b"{}]}", "too_many_items"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        verbatim(body, "orders")
    assert refusal.value.reason == reason


def test_ids_of_a_list_are_numbers_or_texts() -> None:
    assert read(b'{"ids":[9007199254740993,"a"]}').identifiers("ids") == ("9007199254740993", "a")
    assert read(b'{"ids":[]}').identifiers("ids") == ()


@pytest.mark.parametrize(
    "body, path",
    [(b"{}", ("ids",)), (b'{"ids":{}}', ("ids",)), (b'{"ids":[1,0]}', ("ids", "1")), (b'{"ids":[null]}', ("ids", "0"))],
)
def test_what_is_no_list_of_ids_is_refused(body: bytes, path: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(body).identifiers("ids")
    assert (refusal.value.reason, refusal.value.path) == ("shape_mismatch", path)
