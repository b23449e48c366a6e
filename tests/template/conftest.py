"""The template as written, and what `sam build` makes of it: built once, for whoever asks."""

from pathlib import Path
from typing import Any

import pytest

from local import artefacts, template


@pytest.fixture(scope="session")
def declared() -> dict[str, Any]:
    return template.load()


@pytest.fixture(scope="session")
def built() -> Path:
    artefacts.build()
    return artefacts.BUILD
