"""What can be read of a run while and after it is at work."""

from datetime import timedelta

import pytest

from tests.payday import Payday
from vouch import telemetry
from vouch.service import mint, payouts, run_chunks, run_work
from vouch.service.deployment import Deployment
from vouch.service.payout_runs import Wish, outcomes, started
from vouch.store import open_rows, payout_runs
from vouch.store.tables import OpenRun
from vouch.store.vault import Owner


def test_a_runs_payouts_are_listed_page_by_page_across_its_chunks(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_chunks, "CHUNK_MAX", 3)
    day = Payday(deployment, monkeypatch)
    creators = day.creators(range(701, 708))
    run = day.run(*creators, rail="csv")
    assert (run.status, run.chunks, run.payouts) == ("completed", 3, 7)
    for limit, sizes in ((2, [2, 2, 2, 1]), (3, [3, 3, 1]), (4, [4, 3]), (7, [7]), (8, [7])):
        pages: list[list[int]] = []
        cursor: str | None = None
        while not pages or cursor:
            page = payouts.of_run(
                deployment, day.brand, run.id, status=None, creator_id=None, limit=limit, cursor=cursor
            )
            pages.append([item.amount for item in page.items])
            cursor = page.next_cursor
        assert [len(page) for page in pages] == sizes
        assert [amount for page in pages for amount in page] == [*range(701, 708)]


def test_nobody_is_woken_for_a_run_that_is_done_and_only_still_noted_as_under_way(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever ended it died before they could take that note away, and no round came by for hours."""
    day = Payday(deployment, monkeypatch)
    run = day.run(day.creator(700), rail="csv")
    assert run.status == "completed"
    OpenRun(open_rows.partition(day.brand.id), run.id).save()
    day.pass_(timedelta(hours=4))
    rung: list[str] = []
    monkeypatch.setattr(telemetry, "count", lambda name, *_: rung.append(name))
    day.round()
    assert "RunStalled" not in rung
    assert payout_runs.under_way(deployment.database, day.brand.id) == []


@pytest.mark.parametrize("dry", [True, False])
def test_a_method_is_opened_once_for_all_currencies_of_its_creator(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, dry: bool
) -> None:
    """Each opening is a request to KMS, which a run of many would otherwise wait for several times over."""
    day = Payday(deployment, monkeypatch)
    day.set_up("paypal", {"client_id": "client", "client_secret": "secret", "sandbox": "false"})
    creator = day.creator(5_000, "paypal")
    for day.currency in ("EUR", "GBP"):
        day.earn(creator, 7_000)
    opened: list[Owner] = []
    really = deployment.vault.open

    def counted(owner: Owner, sealed: str) -> str:
        opened.append(owner)
        return really(owner, sealed)

    monkeypatch.setattr(deployment.vault, "open", counted)
    run = started(deployment, mint.fresh(deployment), day.brand, Wish("paypal", None, [creator], dry_run=dry))
    left = iter([True, True])
    run = run_work.gone_on(deployment, day.brand, run, in_time=lambda: dry or next(left, False))
    page = outcomes(deployment, run, day.brand, cursor=None)
    assert [(each.currency, each.skipped) for each in page.items] == [("EUR", None), ("GBP", None), ("USD", None)]
    assert opened == [Owner(day.brand.id, "payout_method", creator)]
