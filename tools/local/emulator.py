"""The emulator's life: started on loopback, ended so that it saves what it holds."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.artefacts import LOCAL, Trouble
from local.processes import NotReadyError, answers, await_ready

ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - the emulator's own, on loopback
REGION = "us-east-1"

_PROGRAM = LOCAL / "emulator/bin/ministack"
_PID_FILE = "emulator.pid"
_QUEUE_URL = re.compile(r"http://localhost:\d+/(?P<account>\d{12})/")
_SAVES_WITHIN = 60


@dataclass(frozen=True)
class Emulator:
    home: Path
    port: int

    @property
    def endpoint(self) -> str:
        """AWS by this name; the product answers on 127.0.0.1, and the emulator tells them apart by the Host header."""
        return f"http://localhost:{self.port}"

    @classmethod
    def found(cls, home: Path) -> Self | None:
        """The one that runs with this home, whoever started it."""
        try:
            pid, port = map(int, (home / _PID_FILE).read_text().split())
        except FileNotFoundError:
            return None
        emulator = cls(home, port)
        return emulator if _lives(pid) and emulator._is_ready() else None

    def start(self) -> None:
        self._mend_saved_state()
        state, scratch = self.home / "state", self._empty_scratch()
        state.mkdir(parents=True, exist_ok=True)
        with (self.home / "emulator.log").open("ab") as log:
            # In a session of its own: Ctrl-C is for us, who let the consumers finish before it ends.
            process = subprocess.Popen(
                [str(_PROGRAM)],
                env=self._environment(state, scratch),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _children[process.pid] = process
        (self.home / _PID_FILE).write_text(f"{process.pid} {self.port}")
        try:
            await_ready(process, self._is_ready, seconds=60)
        except NotReadyError as error:
            raise Trouble(f"The emulator did not start: {error}. See {self.home / 'emulator.log'}.") from error

    def is_running(self) -> bool:
        return Emulator.found(self.home) == self

    def stop(self) -> None:
        """Ask it to end and wait: that is when it saves its state."""
        pid = int((self.home / _PID_FILE).read_text().split()[0])
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _SAVES_WITHIN
        while _lives(pid):
            if time.monotonic() > deadline:
                raise Trouble(f"The emulator (process {pid}) does not end. See {self.home / 'emulator.log'}.")
            time.sleep(0.05)
        (self.home / _PID_FILE).unlink()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def forget(self) -> None:
        shutil.rmtree(self.home / "state", ignore_errors=True)

    def _is_ready(self) -> bool:
        return answers(f"{self.endpoint}/_ministack/ready", status=200)

    @property
    def _scratch(self) -> Path:
        """Each worker unpacks its code here, twice as fast in memory as on a disk."""
        memory = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, for this user alone
        return (memory if memory.is_dir() else Path(tempfile.gettempdir())) / f"vouch-{os.getuid()}-{self.port}"

    def _empty_scratch(self) -> Path:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(mode=0o700)
        return self._scratch

    def _environment(self, state: Path, scratch: Path) -> dict[str, str]:
        """All of it: functions inherit it, and a profile or proxy of the developer's would mislead them."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AUTH": "true",  # a role without the right is refused, as on AWS
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # or it listens on every interface
            "LAMBDA_WARM_TTL_SECONDS": "86400",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "s3"),
            "TMPDIR": str(scratch),
        }

    def _mend_saved_state(self) -> None:
        """What it saved is not what it needs when it starts again."""
        for name in ("cloudformation", "lambda", "sqs"):
            saved = self.home / f"state/{name}.json"
            if saved.exists():
                # A queue's readers look for it under the port of now.
                saved.write_text(_QUEUE_URL.sub(f"{self.endpoint}/\\g<account>/", saved.read_text()))
        saved = self.home / "state/lambda.json"
        if saved.exists():
            # Streams start empty; with their old positions readers would skip as many records as they once read.
            contents = json.loads(saved.read_bytes())
            contents["payload"]["dynamodb_stream_positions"]["data"] = {}
            saved.write_text(json.dumps(contents))


_children: dict[int, subprocess.Popen[bytes]] = {}


def _lives(pid: int) -> bool:
    if pid in _children:
        # A child that has ended stays in the process table until its parent asks.
        return _children[pid].poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
