"""What each role may do: little, and neither update nor delete in the ledger."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from local.template import of_type
from vouch.store.vault import Purpose

# The only statements that may say `*`, each about one resource: see their comments in the template.
BUCKETS_REFUSE_CLEAR_TEXT = {("BodiesBucketPolicy", "Action"), ("FilesBucketPolicy", "Action")}
KEY_LEAVES_IT_TO_IAM = {("VaultKey", "Action"), ("VaultKey", "Resource")}


# On the emulator alone, and nowhere else may a condition widen a statement.
MAILS_ON_THE_EMULATOR = ("MailFunction", "Resource")


def test_no_statement_grants_every_action_or_every_resource(declared: dict[str, Any]) -> None:
    wide = {
        (owner, part)
        for owner, statement in statements(declared)
        for part in ("Action", "Resource")
        if any(is_wide(value) for value in listed(statement[part]))
    }
    assert wide == {*BUCKETS_REFUSE_CLEAR_TEXT, *KEY_LEAVES_IT_TO_IAM, MAILS_ON_THE_EMULATOR}


def test_mails_are_sent_by_the_one_identity(declared: dict[str, Any]) -> None:
    granted = [each["Resource"] for _, each in statements(declared) if "ses:" in str(each["Action"])]
    identity = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/${MailFrom}"
    assert granted == [{"Fn::If": ["HasTls", {"Fn::Sub": identity}, "*"]}]


def test_nobody_may_update_or_delete_a_ledger_entry(declared: dict[str, Any]) -> None:
    on_the_ledger = {
        action
        for _, statement in statements(declared)
        if any("LedgerTable" in str(resource) for resource in listed(statement["Resource"]))
        for action in listed(statement["Action"])
    }
    assert "dynamodb:PutItem" in on_the_ledger
    assert not {action for action in on_the_ledger if "Update" in action or "Delete" in action or "Batch" in action}


def test_a_right_to_some_partitions_is_to_actions_that_always_name_one(declared: dict[str, Any]) -> None:
    """For IAM all of no keys are like any pattern."""
    some = [each for _, each in statements(declared) if "LeadingKeys" in str(each.get("Condition"))]
    assert len(some) >= 8
    always = {"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"}
    for statement in some:
        assert {*listed(statement["Action"])} <= {f"dynamodb:{action}" for action in always}


def test_every_right_to_the_vaults_key_says_for_what(declared: dict[str, Any]) -> None:
    vault = [each for _, each in statements(declared) if each["Resource"] == {"Fn::GetAtt": ["VaultKey", "Arn"]}]
    asked = [name for each in vault for operands in each["Condition"].values() for name in operands]
    assert {*asked} == {"kms:EncryptionContext:purpose", "kms:EncryptionContext:aws:s3:arn"}
    purposes = {
        purpose
        for each in vault
        for purpose in each["Condition"].get("StringEqualsIfExists", {}).get("kms:EncryptionContext:purpose", [])
    }
    assert purposes == {*get_args(Purpose)}


def test_nobody_may_remove_a_bank_file(declared: dict[str, Any]) -> None:
    on_files = {
        action
        for _, statement in statements(declared)
        if statement["Effect"] == "Allow" and "FilesBucket" in str(statement["Resource"])
        for action in listed(statement["Action"])
    }
    assert on_files == {"s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}


@pytest.mark.parametrize("secret", ["OperatorKey", "DeploymentSecret"])
def test_every_function_that_is_told_of_a_secret_by_its_own_variable_may_read_it(
    declared: dict[str, Any], secret: str
) -> None:
    told = {
        name
        for name, function in of_type(declared, "AWS::Serverless::Function").items()
        if {"Fn::GetAtt": [secret, "Id"]} in function["Properties"]["Environment"]["Variables"].values()
    }
    readers = {
        owner
        for owner, statement in statements(declared)
        if {"Fn::GetAtt": [secret, "Id"]} in listed(statement["Resource"])
    }
    assert told <= readers
    assert readers


def test_only_one_function_may_read_the_operator_key(declared: dict[str, Any]) -> None:
    readers = {
        owner
        for owner, statement in statements(declared)
        if {"Fn::GetAtt": ["OperatorKey", "Id"]} in listed(statement["Resource"])
    }
    assert readers == {"ReferralsApi"}


def test_clear_text_is_refused_unless_a_deployment_says_otherwise(declared: dict[str, Any]) -> None:
    policy = declared["Resources"]["BodiesBucketPolicy"]
    assert declared["Conditions"][policy["Condition"]] == {"Fn::Equals": [{"Ref": "Transport"}, "tls"]}
    assert declared["Parameters"]["Transport"]["Default"] == "tls"


def statements(declared: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in declared["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [properties.get("PolicyDocument"), properties.get("KeyPolicy")]
        if isinstance(properties.get("Policies"), list):
            documents += [policy for policy in properties["Policies"] if "Statement" in policy]
        for document in filter(None, documents):
            for statement in document["Statement"]:
                yield name, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_wide(value: Any) -> bool:
    if isinstance(value, dict) and "Fn::If" in value:
        return any(is_wide(branch) for branch in value["Fn::If"][1:])
    return value == "*" or (isinstance(value, str) and value.endswith(":*"))
