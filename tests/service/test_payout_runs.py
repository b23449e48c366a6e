"""What can be read of a run while and after it is at work."""

import pytest

from tests.payday import Payday
from vouch.service import payouts, run_chunks
from vouch.service.deployment import Deployment


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
