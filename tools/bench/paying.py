"""A payout run by file, on DynamoDB Local: time, requests and memory for a creator, however many there are of them.

Each size runs in a process of its own, so that its peak of memory is its own: `python -m bench.paying 1000`.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import batched
from typing import Any, Final

import boto3

from bench.rows import Row
from local import dynamodb_local
from tests import books
from tests.books import PROGRAM
from tests.fixtures import NOON, MemoryBucket, MemoryQueues, MemoryVault
from tests.tables import REGION, create_tables
from vouch.domain import ids
from vouch.domain.ledger import EARNED, Counted, Difference, settlement_entry
from vouch.service import mint, payout_runs, run_files, run_work
from vouch.service.deployment import Deployment
from vouch.service.payout_runs import Wish
from vouch.store import ledger
from vouch.store.tables import Brand, Creator, Item

_SIZES: Final = (100, 1_000)
_COMMISSIONS: Final = 10
_MONTHS: Final = ("2026-02", "2026-03", "2026-04")
_WARM_UP: Final = 100
_BATCH_PUT_MAX: Final = 25
_AT: Final = "2026-01-01T00:00:00.000000Z"
_FLOOR: Final = "the same requests by bare boto3"


def rows() -> Iterator[Row]:
    """One for each size; `RUN_CREATORS` in the environment names another one, 10 000 take some minutes."""
    asked = os.environ.get("RUN_CREATORS")
    for creators in (int(asked),) if asked else _SIZES:
        done = subprocess.run([sys.executable, "-m", "bench.paying", str(creators)], check=True, stdout=subprocess.PIPE)
        yield Row(**json.loads(done.stdout))


def main() -> None:
    """Measures one size and prints its row as JSON."""
    creators = int(sys.argv[1])
    with dynamodb_local.running() as endpoint:
        os.environ |= {
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        print(json.dumps(_measured(creators, endpoint)))


def _measured(creators: int, endpoint: str) -> dict[str, Any]:
    deployment = Deployment(create_tables(endpoint, "bench"), now=lambda: NOON, random=random.Random(1).randbytes)  # noqa: S311
    deployment.vault, deployment.s3, deployment.sqs = MemoryVault(), MemoryBucket(), MemoryQueues()
    warm_up, before, after = (_brand(deployment, name, _WARM_UP) for name in ("warm up", "floor 1", "floor 2"))
    brand = _brand(deployment, "paid", creators)
    with _recorded(deployment) as requests:
        _paid(deployment, warm_up, _WARM_UP)
    floor = _bare(endpoint, requests, warm_up, before)
    with _counted(deployment) as counted:
        began, began_cpu = time.perf_counter(), time.process_time()
        _paid(deployment, brand, creators)
        wall, spent = time.perf_counter() - began, time.process_time() - began_cpu
    floor = (floor + _bare(endpoint, requests, warm_up, after)) / 2
    each = ", ".join(f"{operation} {number / creators:.2f}" for operation, number in counted.most_common())
    ours = spent / creators
    return {
        "path": f"payout run of {creators:,} creators",
        "ours": ours * 1e3,
        "floor": floor * 1e3,
        "unit": "ms a creator",
        "ratio": ours / floor,
        "floor_is": _FLOOR,
        "note": f"{wall:.1f} s, peak memory {_peak_mb():.0f} MB; requests a creator: {each}",
    }


def _paid(deployment: Deployment, brand: Brand, creators: int) -> None:
    """All of them, by one worker, and the file."""
    run = payout_runs.started(deployment, mint.fresh(deployment), brand, Wish("csv", "ILS"))
    run_work.gone_on(deployment, brand, run, in_time=lambda: False)
    waiting = deployment.sqs.sent[deployment.settings.pay_queue_url]
    while waiting:
        run_work.worked(deployment, json.loads(waiting.popleft()["MessageBody"]), in_time=lambda: True)
    run = payout_runs.found(deployment, brand, run.id)
    file = run_files.file(deployment, brand, run.id, None, None, None).file
    lines = file.content.count(b"\n")
    if (run.status, run.payouts) != ("completed", creators) or lines != creators + 1:
        raise AssertionError(f"{run.status}: {run.payouts} payouts, {lines} lines for {creators} creators")


# --- the floor --------------------------------------------------------------------------------------------------------


def _bare(endpoint: str, requests: list[tuple[str, str]], of: Brand, brand: Brand) -> float:
    """Seconds for a creator: what was asked for one brand is asked for another one, and the answers are thrown away."""
    client: Any = boto3.client("dynamodb", endpoint_url=endpoint, region_name=REGION)
    theirs = [(operation, json.loads(asked.replace(of.id, brand.id))) for operation, asked in requests]
    began = time.process_time()
    for operation, asked in theirs:
        client._make_api_call(operation, asked)  # noqa: SLF001 - as our own are sent
    return (time.process_time() - began) / _WARM_UP


@contextmanager
def _recorded(deployment: Deployment) -> Iterator[list[tuple[str, str]]]:
    requests: list[tuple[str, str]] = []
    with _watched(deployment, lambda operation, asked: requests.append((operation, json.dumps(asked)))):
        yield requests


@contextmanager
def _counted(deployment: Deployment) -> Iterator[Counter[str]]:
    counted: Counter[str] = Counter()
    with _watched(deployment, lambda operation, _: counted.update([operation])):
        yield counted


@contextmanager
def _watched(deployment: Deployment, see: Any) -> Iterator[None]:
    client: Any = deployment.database.connection.client
    call = client._make_api_call  # noqa: SLF001 - where every request passes

    def seen(operation: str, asked: dict[str, Any]) -> Any:
        see(operation, asked)
        return call(operation, asked)

    client._make_api_call = seen  # noqa: SLF001
    try:
        yield
    finally:
        client._make_api_call = call  # noqa: SLF001


# --- who is paid ------------------------------------------------------------------------------------------------------


def _brand(deployment: Deployment, name: str, creators: int) -> Brand:
    """A brand with a program, and creators with ten commissions of three months each, which have matured."""
    brand = books.open_books(deployment, name, hold_days=14)
    client: Any = deployment.database.connection.client
    for creator in (books.NOA, books.DANA):
        Creator(f"{brand.id}#C#{creator}", "C").delete()
    for some in batched(_items(brand, creators), _BATCH_PUT_MAX, strict=False):
        puts: dict[str, list[Any]] = {}
        for item in some:
            puts.setdefault(str(item.Meta.table_name), []).append({"PutRequest": {"Item": item.serialize()}})
        client._make_api_call("BatchWriteItem", {"RequestItems": puts})  # noqa: SLF001
    return brand


def _items(brand: Brand, creators: int) -> Iterator[Item]:
    for number in range(creators):
        creator_id = ids.derived("cre_", f"payee {number}")  # the same at every brand
        yield Creator(
            f"{brand.id}#C#{creator_id}",
            "C",
            g1pk=f"{brand.id}#CRE",
            g1sk=creator_id,
            id=creator_id,
            email=f"payee{number}@example.test",
            name=f"Payee {number}",
            language="en",
            handles={},
            persons=[],
            active_from=_AT,
            created_at=_AT,
            version=1,
        )
        for place in range(_COMMISSIONS):
            at = NOON - timedelta(days=1 + place)
            counted = Counted(PROGRAM, 1, _MONTHS[place % len(_MONTHS)])
            amount = Difference(creator_id, EARNED, "ILS", 1_000 + number + place, at, counted, 1)
            order_id = ids.derived("ord_", f"{creator_id} {place}")
            entry = settlement_entry(amount, order_id=order_id, version=1, number=0, now=at)
            yield ledger.item(brand.id, entry)


def _peak_mb() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
