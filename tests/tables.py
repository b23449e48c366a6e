"""The five tables as `template.yaml` describes them, under names of their own, on any engine that speaks DynamoDB.

Without streams, which nobody reads here: DynamoDB Local keeps their records when a table goes, and slows down fourfold.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import boto3

from vouch.config import Settings

REGION = "us-east-1"
_KEYS = {"pk": "HASH", "sk": "RANGE"}
_INDEXES = {"gsi1": {"g1pk": "HASH", "g1sk": "RANGE"}, "gsi2": {"g2pk": "HASH", "g2sk": "RANGE"}}


def create_tables(endpoint: str, prefix: str) -> Settings:
    """Creates the tables `<prefix>-main` … and returns the settings that name them."""
    client = _client(endpoint)
    names = {f"{table}_table": f"{prefix}-{table}" for table in ("main", "ledger", "inbox", "clicks", "figures")}
    _create(client, names["main_table"], indexes=("gsi1", "gsi2"))
    _create(client, names["ledger_table"])
    _create(client, names["inbox_table"], indexes=("gsi1",))
    _create(client, names["clicks_table"], sorted_=False)
    _create(client, names["figures_table"])
    return replace(_PLACES, **names)


def drop_tables(endpoint: str, settings: Settings) -> None:
    """What `create_tables` made goes again, so that a long run does not fill the engine's memory."""
    for name in ("main_table", "ledger_table", "inbox_table", "clicks_table", "figures_table"):
        _client(endpoint).delete_table(TableName=getattr(settings, name))


_PLACES = Settings(
    main_table="",
    ledger_table="",
    inbox_table="",
    clicks_table="",
    figures_table="",
    bodies_bucket="bodies",
    files_bucket="files",
    wake_queue_url="https://sqs.test/wake",
    spread_queue_url="https://sqs.test/spread",
    spill_queue_url="https://sqs.test/spill",
    simulate_queue_url="https://sqs.test/simulate",
    fetch_queue_url="https://sqs.test/fetch",
    privacy_queue_url="https://sqs.test/privacy",
    pay_queue_url="https://sqs.test/pay",
    mail_queue_url="https://sqs.test/mail",
    vault_key_id="vault-key",
    deployment_secret_arn="arn:aws:secretsmanager:us-east-1:000000000000:secret:deployment",
    public_url="https://go.test",
    mail_from="payouts@vouch.test",
)


@cache
def _client(endpoint: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def _create(client: Any, name: str, *, sorted_: bool = True, indexes: tuple[str, ...] = ()) -> None:
    keys = _KEYS if sorted_ else {"pk": "HASH"}
    attributes = [*keys, *(attribute for index in indexes for attribute in _INDEXES[index])]
    declared = [
        {"IndexName": index, "KeySchema": _schema(_INDEXES[index]), "Projection": {"ProjectionType": "KEYS_ONLY"}}
        for index in indexes
    ]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in attributes],
        KeySchema=_schema(keys),
        **({"GlobalSecondaryIndexes": declared} if declared else {}),
    )


def _schema(keys: dict[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()]
