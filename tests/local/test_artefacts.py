"""Built again when the sources changed, and only then; when it fails, the reason is one line."""

from pathlib import Path

import pytest

from local import artefacts
from local.artefacts import Trouble, run_sam, sources_hash


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


def test_a_failure_says_why_in_its_first_line_and_where_to_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam = tmp_path / "sam"
    sam.write_text("#!/bin/sh\necho working on it\necho 'Error: the layer has no vouch'\necho trailing words\nexit 1\n")
    sam.chmod(0o755)
    monkeypatch.setattr(artefacts, "SAM", sam)
    monkeypatch.setattr(artefacts, "LOCAL", tmp_path)
    with pytest.raises(Trouble) as trouble:
        run_sam("build", [])
    first, second = str(trouble.value).splitlines()
    assert first == "sam build failed: the layer has no vouch"
    assert str(tmp_path / "build.log") in second


def test_the_developers_own_aws_settings_do_not_reach_sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sam = tmp_path / "sam"
    sam.write_text("#!/bin/sh\nenv\n")
    sam.chmod(0o755)
    monkeypatch.setattr(artefacts, "SAM", sam)
    monkeypatch.setattr(artefacts, "LOCAL", tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "production")
    run_sam("deploy", [], {"AWS_ENDPOINT_URL": "http://localhost:1"})
    seen = (tmp_path / "deploy.log").read_text()
    assert "AWS_PROFILE" not in seen
    assert "AWS_ENDPOINT_URL=http://localhost:1" in seen
