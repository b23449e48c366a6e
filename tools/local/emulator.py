"""The emulator's life: started on loopback, ended so that it saves what it holds."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.artefacts import LOCAL, Trouble
from local.processes import NotReadyError, answers, await_ready, is_locked

ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - the emulator's own, on loopback
REGION = "us-east-1"

_PROGRAM = LOCAL / "emulator/bin/ministack"
_PID_FILE = "emulator.pid"
_ASKED_TO_END = "asked-to-end"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, for this user alone
_QUEUE_URL = re.compile(r"http://localhost:\d+/(?P<account>\d{12})/")
_STARTS_WITHIN = 60
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
        """The one that lives with this home, whoever started it, and whether or not it answers just now.

        It holds the file that names it, and the system lets go of that with the process: no other is taken for it.
        """
        return cls(home, _named(home)[1]) if is_locked(home / _PID_FILE) else None

    def start(self) -> None:
        with (self.home / _PID_FILE).open("a+") as pid_file, (self.home / "emulator.log").open("wb") as log:
            fcntl.flock(pid_file, fcntl.LOCK_EX)
            pid_file.truncate(0)
            self._mend_saved_state()
            state, scratch = self.home / "state", self._empty_scratch()
            state.mkdir(parents=True, exist_ok=True)
            # In a session of its own: Ctrl-C is for us, who let the consumers finish before it ends.
            process = subprocess.Popen(
                [str(_PROGRAM)],
                env=self._environment(state, scratch),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[pid_file.fileno()],
            )
            pid_file.write(f"{process.pid} {self.port}")
        _children[process.pid] = process
        try:
            await_ready(process, self.is_ready, seconds=_STARTS_WITHIN)
        except BaseException as error:
            # Not asked to end: half awake, it would save half of what it had saved before.
            process.kill()
            process.wait()
            (self.home / _PID_FILE).unlink()
            sweep()
            if isinstance(error, NotReadyError):
                raise Trouble(f"The emulator did not start: {error}. See {self.home / 'emulator.log'}.") from error
            raise

    def is_running(self) -> bool:
        return Emulator.found(self.home) == self

    def is_ready(self) -> bool:
        return answers(f"{self.endpoint}/_ministack/ready", status=200)

    def stop(self) -> None:
        """Ask it to end and wait: that is when it saves its state."""
        pid, _ = _named(self.home)
        if not self.was_asked_to_end():  # twice, and the second would disturb it while it saves
            with (self.home / _PID_FILE).open("a") as pid_file:
                pid_file.write(f" {_ASKED_TO_END}")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _SAVES_WITHIN
        while self.is_running():
            if time.monotonic() > deadline:
                raise Trouble(f"The emulator does not end: `kill -9 {pid}` ends it, and what it has not saved is lost.")
            time.sleep(0.05)
        if pid in _children:
            _children.pop(pid).wait()
        sweep()

    def was_asked_to_end(self) -> bool:
        try:
            return _ASKED_TO_END in (self.home / _PID_FILE).read_text()
        except FileNotFoundError:  # since forgotten
            return True

    def forget(self) -> None:
        shutil.rmtree(self.home / "state", ignore_errors=True)

    def _empty_scratch(self) -> Path:
        """Each worker unpacks its code here, twice as fast in memory as on a disk."""
        sweep()
        scratch = _scratch_root() / f"{_scratch_prefix()}{self.port}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        (scratch / "home").write_text(str(self.home))
        return scratch

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
                rewrite(saved, _QUEUE_URL.sub(f"{self.endpoint}/\\g<account>/", saved.read_text()))
        saved = self.home / "state/lambda.json"
        if saved.exists():
            # Streams start empty; with their old positions readers would skip as many records as they once read.
            contents = json.loads(saved.read_bytes())
            contents["payload"]["dynamodb_stream_positions"]["data"] = {}
            rewrite(saved, json.dumps(contents))


_children: dict[int, subprocess.Popen[bytes]] = {}


def rewrite(path: Path, text: str) -> None:
    """Whole or not at all, whenever we are interrupted."""
    half = path.with_name(f"{path.name}.half")
    half.write_text(text)
    half.replace(path)


def sweep() -> None:
    """Away with what emulators have left in memory that did not end by our hand: hundreds of megabytes each."""
    for scratch in _scratch_root().glob(f"{_scratch_prefix()}*"):
        try:
            home = Path((scratch / "home").read_text())
        except OSError:  # somebody has made it this moment
            continue
        if not is_locked(home / _PID_FILE):
            shutil.rmtree(scratch, ignore_errors=True)


def forget_process(home: Path) -> None:
    (home / _PID_FILE).unlink(missing_ok=True)
    sweep()


def _scratch_root() -> Path:
    return _MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir())


def _scratch_prefix() -> str:
    return f"vouch-{os.getuid()}-"


def _named(home: Path) -> tuple[int, int]:
    """Process and port."""
    for _ in range(20):
        match (home / _PID_FILE).read_text().split():
            case [pid, port, *_]:
                return int(pid), int(port)
        time.sleep(0.05)  # it is being started this moment
    raise Trouble(f"{home / _PID_FILE} names no process; try again in a moment.")
