"""A deployed Vouch on this machine: for `make run`, and for tests that want one to themselves.

with stack.running() as vouch:
    urlopen(f"{vouch.api_url}/v1/health")
"""

import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import deployment
from local.artefacts import Trouble, build
from local.emulator import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Emulator, forget_process, rewrite
from local.processes import free_port, is_taken, locked
from local.progress import Progress, Silence

_QUIET_SECONDS = 3.0  # longer than a retry and its cold start, which log nothing until they are over
_MEMORY = "memory.json"
_STACK = "stack.json"
_QUEUES = (
    "WakeQueueUrl",
    "SpreadQueueUrl",
    "SpillQueueUrl",
    "SimulateQueueUrl",
    "FetchQueueUrl",
    "PrivacyQueueUrl",
    "PayQueueUrl",
    "MailQueueUrl",
)


@dataclass(frozen=True)
class LogLine:
    function: str
    at_ms: int
    text: str


@dataclass(frozen=True)
class Stack:
    api_url: str
    operator_key: str
    endpoint: str
    outputs: dict[str, str]
    demo: dict[str, Any] = field(default_factory=dict)
    region: str = REGION
    access_key_id: str = ACCESS_KEY_ID
    secret_access_key: str = SECRET_ACCESS_KEY

    @classmethod
    def of(cls, emulator: Emulator, demo: dict[str, Any] | None = None) -> Self:
        stack = cls(api_url(emulator), "", emulator.endpoint, {}, demo or {})
        outputs = deployment.outputs(stack.client)
        secret = stack.client("secretsmanager").get_secret_value(SecretId=outputs["OperatorKeyArn"])
        return replace(stack, operator_key=secret["SecretString"], outputs=outputs)

    def client(self, service: str) -> Any:
        """A client of AWS as this stack has it, whatever profile and proxy the developer has."""
        return botocore.session.Session({"profile": (None, None, None, None)}).create_client(
            service,
            config=Config(proxies={}),
            region_name=self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )

    def invoke(self, function: str, event: dict[str, Any], *, wait: bool = True) -> Any:
        """Call a function by its name in the template; what it answers, if that is waited for."""
        kind = "RequestResponse" if wait else "Event"
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs[f"{function}Name"], InvocationType=kind, Payload=json.dumps(event)
        )
        return json.loads(answer["Payload"].read() or "null")

    def logs(self, since_ms: int = 0) -> list[LogLine]:
        """Every line that every function has logged."""
        logs = self.client("logs")
        return [
            LogLine(group["logGroupName"].rsplit("/", 1)[-1], event["timestamp"], event["message"])
            for page in logs.get_paginator("describe_log_groups").paginate()
            for group in page["logGroups"]
            for events in logs.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"], startTime=since_ms
            )
            for event in events["events"]
        ]

    def await_quiet(self, seconds: float = 60, *, silent: float = _QUIET_SECONDS) -> bool:
        """Wait until no message can be taken and no function has logged for a while; False if that takes longer.

        Whatever comes in by a door is logged there before a stream hands it on, so silence means done. A cold start
        has to fit into `silent` seconds, which on a slow machine are more than ours.
        """
        deadline = time.monotonic() + seconds
        while not self._is_quiet(silent):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def _is_quiet(self, silent: float) -> bool:
        queues = self.client("sqs")
        for queue in _QUEUES:
            asked = {"QueueUrl": self.outputs[queue], "AttributeNames": ["ApproximateNumberOfMessages"]}
            if int(queues.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"]):
                return False
        return not self.logs(since_ms=int((time.time() - silent) * 1000))

    def save(self, home: Path) -> None:
        (home / _STACK).write_text(json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n")


type Seed = Callable[[Stack, Progress], dict[str, Any]]


def api_url(emulator: Emulator) -> str:
    return f"http://127.0.0.1:{emulator.port}"


@contextmanager
def running(*, home: Path | None = None, port: int | None = None, seed: Seed | None = None) -> Iterator[Stack]:
    """A stack of one's own, on a free port. A `home` that is given keeps its state for the next time."""
    with tempfile.TemporaryDirectory() as temporary:
        emulator = Emulator(home or Path(temporary), port or free_port())
        try:
            yield up(emulator, seed, Silence(), lasting=home is not None)
        finally:
            if emulator.is_running():
                down(emulator, Silence()) if home else emulator.stop()


def up(emulator: Emulator, seed: Seed | None, progress: Progress, *, lasting: bool = True) -> Stack:
    """Bring it up from whatever there is: nothing, a saved state, sources that changed since, a stack that runs."""
    with _alone(emulator.home):
        memory = _Memory.of(emulator.home)
        was_running = _runs_already(emulator)
        if memory.deployed:
            seed = None  # addresses of links are everybody's: in a state without the demo some of its may be taken
        with progress.step("Build"):
            wanted = f"{build()} {api_url(emulator)}"
        if was_running and not memory.deployed:
            emulator.stop()  # whoever started it was killed before it was ready
            was_running = False
        if not was_running:
            if not memory.deployed:
                emulator.forget()  # what a first run that never became ready left behind
            with progress.step("Start the emulator"):
                emulator.start()
        try:
            stack = _ready(emulator, memory, wanted, seed, progress)
            if lasting and not memory.deployed:
                with progress.step("Save, and start again"):
                    _begin_again(emulator, stack, replace(memory, deployed=wanted, demo=stack.demo))
            else:
                replace(memory, deployed=wanted, demo=stack.demo).keep()
                if not was_running:
                    _catch_up(stack, memory.stopped_at)
        except BaseException:
            if not was_running and emulator.is_running():
                down(emulator, progress)
            raise
        stack.save(emulator.home)
        return stack


def _ready(emulator: Emulator, memory: "_Memory", wanted: str, seed: Seed | None, progress: Progress) -> Stack:
    if memory.deployed != wanted:
        _deploy(emulator, progress)
    stack = Stack.of(emulator, memory.demo_at(api_url(emulator)))
    if not seed:
        return stack
    with progress.step("Seed the demo"):
        return replace(stack, demo=seed(stack, progress))


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """While it is brought up or forgotten nobody else does either."""
    home.mkdir(exist_ok=True)
    with locked(home, Trouble("Another `make run` or `make reset` is at work here: wait for it, or end it.")):
        yield


def _runs_already(emulator: Emulator) -> bool:
    found = Emulator.found(emulator.home)
    if found not in {None, emulator}:
        raise Trouble(f"Vouch already runs, on port {found.port}: `make stop` ends it.")
    if not found and is_taken(emulator.port):
        raise Trouble(f"Port {emulator.port} is in use: end what listens there, or choose another with PORT=.")
    return found is not None


def _deploy(emulator: Emulator, progress: Progress) -> None:
    with progress.step("Deploy"):
        deployment.deploy(emulator, api_url(emulator))
        stack = Stack.of(emulator)
        deployment.complete(stack.client, stack.outputs)
    with progress.step("Call each function once"):
        deployment.warm(stack.client, stack.api_url, stack.outputs)


def _begin_again(emulator: Emulator, stack: Stack, ready: "_Memory") -> None:
    """So that a crash has something to fall back to."""
    stack.await_quiet()
    emulator.stop()
    replace(ready, stopped_at=time.time()).keep()
    emulator.start()
    _wake_readers(stack)


def _catch_up(stack: Stack, stopped_at: float | None) -> None:
    """Whatever was delivered shortly before the stop is settled once more: its stream is gone."""
    _wake_readers(stack)
    if stopped_at:
        hours = math.ceil((time.time() - stopped_at) / 3600) + 1
        stack.invoke("SecondPassFunction", {"hours": hours}, wait=False)


def _wake_readers(stack: Stack) -> None:
    """Awake they take a record in milliseconds. What one that still starts has not taken at a stop is lost."""
    for reader in deployment.stream_readers():
        stack.invoke(reader, {"warm": True}, wait=False)


def down(emulator: Emulator, progress: Progress) -> None:
    """What a stream has not handed on by now is lost with the emulator, so readers are given time."""
    memory = _Memory.of(emulator.home)
    if memory.deployed and emulator.is_ready():
        with progress.step("Let what is under way finish"), suppress(Trouble, BotoCoreError, ClientError):
            Stack.of(emulator).await_quiet(seconds=20)
    with progress.step("Save the state"):
        emulator.stop()
    replace(memory, stopped_at=time.time()).keep()


def reset(home: Path) -> None:
    with _alone(home):
        emulator = Emulator.found(home)
        if emulator:
            emulator.stop()
        shutil.rmtree(home / "state", ignore_errors=True)
        for name in (_MEMORY, _STACK):
            (home / name).unlink(missing_ok=True)
        forget_process(home)


@dataclass(frozen=True)
class _Memory:
    """What one run tells the next. Nothing is deployed until the first run was ready and its state saved."""

    home: Path
    deployed: str = ""
    demo: dict[str, Any] = field(default_factory=dict)
    stopped_at: float | None = None

    @classmethod
    def of(cls, home: Path) -> Self:
        try:
            return cls(home, **json.loads((home / _MEMORY).read_text()))
        except FileNotFoundError:
            return cls(home)

    def demo_at(self, url: str) -> dict[str, Any]:
        """The demo with its addresses as they are now: another run may have another port."""
        last_url = self.deployed.rpartition(" ")[2]
        demo: dict[str, Any] = json.loads(json.dumps(self.demo).replace(last_url, url)) if last_url else self.demo
        return demo

    def keep(self) -> None:
        told = {"deployed": self.deployed, "demo": self.demo, "stopped_at": self.stopped_at}
        rewrite(self.home / _MEMORY, json.dumps(told))
