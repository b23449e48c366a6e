"""What `sam build` makes of the sources, made again only when they changed."""

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.template import REPOSITORY

LOCAL = REPOSITORY / ".local"
BUILD = LOCAL / "build"
SAM = LOCAL / "sam/bin/sam"
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")

_SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers")


class Trouble(Exception):
    """What went wrong and what to do about it."""


def sources_hash(repository: Path = REPOSITORY) -> str:
    digest = hashlib.sha256(f"{sys.version} {platform.platform()}".encode())
    for path in _source_files(repository):
        digest.update(str(path.relative_to(repository)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build() -> str:
    """Bring BUILD up to date and give the hash of what it was made from."""
    LOCAL.mkdir(exist_ok=True)
    with alone():
        stamp, wanted = BUILD / ".sources", sources_hash()
        if stamp.exists() and stamp.read_text() == wanted:
            return wanted
        stamp.unlink(missing_ok=True)
        _build(BUILD, ARCHITECTURE, wheels="")
        stamp.write_text(wanted)
    return wanted


def build_for_aws(architecture: str, folder: Path = REPOSITORY / ".aws-sam/build") -> None:
    """Into the folder where `sam deploy` looks."""
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    _build(folder, architecture, wheels=f"{machine}-manylinux_2_28")


def _build(folder: Path, architecture: str, *, wheels: str) -> None:
    options = ["--build-dir", str(folder), "--parameter-overrides", f"Architecture={architecture}"]
    run_sam("build", options, {"PLATFORM": wheels})
    _compile_functions(folder)


def _compile_functions(build_folder: Path) -> None:
    """SAM leaves bytecode out of functions, and their zips date every file 1980: only unchecked bytecode is used."""
    for function in sorted(path for path in build_folder.iterdir() if path.is_dir() and path.name != "CoreLayer"):
        command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        subprocess.run([*command, "-s", str(function), "-p", "/var/task", str(function)], check=True)


def run_sam(command: str, arguments: list[str], environment: Mapping[str, str] | None = None) -> None:
    log = LOCAL / f"{command}.log"
    with log.open("wb") as output:
        ended = subprocess.run(
            [str(SAM), command, "--config-file", str(REPOSITORY / "samconfig.toml"), *arguments],
            cwd=REPOSITORY,
            env=_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        raise Trouble(f"sam {command} failed: {_reason(log.read_text())}\nThe whole story is in {log}.")


def _environment() -> dict[str, str]:
    """Without the developer's AWS settings: a profile or proxy there would lead away from this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": tools, "SAM_CLI_TELEMETRY": "0"}


def _reason(story: str) -> str:
    lines = [line.strip() for line in story.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error:") or "_FAILED" in line]
    return (errors or lines or ["it said nothing"])[0 if errors else -1].removeprefix("Error: ")


def _source_files(repository: Path) -> Iterator[Path]:
    for source in (repository / name for name in _SOURCES):
        files = [source] if source.is_file() else sorted(source.rglob("*"))
        yield from (path for path in files if path.is_file() and "__pycache__" not in path.parts)


@contextmanager
def alone() -> Iterator[None]:
    """What was built is neither made nor read by two runs at once."""
    with (LOCAL / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
