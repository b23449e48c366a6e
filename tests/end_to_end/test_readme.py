"""What the README and the page on payouts say to type is typed, to the letter, and does what they say."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.seed import environment
from local.stack import Stack
from local.template import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
PAYOUTS = (REPOSITORY / "docs/how-payouts-work.md").read_text()
_NEXT = "--- next ---"


@pytest.fixture(scope="module")
def said(demo: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block of the README's walk prints, and then its looks around."""
    blocks = typed(section("Your first order"))
    looks = re.findall(r"`((?:ask|curl|show|words|for) [^`]*)`", section("Looking around"))
    return printed(demo, tmp_path_factory.mktemp("readme"), [*blocks, "\n".join([*looks, ""])])


@pytest.fixture(scope="module")
def paid(demo: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block of the page on payouts prints, after the README's own words were defined."""
    [words, *_] = typed(section("Your first order"))
    return printed(demo, tmp_path_factory.mktemp("payouts"), [words, *typed(PAYOUTS)])


def typed(text: str) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def printed(demo: Stack, folder: Path, blocks: list[str]) -> list[str]:
    """What each of them prints, in what looks like the repository."""
    (folder / ".local").mkdir()
    (folder / ".local/demo.env").write_text(environment(demo))
    (folder / "docs").symlink_to(REPOSITORY / "docs")
    # As in zsh, where a pattern that matches no file ends the line.
    script = f"echo '{_NEXT}'\n".join(["set -eu; shopt -s failglob\n", *blocks])
    ran = subprocess.run(
        ["/bin/bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.split(f"{_NEXT}\n")[1:]


def section(title: str) -> str:
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def documents(text: str) -> list[Any]:
    """The JSON documents that stand one after another in `text`."""
    decoder, found, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


def test_the_link_leads_to_the_shop_with_a_click_id(said: list[str]) -> None:
    assert re.fullmatch(r"302 https://almog-studio\.example/products/mug\?ref=clk_[\w-]{39}\n", said[1])


def test_the_order_is_stored_settled_and_explained(said: list[str], demo: Stack) -> None:
    noa = demo.demo["creator_ids"]["noa"]
    [stored] = documents(said[2])
    [order] = documents(said[3])
    explanation, commissions, balances = documents(said[5])
    assert stored["status"] == "stored"
    assert (order["status"], order["base"]) == ("paid", {"amount": 11695, "currency": "ILS"})
    [commission] = order["commissions"]
    assert (commission["creator_id"], commission["status"]) == (noa, "pending")
    assert commission["net"] == {"amount": 1403, "currency": "ILS"}  # 12 % of what VAT leaves of two mugs
    [candidate] = explanation["candidates"]
    assert (candidate["creator_id"], candidate["kind"], candidate["outcome"]) == (noa, "click", "credited")
    assert [(line["bps"], line["commission"]["amount"]) for line in explanation["lines"]] == [(1200, 1403)]
    assert [item["order_id"] for item in commissions["items"]] == [order["id"]]
    assert [balance["currency"] for balance in balances] == ["ILS"]


def test_it_is_explained_in_words(said: list[str]) -> None:
    assert said[4].startswith("Order of ")
    assert (
        "2 × MUG-01: 14.03 ILS, 12 % of 116.95 ILS without tax, 138.00 ILS with it (rule 1, for everything).\n"
        in said[4]
    )


def test_half_of_it_goes_with_the_refund(said: list[str]) -> None:
    _, order = documents(said[6])
    [commission] = order["commissions"]
    assert order["refunded_base"]["amount"] == 5847
    assert (commission["earned"]["amount"], commission["net"]["amount"]) == (1403, 702)


def test_fifteen_days_later_it_is_available_and_the_books_add_up(said: list[str]) -> None:
    before = documents(said[5])[2][0]
    _, [balance], verified = documents(said[7])
    assert balance["available"] == before["available"] + before["pending"] - 1403 + 702
    assert balance["pending"] == 0
    assert verified["ok"]
    assert verified["violations"] == []


def test_fifteen_percent_would_have_cost_more(said: list[str], demo: Stack) -> None:
    [simulation] = documents(said[8])
    total = simulation["total"]
    assert simulation["status"] == "done"
    assert total["delta"]["amount"] == total["after"]["amount"] - total["before"]["amount"] > 0
    assert sum(row["delta"]["amount"] for row in simulation["creators"]) == total["delta"]["amount"]
    friends = {demo.demo["creator_ids"][name] for name in ("noa", "itai", "maya")}
    assert {row["creator_id"] for row in simulation["creators"]} == friends


def test_looking_around_shows_what_is_promised(said: list[str], demo: Stack) -> None:
    data, _, words = said[9].partition("הזמנה מ-")
    others = re.split(r"^Order of .*", words, flags=re.MULTILINE)[1:]
    before, list_, after = re.split(r"^(\ufeff.*\n(?:po_.*\n)+)", data, flags=re.MULTILINE)
    contract, orders, held, statement, deliveries, payouts = documents(before)
    assert documents(after) == []
    assert "/v1/orders/{order_id}/explanation" in contract["paths"]
    assert orders["items"]
    assert {item["status"] for item in held["items"]} == {"held"}
    assert statement["entries"]
    assert all(payout["id"] in list_ for payout in payouts["items"])
    [unreadable] = deliveries["items"]
    assert unreadable["reason"] == "unknown_status"
    tells = ("the customer first came through", "This is payment 2", "Converted at 1 USD", "not decided yet")
    for told, other in zip(tells, others, strict=True):
        assert told in other


def test_the_page_on_payouts_pays_whom_its_dry_run_names(paid: list[str]) -> None:
    """Whoever walks through the README meanwhile may make more payable."""
    [would] = documents(paid[1])
    shown, _, list_ = paid[2].partition("\ufeff")
    [run] = documents(shown)
    settled, payout, verified = documents(paid[3])
    assert (run["status"], run["payouts"]) == ("completed", list_.count("po_"))
    assert run["payouts"] >= len([outcome for outcome in would["items"] if outcome["skipped"] is None]) > 1
    assert {outcome["skipped"] for outcome in would["items"]} >= {None, "payouts_held"}
    assert (settled["status"], payout["reference"]) == ("settled", "wire 4711")
    assert payout["id"] in list_
    assert verified["ok"]
