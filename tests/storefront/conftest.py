"""One browser for all tests here, with the time standing still at NOW."""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.storefront.shops import Shop, Snippets
from vouch.domain import clicks

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PATIENCE_SECONDS = 120
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_numbers = count(1)
NewContext = Callable[..., BrowserContext]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker of pytest has the browser."""
    for item in items:
        if isinstance(item, pytest.Function) and "browser" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: `make chromium` says what to do"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS, timeout=PATIENCE_SECONDS * 1000)
        yield browser
        browser.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[NewContext]:
    """Visitors, each with storage of their own. No page of theirs may have had an error that nobody caught."""
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def new(**more: Any) -> BrowserContext:
        context = browser.new_context(**more)
        context.clock.set_fixed_time(NOW)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        context.on("weberror", lambda found: errors.append(str(found.error)))
        opened.append(context)
        return context

    yield new
    for context in opened:
        context.close()
    assert errors == []


@pytest.fixture
def context(new_context: NewContext) -> BrowserContext:
    return new_context()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="module")
def snippets() -> Iterator[Snippets]:
    with Snippets() as started:
        yield started


@pytest.fixture
def opened() -> Iterator[Callable[[Shop], Shop]]:
    """Opens shops, and closes them after the test."""
    shops: list[Shop] = []

    def start(shop: Shop) -> Shop:
        shops.append(shop)
        shop.__enter__()
        return shop

    yield start
    for shop in shops:
        shop.__exit__(None, None, None)


def click(days_ago: float = 0) -> str:
    """A new click id of so long before NOW."""
    random = next(_numbers).to_bytes(clicks.RANDOM_BYTES)
    return clicks.mint("brd_mugs", "5d" * 8, NOW - timedelta(days=days_ago), {1: b"key"}, random).id


def eventually(page: Page, holds: Callable[[], object]) -> None:
    """What the page does by itself takes a moment."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        page.wait_for_timeout(10)


def kept(page: Page) -> dict[str, Any]:
    """What of it is in the browser: per tab, lasting, and the cookies."""
    stores: dict[str, Any] = page.evaluate("({tab: {...sessionStorage}, lasting: {...localStorage}})")
    return stores | {"cookies": page.context.cookies()}
