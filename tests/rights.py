"""Whatever a handler asks of AWS, in whichever test: its function's role has to allow it.

The engine and the stand-ins behind the tests allow everything; on AWS the same call would be refused.
"""

import importlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, wraps
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from local import template
from local.template import Resource, of_type
from vouch.http import Api
from vouch.service.deployment import Deployment

_TABLES = ("main", "ledger", "inbox", "clicks", "figures")
_IN_TRANSACTIONS = {
    "ConditionCheck": "ConditionCheckItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
}
_REPLACE = "PutItem in place of another"
_STANDING_IN = [  # part of a deployment, its method, the action that AWS wants for it
    ("s3", "put_object", "s3:PutObject"),
    ("s3", "get_object", "s3:GetObject"),
    ("s3", "get_object", "s3:ListBucket"),  # else what is not there is answered 403, not 404
    ("s3", "delete_object", "s3:DeleteObject"),
    ("s3", "generate_presigned_url", "s3:GetObjectVersion"),
    ("vault", "seal", "kms:Encrypt"),
    ("vault", "open", "kms:Decrypt"),
    ("ses", "send_email", "ses:SendEmail"),
]
_KMS_FOR_FILES = {"s3:PutObject": "kms:GenerateDataKey"}
"""What S3 asks of KMS in the name of whoever writes a file; of whoever reads one, to decrypt."""
_OPERATORS = {
    "dynamodb:LeadingKeys": "ForAllValues:StringLike",
    "kms:EncryptionContext:purpose": "StringEqualsIfExists",
    "kms:EncryptionContext:aws:s3:arn": "StringLike",
}
"""What a right may depend on, and how a condition has to ask for it."""
_Note = Callable[[str, str, str], None]
"""Is told an action, the resource of the template, and the key as `Asked` has it."""
_running: ContextVar[str | None] = ContextVar("the function whose handler is running", default=None)


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """One action on one resource of the template.

    `key` is the item's partition where there is one; of the vault's key what a text is sealed for, or whose file it is.
    """

    function: str
    action: str
    resource: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """One statement of a role, resources by their names in the template; `keys` are patterns, `*` for any."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    keys: tuple[str, ...] = ("*",)

    def allows(self, asked: Asked) -> bool:
        """Whether this statement is enough. IAM knows one kind of put; that the ledger knows two is our promise."""
        action = asked.action
        if action == f"dynamodb:{_REPLACE}" and asked.resource != "LedgerTable":
            action = "dynamodb:PutItem"
        keys = any(fnmatchcase(asked.key, pattern) for pattern in self.keys)
        return action in self.actions and asked.resource in self.resources and keys


@cache
def granted() -> dict[str, list[Granted]]:
    """What each function's role may do."""
    declared = _template()
    return {
        name: [
            _granted(statement)
            for policy in function["Properties"]["Policies"]
            for statement in _document(declared, policy)["Statement"]
        ]
        for name, function in of_type(declared, "AWS::Serverless::Function").items()
    }


@pytest.fixture(autouse=True)
def within_its_rights(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Asked]]:
    """Fails a test in which a handler asked for what its role does not grant; gives what is asked."""
    asked: set[Asked] = set()
    if "deployment" in request.fixturenames:
        _watch(request.getfixturevalue("deployment"), asked, monkeypatch)
    yield asked
    assert [each for each in sorted(asked) if not allowed(each)] == []


def allowed(asked: Asked) -> bool:
    """Whether the function's role is enough for it."""
    return any(each.allows(asked) for each in granted()[asked.function])


# --- what the template says -------------------------------------------------------------------------------------------


@cache
def _template() -> dict[str, Any]:
    """Read once: it takes longer than most of the thousands of tests that are held to it."""
    return template.load()


def _document(declared: dict[str, Any], policy: Resource) -> dict[str, Any]:
    document: dict[str, Any] = policy
    if "Ref" in policy:
        document = declared["Resources"][policy["Ref"]]["Properties"]["PolicyDocument"]
    return document


def _granted(statement: dict[str, Any]) -> Granted:
    resources = tuple(_named(resource) for resource in _listed(statement["Resource"]))
    actions = tuple(_listed(statement["Action"]))
    if "Condition" not in statement:
        assert "VaultKey" not in resources, statement
        return Granted(actions, resources)
    return Granted(actions, resources, _keys(dict(statement["Condition"])))


def _keys(condition: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """The patterns that a condition asks for."""
    [(operator, operands)] = condition.items()
    [(name, patterns)] = operands.items()
    assert _OPERATORS[name] == operator, condition
    return tuple(each if isinstance(each, str) else _named(each) for each in _listed(patterns))


def _named(resource: Resource) -> str:
    """`MainTable`, `MainTable/index/gsi1`, `BodiesBucket/*`; of a whole ARN its last part, `identity/MailFrom`.

    Where the emulator is given more it counts what AWS is given.
    """
    if "Fn::If" in resource:
        condition, on_aws, _ = resource["Fn::If"]
        assert condition == "HasTls", resource
        return _named(on_aws)
    name: str = resource["Fn::GetAtt"][0] if "Fn::GetAtt" in resource else resource["Fn::Sub"]
    return name.rpartition(":")[2].replace("${", "").replace(".Arn}", "").replace("}", "")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# --- what is asked ----------------------------------------------------------------------------------------------------


def _watch(deployment: Deployment, asked: set[Asked], patch: pytest.MonkeyPatch) -> None:
    for name, function in of_type(_template(), "AWS::Serverless::Function").items():
        _name_while_running(name, function["Properties"]["Handler"], patch)

    def note(action: str, resource: str, key: str = "") -> None:
        function = _running.get()
        if function is not None:
            asked.add(Asked(function, action, resource, key))

    _watch_tables(deployment, note, patch)
    for part, method, action in _STANDING_IN:
        _watch_method(getattr(deployment, part), method, _noting(deployment, note, part, action), patch)
    names = {"wake": "WakeQueue", "spread": "SpreadQueue", "spill": "SpillQueue", "simulate": "SimulateQueue"}
    names |= {"fetch": "FetchQueue", "privacy": "PrivacyQueue", "mail": "MailQueue", "pay": "PayQueue"}
    queues = {getattr(deployment.settings, f"{name}_queue_url"): queue for name, queue in names.items()}
    send = lambda *_, QueueUrl, **__: note("sqs:SendMessage", queues[QueueUrl])  # noqa: E731, N803 - boto3's name
    _watch_method(deployment.sqs, "send_message", send, patch)
    _watch_secrets(note, patch)
    submit = ThreadPoolExecutor.submit

    def submit_in_context(pool: ThreadPoolExecutor, job: Callable[..., Any], *args: Any, **more: Any) -> Future[Any]:
        return submit(pool, copy_context().run, job, *args, **more)

    patch.setattr(ThreadPoolExecutor, "submit", submit_in_context)


def _noting(deployment: Deployment, note: _Note, part: str, action: str) -> Callable[..., None]:
    if part == "vault":
        return lambda owner, _: note(action, "VaultKey", owner.purpose)
    if part == "ses":
        return lambda *_, **__: note(action, "identity/MailFrom", "")
    return _noting_bucket(deployment, note, action)


def _noting_bucket(deployment: Deployment, note: _Note, action: str) -> Callable[..., None]:
    def say(*_: Any, **said: Any) -> None:
        is_files = said.get("Params", said)["Bucket"] == deployment.settings.files_bucket
        if action == "s3:ListBucket":
            if not is_files:  # of files only those are read that are there
                note(action, "BodiesBucket", "")
        elif is_files:
            note(action, "FilesBucket/*", "")
            note(_KMS_FOR_FILES.get(action, "kms:Decrypt"), "VaultKey", "FilesBucket")
        else:
            note(action, "BodiesBucket/*", "")

    return say


def _name_while_running(name: str, handler: str, patch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(handler.rpartition(".")[0])
    owner = module.api if isinstance(getattr(module, "api", None), Api) else module
    handle = owner.handler

    @wraps(handle)
    def named(event: dict[str, Any], context: Any) -> Any:
        token = _running.set(name)
        try:
            return handle(event, context)
        finally:
            _running.reset(token)

    patch.setattr(module, "handler", named)
    patch.setattr(owner, "handler", named)


def _watch_tables(deployment: Deployment, note: _Note, patch: pytest.MonkeyPatch) -> None:
    tables = {getattr(deployment.settings, f"{table}_table"): f"{table.title()}Table" for table in _TABLES}
    send = URLLib3Session.send

    def watched(session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        target: Any = request.headers.get("X-Amz-Target")
        body: Any = request.body
        if target is not None and _running.get() is not None:
            operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
            for action, table, key in _of_tables(operation, json.loads(body)):
                name, _, index = table.partition("/")
                note(f"dynamodb:{action}", tables[name] + (f"/{index}" if index else ""), key)
        return send(session, request)

    patch.setattr(URLLib3Session, "send", watched)


def _of_tables(operation: str, body: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Action, table (with its index) and partition, as IAM sees them, but for a put that may replace an item."""
    if operation == "TransactWriteItems":
        for write in body["TransactItems"]:
            for kind, part in write.items():
                action = _REPLACE if kind == "Put" and _may_replace(part) else _IN_TRANSACTIONS[kind]
                yield action, part["TableName"], _partition(part.get("Key") or part["Item"])
    elif operation == "BatchGetItem":
        for table, part in body["RequestItems"].items():
            for key in part["Keys"]:
                yield operation, table, _partition(key)
    elif operation == "Query":
        table = body["TableName"] + (f"/index/{body['IndexName']}" if "IndexName" in body else "")
        yield operation, table, _queried(body)
    else:
        action = _REPLACE if operation == "PutItem" and _may_replace(body) else operation
        yield action, body["TableName"], _partition(body.get("Key") or body["Item"])


def _queried(query: dict[str, Any]) -> str:
    """The partition that a query names."""
    said = re.search(r"= (:\w+)", query["KeyConditionExpression"])
    assert said is not None, query
    return str(query["ExpressionAttributeValues"][said[1]]["S"])


def _may_replace(put: dict[str, Any]) -> bool:
    return "attribute_not_exists" not in put.get("ConditionExpression", "")


def _partition(key: dict[str, Any]) -> str:
    return str(key["pk"]["S"])


def _watch_method(owner: Any, method: str, tell: Callable[..., None], patch: pytest.MonkeyPatch) -> None:
    call = getattr(owner, method)

    def watched(*args: Any, **more: Any) -> Any:
        tell(*args, **more)
        return call(*args, **more)

    patch.setattr(owner, method, watched)


def _watch_secrets(note: Callable[[str, str], None], patch: pytest.MonkeyPatch) -> None:
    """They are fetched once per process, so whoever looks at them may have to fetch them."""
    read = Deployment.__getattribute__

    def watched(deployment: Deployment, name: str) -> Any:
        if name == "secrets":
            note("secretsmanager:GetSecretValue", "DeploymentSecret")
        return read(deployment, name)

    patch.setattr(Deployment, "__getattribute__", watched)
