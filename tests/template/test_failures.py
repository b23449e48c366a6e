"""Nothing that fails may vanish: streams and queues set it aside, and somebody is told."""

from typing import Any

from local.template import Resource, of_type

MAPPING = "AWS::Lambda::EventSourceMapping"


def test_every_stream_reader_starts_at_the_beginning_and_sets_failures_aside(declared: dict[str, Any]) -> None:
    readers = {name: body for name, body in of_type(declared, MAPPING).items() if is_stream(body)}
    assert readers
    for reader in readers.values():
        properties = reader["Properties"]
        assert properties["StartingPosition"] == "TRIM_HORIZON"
        assert properties["BisectBatchOnFunctionError"] is True
        assert properties["BatchSize"] == {"Ref": "StreamBatchSize"}
        assert properties["MaximumRecordAgeInSeconds"] == {"Ref": "StreamMaxAge"}
        destination = properties["DestinationConfig"]["OnFailure"]["Destination"]
        assert destination["Fn::GetAtt"][0] in of_type(declared, "AWS::SQS::Queue")


def test_a_stream_has_at_most_two_readers(declared: dict[str, Any]) -> None:
    sources = [
        str(body["Properties"]["EventSourceArn"]) for body in of_type(declared, MAPPING).values() if is_stream(body)
    ]
    assert all(sources.count(source) <= 2 for source in sources)


def test_every_queue_that_is_worked_on_has_dead_letters_and_answers_message_by_message(
    declared: dict[str, Any],
) -> None:
    queues, workers = of_type(declared, "AWS::SQS::Queue"), 0
    for body in of_type(declared, MAPPING).values():
        if is_stream(body):
            continue
        workers += 1
        queue = queues[body["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        function = declared["Resources"][body["Properties"]["FunctionName"]["Ref"]]["Properties"]
        assert body["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] in queues
        timeout = function.get("Timeout", declared["Globals"]["Function"]["Timeout"])
        assert queue["VisibilityTimeout"] >= 6 * timeout, "AWS asks for six times the function's timeout"
    assert workers


def test_who_takes_all_the_time_there_is_for_a_message_is_given_one_at_a_time(declared: dict[str, Any]) -> None:
    """Those behind it would come again without a try, and be given up after so many times."""
    workers = {
        body["Properties"]["FunctionName"]["Ref"]: body["Properties"]
        for body in of_type(declared, MAPPING).values()
        if not is_stream(body)
    }
    assert {name for name, worker in workers.items() if worker.get("BatchSize") != 1} == {"SpillFunction"}


def test_whoever_sets_failures_aside_may_write_there(declared: dict[str, Any]) -> None:
    for body in of_type(declared, MAPPING).values():
        if is_stream(body):
            function = declared["Resources"][body["Properties"]["FunctionName"]["Ref"]]
            queue = body["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
            granted = [
                statement
                for policy in function["Properties"]["Policies"]
                for statement in policy.get("Statement", [])
                if statement["Action"] == "sqs:SendMessage" and statement["Resource"] == queue
            ]
            assert granted


def test_somebody_is_told_of_everything_set_aside_late_failed_or_tampered_with(declared: dict[str, Any]) -> None:
    alarms = [body["Properties"] for body in of_type(declared, "AWS::CloudWatch::Alarm").values()]
    watched = {(alarm["MetricName"], str(alarm["Dimensions"][0]["Value"])) for alarm in alarms}
    functions = of_type(declared, "AWS::Serverless::Function")
    for function in functions:
        reference = str({"Ref": function})
        assert ("Errors", reference) in watched
        assert ("Throttles", reference) in watched
    for body in of_type(declared, MAPPING).values():
        if is_stream(body):
            assert ("IteratorAge", str(body["Properties"]["FunctionName"])) in watched
    for queue in set_aside(declared):
        reference = str({"Fn::GetAtt": [queue, "QueueName"]})
        assert ("ApproximateNumberOfMessagesVisible", reference) in watched
    assert {("DeliveryParked", "attribution"), ("LedgerTampered", "figures"), ("LateStraggler", "payouts")} <= watched
    assert {("OrderUnnoted", "figures"), ("MailGivenUp", "payouts")} <= watched
    assert {("BooksBroken", "payouts"), ("BooksUnchecked", "payouts"), ("SecondPassHealed", "attribution")} <= watched
    assert {("Unforeseen", service) for service in ("referrals", "attribution", "payouts")} <= watched
    for name in (name for name, body in functions.items() if "Events" in body["Properties"]):
        assert ("Invocations", str({"Ref": name})) in watched, "nobody would notice that it is not called"
    silence_is_bad = {alarm["MetricName"] for alarm in alarms if alarm["TreatMissingData"] == "breaching"}
    assert silence_is_bad == {"Invocations"}
    assert all(alarm["AlarmActions"] for alarm in alarms)


def test_metrics_of_ours_are_watched_under_the_service_that_counts_them(declared: dict[str, Any]) -> None:
    services = {
        function["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for function in of_type(declared, "AWS::Serverless::Function").values()
    }
    for alarm in of_type(declared, "AWS::CloudWatch::Alarm").values():
        if alarm["Properties"]["Namespace"] == "Vouch":
            dimension = alarm["Properties"]["Dimensions"][0]
            assert dimension["Name"] == "service"
            assert dimension["Value"] in services


def is_stream(mapping: Resource) -> bool:
    return bool(mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][1] == "StreamArn")


def set_aside(declared: dict[str, Any]) -> set[str]:
    """The queues that nothing works on."""
    queues = set(of_type(declared, "AWS::SQS::Queue"))
    return queues - {
        body["Properties"]["EventSourceArn"]["Fn::GetAtt"][0] for body in of_type(declared, MAPPING).values()
    }
