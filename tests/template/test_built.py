"""What goes to Lambda works from the built files alone: what only the checkout has would be found missing there."""

import importlib.util
import json
import subprocess
import sys
from importlib.machinery import SourcelessFileLoader
from pathlib import Path
from typing import Any

import pytest

from local import artefacts
from local.template import REPOSITORY, of_type

CHECK_SOURCE = 0b10
UNCHECKED_HASH = 0b01

PROBE = """
import importlib, json, sys
sys.path[:0] = {folders}
module, _, name = {handler!r}.rpartition(".")
handler = getattr(importlib.import_module(module), name)
print(json.dumps({{"callable": callable(handler), "modules": sorted(sys.modules)}}))
"""


def test_every_handler_imports_from_the_built_files_alone(declared: dict[str, Any], built: Path) -> None:
    for name, function in of_type(declared, "AWS::Serverless::Function").items():
        assert probe(built, name, function["Properties"]["Handler"])["callable"], name


def test_the_redirect_loads_nothing_that_it_does_not_need(declared: dict[str, Any], built: Path) -> None:
    handler = declared["Resources"]["RedirectFunction"]["Properties"]["Handler"]
    loaded = {module.split(".")[0] for module in probe(built, "RedirectFunction", handler)["modules"]}
    assert not loaded & {"pydantic", "cryptography", "aws_xray_sdk", "boto3"}


def test_the_storefronts_snippet_lies_beside_who_serves_it(built: Path) -> None:
    snippet = "referrals/embed.js"
    assert (built / "RedirectFunction" / snippet).read_bytes() == (REPOSITORY / "functions" / snippet).read_bytes()


def test_every_module_has_bytecode_that_lambda_will_use(built: Path) -> None:
    sources = [path for path in built.rglob("*.py") if "__pycache__" not in path.parts]
    assert len(sources) > 500
    for source in sources:
        compiled = Path(importlib.util.cache_from_source(str(source)))
        header = compiled.read_bytes()[:8]
        assert header[:4] == importlib.util.MAGIC_NUMBER
        flags = int.from_bytes(header[4:], "little")
        assert flags & UNCHECKED_HASH, f"{compiled} is checked against a date"
        assert not flags & CHECK_SOURCE, f"{compiled} is checked against its source"


def test_bytecode_names_the_place_where_lambda_puts_it(built: Path) -> None:
    compiled = importlib.util.cache_from_source(str(built / "CoreLayer/python/vouch/config.py"))
    code = SourcelessFileLoader("config", compiled).get_code("config")
    assert code is not None
    assert code.co_filename == "/opt/python/vouch/config.py"


def test_time_zones_come_with_the_layer(built: Path) -> None:
    """Lambda has none of its own."""
    code = (
        f"import sys, zoneinfo; sys.path.insert(0, {str(built / 'CoreLayer/python')!r}); zoneinfo.reset_tzpath(to=[]); "
        "print(zoneinfo.ZoneInfo('Asia/Jerusalem'))"
    )
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "Asia/Jerusalem", ran.stderr


def test_the_layer_describes_only_services_that_we_call(built: Path) -> None:
    data = built / "CoreLayer/python/botocore/data"
    services = {path.name for path in data.iterdir() if path.is_dir()}
    assert services == {"dynamodb", "kms", "s3", "secretsmanager", "sesv2", "sqs", "sts"}


@pytest.mark.parametrize("architecture, machine", [("arm64", "aarch64"), ("x86_64", "x86_64")])
def test_what_goes_to_aws_holds_wheels_for_its_processor(tmp_path: Path, architecture: str, machine: str) -> None:
    artefacts.build_for_aws(architecture, tmp_path / "build")
    libraries = list((tmp_path / "build/CoreLayer").rglob("*.so"))
    assert libraries
    assert all(f"-{machine}-linux-gnu" in library.name for library in libraries)


def probe(built: Path, function: str, handler: str) -> dict[str, Any]:
    """Import as Lambda would: no site-packages, no variables, only the layer and the function."""
    folders = [str(built / "CoreLayer/python"), str(built / function)]
    code = PROBE.format(folders=folders, handler=handler)
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    result: dict[str, Any] = json.loads(ran.stdout)
    return result
