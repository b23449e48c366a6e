"""Every platform has its page for brands, and the index leads to each."""

import re
from pathlib import Path

from vouch.platforms.registry import PLATFORMS

FOLDER = Path(__file__).parents[2] / "docs/platforms"
LINKS = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_the_index_leads_to_each_platforms_page() -> None:
    pages = {link.removesuffix(".md") for link in LINKS.findall((FOLDER / "README.md").read_text()) if "/" not in link}
    assert pages == PLATFORMS.keys() - {"rest"}


def test_no_page_leads_nowhere() -> None:
    broken = [
        (page.name, link)
        for page in sorted(FOLDER.glob("*.md"))
        for link in LINKS.findall(page.read_text())
        if not (FOLDER / link).exists()
    ]
    assert broken == []
