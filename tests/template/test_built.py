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
AARCH64 = 0xB7
X86_64 = 0x3E
"""How ELF names the processors."""

PROBE = """
import importlib, json, sys
sys.path[:0] = {folders}
module, _, name = {handler!r}.rpartition(".")
handler = getattr(importlib.import_module(module), name)
print(json.dumps({{"callable": callable(handler), "modules": sorted(sys.modules)}}))
"""

DRAWS = """
from datetime import UTC, datetime
from documents.statements import drawn
from vouch.service.statement_papers import StatementPaper
from vouch.service.statements import Line, Statement, Totals

at = datetime(2026, 5, 4, tzinfo=UTC)
line = Line("ent_1", "", at, "settle", "ord_1", 5, 5)
statement = Statement("ILS", at, at, 0, 5, Totals(5, 0), [line], None)
paper = StatementPaper("ST-1", "Mugs", "נועה", "he", "Asia/Jerusalem", at, statement, {})
sys.stdout.buffer.write(drawn(paper))
"""


def test_every_handler_imports_from_the_built_files_alone(declared: dict[str, Any], built: Path) -> None:
    for name, function in of_type(declared, "AWS::Serverless::Function").items():
        assert probe(built, name, function["Properties"])["callable"], name


def test_the_redirect_loads_nothing_that_it_does_not_need(declared: dict[str, Any], built: Path) -> None:
    redirect = declared["Resources"]["RedirectFunction"]["Properties"]
    loaded = {module.split(".")[0] for module in probe(built, "RedirectFunction", redirect)["modules"]}
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


@pytest.mark.parametrize(
    "source, place",
    [
        ("CoreLayer/python/vouch/config.py", "/opt/python/vouch/config.py"),
        ("DocumentsLayer/python/documents/bidi.py", "/opt/python/documents/bidi.py"),
        ("StatementFunction/payouts/papers.py", "/var/task/payouts/papers.py"),
    ],
)
def test_bytecode_names_the_place_where_lambda_puts_it(built: Path, source: str, place: str) -> None:
    compiled = importlib.util.cache_from_source(str(built / source))
    code = SourcelessFileLoader("any", compiled).get_code("any")
    assert code is not None
    assert code.co_filename == place


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


def test_papers_are_drawn_by_what_their_own_layer_holds(built: Path) -> None:
    """Nothing of it is in the layer that all functions load, and of both there is nothing twice."""
    core, papers = (built / layer / "python" for layer in ("CoreLayer", "DocumentsLayer"))
    held_by = [{path.name for path in layer.iterdir() if path.name[0] not in "._"} for layer in (core, papers)]
    assert not set.intersection(*held_by)
    assert not (papers / "PIL").exists()
    code = f"import sys, zoneinfo; sys.path[:0] = {[str(core), str(papers)]}; zoneinfo.reset_tzpath(to=[])\n{DRAWS}"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=False)
    assert ran.stdout.startswith(b"%PDF-"), ran.stderr.decode()


@pytest.mark.parametrize("architecture, machine", [("arm64", AARCH64), ("x86_64", X86_64)])
def test_what_goes_to_aws_holds_wheels_for_its_processor(tmp_path: Path, architecture: str, machine: int) -> None:
    artefacts.build_for_aws(architecture, tmp_path / "build")
    for layer in ("CoreLayer", "DocumentsLayer"):
        libraries = list((tmp_path / "build" / layer).rglob("*.so"))
        assert libraries
        assert {int.from_bytes(library.read_bytes()[18:20], "little") for library in libraries} == {machine}


def probe(built: Path, name: str, function: dict[str, Any]) -> dict[str, Any]:
    """Import as Lambda would: no site-packages, no variables, only the layers and the function."""
    layers = ["CoreLayer", *(layer["Ref"] for layer in function.get("Layers", []))]
    folders = [*(str(built / layer / "python") for layer in layers), str(built / name)]
    code = PROBE.format(folders=folders, handler=function["Handler"])
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    result: dict[str, Any] = json.loads(ran.stdout)
    return result
