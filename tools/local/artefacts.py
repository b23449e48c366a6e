"""What `sam build` makes of the sources, made again only when they changed."""

import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.processes import locked
from local.template import REPOSITORY

LOCAL = REPOSITORY / ".local"
BUILD = LOCAL / "build"
SAM = LOCAL / "sam/bin/sam"
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")

# `sam` quotes the answers that it keeps, and TOML escapes the quotes.
_CHOSEN = re.compile(r'(?<=\bArchitecture=)(?P<quote>\\?"?)(?P<architecture>arm64|x86_64)')
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
        _build(BUILD, ARCHITECTURE, "local", wheels="")
        stamp.write_text(wanted)
    return wanted


def architecture_for_aws(wanted: str | None, config: Path = REPOSITORY / "samconfig.toml") -> str:
    """The one that was chosen last, by `wanted` or before: `sam deploy` reads there what the layer was built for."""
    text = config.read_text()
    chosen = _CHOSEN.search(text)
    if chosen is None:
        raise Trouble(f'{config} has no Architecture: put parameter_overrides = "Architecture=arm64" into it.')
    if wanted and wanted != chosen["architecture"]:
        config.write_text(_CHOSEN.sub(rf"\g<quote>{wanted}", text))
    return wanted or chosen["architecture"]


def build_for_aws(architecture: str, folder: Path = REPOSITORY / ".aws-sam/build") -> None:
    """Into the folder where `sam deploy` looks."""
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    with alone():
        _build(folder, architecture, "default", wheels=f"{machine}-manylinux_2_28")


def _build(folder: Path, architecture: str, configuration: str, *, wheels: str) -> None:
    folder.parent.mkdir(exist_ok=True)
    log = folder.with_suffix(".log")
    options = ["--build-dir", str(folder), "--parameter-overrides", f"Architecture={architecture}"]
    run_sam("build", ["--config-env", configuration, *options], log, {"PLATFORM": wheels})
    _compile_functions(folder, log)


def _compile_functions(build_folder: Path, log: Path) -> None:
    """SAM leaves bytecode out of functions, and their zips date every file 1980: only unchecked bytecode is used."""
    folders = (path for path in build_folder.iterdir() if path.is_dir() and not path.name.endswith("Layer"))
    for function in sorted(folders):
        command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        _run([*command, "-s", str(function), "-p", "/var/task", str(function)], "Compiling functions", log)


def run_sam(command: str, arguments: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    config = ["--config-file", str(REPOSITORY / "samconfig.toml")]
    _run([str(SAM), command, *config, *arguments], f"sam {command}", log, environment)


def _run(command: list[str], name: str, log: Path, environment: Mapping[str, str] | None = None) -> None:
    with log.open("wb") as output:
        ended = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        raise Trouble(f"{name} failed: {_reason(log.read_text())}\nThe whole story is in {log}.")


def _environment() -> dict[str, str]:
    """Without the developer's AWS settings, and past their proxy: both would lead away from this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    direct = ",".join(filter(None, ["localhost,127.0.0.1", kept.get("no_proxy") or kept.get("NO_PROXY")]))
    return kept | {"no_proxy": direct, "NO_PROXY": direct} | {"PATH": tools, "SAM_CLI_TELEMETRY": "0"}


def _reason(story: str) -> str:
    lines = [line.strip() for line in story.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"Error:|\w*Error: ", line) or "_FAILED" in line]
    return (errors or lines or ["it said nothing"])[0 if errors else -1].removeprefix("Error: ")


def _source_files(repository: Path) -> Iterator[Path]:
    for source in (repository / name for name in _SOURCES):
        files = [source] if source.is_file() else sorted(source.rglob("*"))
        yield from (path for path in files if path.is_file() and "__pycache__" not in path.parts)


@contextmanager
def alone() -> Iterator[None]:
    """What was built is neither made nor read by two runs at once."""
    lock = LOCAL / "build.lock"
    lock.touch()
    with locked(lock):
        yield
