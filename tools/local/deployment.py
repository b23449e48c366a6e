"""template.yaml on the emulator, and what the emulator does not take from it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local import template
from local.artefacts import ARCHITECTURE, BUILD, Trouble, alone, run_sam
from local.emulator import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Emulator
from local.processes import answers

STACK_NAME = "vouch"
_FAILED = 500

type Client = Callable[[str], Any]


def deploy(emulator: Emulator, api_url: str) -> None:
    parameters = {
        "Architecture": ARCHITECTURE,
        "PublicUrl": api_url,
        "DomainName": "127.0.0.1",
        "CertificateArn": f"arn:aws:acm:{REGION}:000000000000:certificate/00000000-0000-0000-0000-000000000000",
        # A failed record is repeated with its whole batch, and only age ends that: one by one, for a minute.
        "StreamBatchSize": "1",
        "StreamMaxAge": "60",
        "Transport": "plain",
        "MailFrom": "payouts@vouch.localhost",  # they go nowhere: /_ministack/ses/messages shows them
    }
    with alone():
        run_sam(
            "deploy",
            [
                *("--config-env", "local", "--template-file", str(BUILD / "template.yaml"), "--stack-name", STACK_NAME),
                *("--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset"),
                *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
            ],
            emulator.home / "deploy.log",
            {
                "AWS_ENDPOINT_URL": emulator.endpoint,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
                "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
                "AWS_DEFAULT_REGION": REGION,
                "SAM_CLI_POLL_DELAY": "1",
            },
        )


def outputs(client: Client) -> dict[str, str]:
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    made = [stack["Outputs"] for stack in stacks if stack["StackName"] == STACK_NAME and stack.get("Outputs")]
    if not made:
        raise Trouble("Vouch is not deployed here yet.")
    return {output["OutputKey"]: output["OutputValue"] for output in made[0]}


def complete(client: Client, made: dict[str, str]) -> None:
    """CORS and times to live: the emulator leaves them out of the stack it makes."""
    declared = template.load()
    cors = declared["Resources"]["Api"]["Properties"]["CorsConfiguration"]
    client("apigatewayv2").update_api(ApiId=made["ApiId"], CorsConfiguration=cors)
    tables = client("dynamodb")
    for name, table in template.of_type(declared, "AWS::DynamoDB::Table").items():
        lifetime = table["Properties"].get("TimeToLiveSpecification")
        if lifetime:
            tables.update_time_to_live(TableName=made[f"{name}Name"], TimeToLiveSpecification=lifetime)


def stream_readers() -> list[str]:
    mappings = template.of_type(template.load(), "AWS::Lambda::EventSourceMapping").values()
    return [
        mapping["Properties"]["FunctionName"]["Ref"]
        for mapping in mappings
        if mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][1] == "StreamArn"
    ]


def warm(client: Client, api_url: str, made: dict[str, str]) -> None:
    """Call each function once, two at a time: more at once take longer, and callers give up."""
    functions = client("lambda")

    def call(name: str) -> None:
        answer = functions.invoke(FunctionName=made[f"{name}Name"], Payload=json.dumps({"warm": True}))
        said = answer["Payload"].read().decode()
        if answer.get("FunctionError") or (json.loads(said or "null") or {}).get("statusCode", 0) >= _FAILED:
            raise Trouble(f"{name} does not start: {said[:400]}")

    with ThreadPoolExecutor(max_workers=2) as callers:
        list(callers.map(call, template.of_type(template.load(), "AWS::Serverless::Function")))
    if not answers(f"{api_url}/v1/health", status=200, seconds=30):
        raise Trouble(f"{api_url}/v1/health does not answer 200; `make reset` and `make run` begin again.")
