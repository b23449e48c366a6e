"""Built again when the sources changed, and only then; when it fails, the reason is one line."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from local import artefacts, deployment
from local.artefacts import Trouble, architecture_for_aws, build_for_aws, run_sam, sources_hash
from local.emulator import Emulator
from local.template import REPOSITORY


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("functions/referrals", "layers/core/vouch"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("template.yaml", "samconfig.toml", "functions/referrals/api.py", "layers/core/vouch/config.py"):
        (tmp_path / name).write_text("1")
    return tmp_path


@pytest.mark.parametrize("changed", ["template.yaml", "functions/referrals/api.py", "layers/core/vouch/config.py"])
def test_a_change_of_any_source_is_seen(repository: Path, changed: str) -> None:
    before = sources_hash(repository)
    (repository / changed).write_text("2")
    assert sources_hash(repository) != before


def test_a_source_that_moves_is_seen(repository: Path) -> None:
    before = sources_hash(repository)
    (repository / "functions/referrals/api.py").rename(repository / "functions/referrals/door.py")
    assert sources_hash(repository) != before


def test_what_python_leaves_behind_changes_nothing(repository: Path) -> None:
    before = sources_hash(repository)
    (repository / "functions/referrals/__pycache__").mkdir()
    (repository / "functions/referrals/__pycache__/api.cpython-313.pyc").write_bytes(b"x")
    (repository / "template.yaml").touch()
    assert sources_hash(repository) == before


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A `sam` that does what the test says."""
    program = tmp_path / "sam"
    monkeypatch.setattr(artefacts, "SAM", program)
    monkeypatch.setattr(artefacts, "LOCAL", tmp_path)

    def does(script: str) -> None:
        program.write_text(f"#!/bin/sh\n{script}")
        program.chmod(0o755)

    return does


def test_a_failure_says_why_in_its_first_line_and_where_to_read_on(tmp_path: Path, sam: Callable[[str], None]) -> None:
    sam("echo working on it\necho 'Error: the layer has no vouch'\necho trailing words\nexit 1\n")
    with pytest.raises(Trouble) as trouble:
        run_sam("build", [], tmp_path / "a.log")
    first, second = str(trouble.value).splitlines()
    assert first == "sam build failed: the layer has no vouch"
    assert str(tmp_path / "a.log") in second


def test_a_function_that_is_no_python_is_told_as_any_other_failure(tmp_path: Path, sam: Callable[[str], None]) -> None:
    sam("exit 0\n")
    (tmp_path / "build/ReferralsApi").mkdir(parents=True)
    (tmp_path / "build/ReferralsApi/api.py").write_text("def handler(:\n")
    with pytest.raises(Trouble) as trouble:
        build_for_aws("arm64", tmp_path / "build")
    assert str(trouble.value).splitlines() == [
        "Compiling functions failed: SyntaxError: invalid syntax",
        f"The whole story is in {tmp_path / 'build.log'}.",
    ]


def test_the_developers_own_aws_settings_do_not_reach_sam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sam: Callable[[str], None]
) -> None:
    sam("env\n")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("no_proxy", "internal.example")
    run_sam("deploy", [], tmp_path / "deploy.log", {"AWS_ENDPOINT_URL": "http://localhost:1"})
    seen = (tmp_path / "deploy.log").read_text()
    assert "AWS_PROFILE" not in seen
    assert "AWS_ENDPOINT_URL=http://localhost:1" in seen
    assert "no_proxy=localhost,127.0.0.1,internal.example" in seen


# --- what was answered for AWS ----------------------------------------------------------------------------------------

ANSWERED = """
version = 0.1

[default.global.parameters]
region = "eu-west-1"

[default.deploy.parameters]
region = "eu-west-1"
profile = "production"
stack_name = "vouch-at-acme"
parameter_overrides = "Architecture=\\"x86_64\\" PublicUrl=\\"https://go.acme.example\\""
"""


def test_it_is_built_for_what_was_answered_last(tmp_path: Path) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(ANSWERED)
    assert architecture_for_aws(None, config) == "x86_64"
    assert config.read_text() == ANSWERED


def test_another_architecture_is_the_only_answer_that_changes(tmp_path: Path) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(ANSWERED)
    assert architecture_for_aws("arm64", config) == "arm64"
    assert config.read_text() == ANSWERED.replace("x86_64", "arm64")
    assert architecture_for_aws(None, config) == "arm64"


def test_our_own_configuration_names_one_before_anybody_answered() -> None:
    assert architecture_for_aws(None) in {"arm64", "x86_64"}


def test_the_answers_do_not_reach_the_local_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is deployed to where everything that reads from it looks for it."""
    signed: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            signed.append(self.headers["Authorization"])
            self.send_response(403)
            self.end_headers()

    local = (REPOSITORY / "samconfig.toml").read_text().partition("[local.global.parameters]")[2]
    (tmp_path / "samconfig.toml").write_text(f"{ANSWERED}\n[local.global.parameters]{local}")
    (tmp_path / "template.yaml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}")
    (tmp_path / "build.lock").touch()
    monkeypatch.setattr(artefacts, "REPOSITORY", tmp_path)
    monkeypatch.setattr(artefacts, "LOCAL", tmp_path)
    monkeypatch.setattr(deployment, "BUILD", tmp_path)
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(Trouble, match="sam deploy failed"):
            deployment.deploy(Emulator(tmp_path, server.server_port), "http://127.0.0.1")
        server.shutdown()
    assert {line.split("/")[2] for line in signed} == {"us-east-1"}, (tmp_path / "deploy.log").read_text()
