"""What `make` is told reaches whom it is meant for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.template import REPOSITORY

NEW = 'openjdk version "21.0.4" 2024-07-16 LTS'
OLD = 'openjdk version "11.0.2" 2019-01-15'
ANCIENT = 'java version "1.8.0_202"'
NONE = "The operation couldn’t be completed. Unable to locate a Java Runtime."


def typed(*arguments: str) -> str:
    """What `make` would do."""
    return make("-n", *arguments).stdout


def make(*arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/usr/bin/env", "make", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_deploying_says_nothing_that_would_replace_the_answers() -> None:
    [deploys] = [line for line in typed("deploy").splitlines() if "sam deploy" in line]
    assert deploys.split() == [".local/sam/bin/sam", "deploy", "--guided"]


@pytest.mark.parametrize("said, detached", [([], False), (["DETACH=0"], False), (["DETACH=1"], True)])
def test_a_run_is_detached_when_that_is_said(said: list[str], detached: bool) -> None:
    assert ("--detach" in typed("run", *said)) is detached


@pytest.mark.parametrize("said, suits", [(NEW, True), (OLD, False), (ANCIENT, False), (NONE, False)])
def test_java_is_asked_for_its_version(tmp_path: Path, said: str, suits: bool) -> None:
    for name, script in {"java": f"echo '{said}' >&2", "id": "echo 1000"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    made = make("java", path=f"{tmp_path}:{os.environ['PATH']}")
    assert (made.returncode == 0) is suits
    assert ("Java is missing or too old" in made.stderr) is not suits


@pytest.mark.parametrize("there", [True, False])
def test_chromium_is_asked_for_before_the_tests_are(tmp_path: Path, there: bool) -> None:
    (tmp_path / "make").symlink_to(shutil.which("make") or "make")
    for name in ("id", *(["chromium"] if there else [])):
        (tmp_path / name).write_text("#!/bin/sh\necho 1000\n")
        (tmp_path / name).chmod(0o755)
    made = make("chromium", path=str(tmp_path))
    assert (made.returncode == 0) is there
    assert ("Chromium is missing" in made.stderr) is not there
