"""Tables, functions and what they are told, as the code expects them."""

import json
from dataclasses import fields
from datetime import date
from typing import Any

from local.template import TEMPLATE, of_type
from vouch.config import Settings
from vouch.store.tables import Order

FUNCTION = "AWS::Serverless::Function"
TABLE = "AWS::DynamoDB::Table"
MONEY = {"MainTable", "LedgerTable"}


def test_every_variable_that_settings_want_is_declared_for_every_function(declared: dict[str, Any]) -> None:
    variables = declared["Globals"]["Function"]["Environment"]["Variables"]
    assert {field.name.upper() for field in fields(Settings)} <= variables.keys()


def test_every_handler_names_a_service_after_its_folder(declared: dict[str, Any]) -> None:
    for function in of_type(declared, FUNCTION).values():
        service = function["Properties"]["Handler"].split(".")[0]
        assert function["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == service


def test_every_function_has_a_log_group_that_is_not_kept_for_ever(declared: dict[str, Any]) -> None:
    groups = of_type(declared, "AWS::Logs::LogGroup")
    for function in of_type(declared, FUNCTION).values():
        group = groups[function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogDays"}


def test_what_is_money_cannot_be_deleted_by_mistake_or_by_time(declared: dict[str, Any]) -> None:
    tables = of_type(declared, TABLE)
    for name in MONEY:
        assert tables[name]["DeletionPolicy"] == tables[name]["UpdateReplacePolicy"] == "Retain"
        assert tables[name]["Properties"]["DeletionProtectionEnabled"] is True
        assert "TimeToLiveSpecification" not in tables[name]["Properties"]


def test_every_table_can_be_brought_back_to_any_moment_and_is_paid_by_request(declared: dict[str, Any]) -> None:
    for table in of_type(declared, TABLE).values():
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_what_was_written_to_be_paid_by_is_replaced_by_nobody(declared: dict[str, Any]) -> None:
    assert declared["Resources"]["FilesBucket"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    statements = declared["Resources"]["FilesBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    [refused] = [each for each in statements if each["Action"] == "s3:PutObject"]
    assert (refused["Effect"], refused["Principal"]) == ("Deny", "*")
    assert refused["Condition"] == {"Null": {"s3:if-none-match": "true"}}
    assert refused["Resource"] == {"Fn::Sub": "${FilesBucket.Arn}/*"}


def test_bank_files_are_kept_as_long_as_books_and_can_be_read_at_once(declared: dict[str, Any]) -> None:
    bucket = declared["Resources"]["FilesBucket"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    [encrypted] = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encrypted["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": ["VaultKey", "Arn"]}
    assert encrypted["BucketKeyEnabled"] is True
    [rule] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] == {"Ref": "FilesDays"}
    assert declared["Parameters"]["FilesDays"]["Default"] == (date(2036, 1, 1) - date(2026, 1, 1)).days + 1
    [moved] = rule["Transitions"]
    assert moved["StorageClass"] == "GLACIER_IR", "the other classes of Glacier give nothing at once"
    assert moved["TransitionInDays"] < declared["Parameters"]["FilesDays"]["MinValue"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}, "so long an expired one is still there"
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_scripts_in_browsers_may_read_every_header_that_says_something(declared: dict[str, Any]) -> None:
    cors = declared["Resources"]["Api"]["Properties"]["CorsConfiguration"]
    said = {"content-disposition", "etag", "idempotent-replayed", "link", "location", "retry-after", "x-request-id"}
    assert set(cors["ExposeHeaders"]) == said


def test_every_index_holds_keys_only(declared: dict[str, Any]) -> None:
    for table in of_type(declared, TABLE).values():
        for index in table["Properties"].get("GlobalSecondaryIndexes", []):
            assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_every_function_behind_the_api_has_a_route_and_every_route_a_function(declared: dict[str, Any]) -> None:
    targets = [route["Properties"]["Target"] for route in of_type(declared, "AWS::ApiGatewayV2::Route").values()]
    routed = {target["Fn::Sub"].removeprefix("integrations/${").removesuffix("}") for target in targets}
    assert routed == set(of_type(declared, "AWS::ApiGatewayV2::Integration"))


def test_no_address_or_account_of_one_deployment_is_written_down() -> None:
    text = TEMPLATE.read_text()
    assert "amazonaws.com/" not in text
    assert "us-east-1" not in text


def test_two_deployments_fit_into_one_account(declared: dict[str, Any]) -> None:
    """Schedules are named after their function alone unless SAM is told not to."""
    for function in of_type(declared, FUNCTION).values():
        for event in function["Properties"].get("Events", {}).values():
            assert event["Properties"]["OmitName"] is True
    named = ("BucketName", "FunctionName", "QueueName", "RoleName", "TableName", "TopicName")
    fixed = {"AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"}  # these name somebody else's
    for resource in declared["Resources"].values():
        assert resource["Type"] in fixed or not set(named) & set(resource.get("Properties", {}))


def test_where_orders_stand_follows_every_version_of_an_order_and_nothing_else(declared: dict[str, Any]) -> None:
    stream = declared["Resources"]["MainTable"]["Properties"]["StreamSpecification"]
    assert stream == {"StreamViewType": "NEW_AND_OLD_IMAGES"}, "what an order was says where it stood"
    reader = declared["Resources"]["StandingsFromMain"]["Properties"]
    [wanted] = [json.loads(each["Pattern"]) for each in reader["FilterCriteria"]["Filters"]]
    kind = Order.kind.get_discriminator(Order)
    assert wanted == {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"k": {"S": [kind]}}}}
