"""The redirect as API Gateway calls it: what goes over the wire, and nothing that could hurt a visitor or a log."""

import base64
import hashlib
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, override

import pytest
import segno
from aws_lambda_powertools.metrics import Metrics

from local.template import load, of_type
from referrals import pages, redirect
from tests.fixtures import NOON
from tests.links import BRAND, DESTINATION, program, share, slug
from tests.wire import Wire, answer_lost, unreachable
from vouch.config import Settings
from vouch.domain import clicks, ids, visits
from vouch.service.cache import Patience
from vouch.service.deployment import Deployment
from vouch.service.redirects import Redirects
from vouch.store.tables import Click, PrivacyRecord

ROOT = Path(__file__).parents[2]
EVENT = json.loads((ROOT / "events/referrals/redirect.json").read_text())
CONTEXT = SimpleNamespace(aws_request_id="req-1")
Get = Callable[..., dict[str, Any]]


def event(path: str = "/r/noa-summer", method: str = "GET", *, drop: str = "", **headers: str) -> dict[str, Any]:
    """The phone's event with another path, method and headers (`user_agent` for `user-agent`)."""
    made: dict[str, Any] = json.loads(json.dumps(EVENT))
    made["rawPath"] = made["requestContext"]["http"]["path"] = path
    made["requestContext"]["http"]["method"] = method
    made["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    made.pop(drop, None)
    return made


@pytest.fixture
def get(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Get:
    redirects = Redirects(deployment, patience=Patience(20, 20))
    monkeypatch.setattr(redirect, "_redirects", lambda: redirects)
    monkeypatch.setattr(redirect, "deployment", lambda: deployment)
    return lambda *args, **kwargs: redirect.handler(event(*args, **kwargs), CONTEXT)


def clicked(answer: dict[str, Any], deployment: Deployment) -> clicks.ClickId | None:
    _, _, rest = answer["headers"]["location"].partition("ref=")
    return clicks.read(rest.partition("#")[0], BRAND, deployment.secrets.click_keys)


# --- the redirect -----------------------------------------------------------------------------------------------------


def test_a_phones_click_is_sent_on_with_its_id(deployment: Deployment, get: Get) -> None:
    share(deployment)
    answer = get()
    click = clicked(answer, deployment)
    assert answer["statusCode"] == 302
    assert click is not None
    assert click.at == NOON
    assert deployment.database.get(Click, f"{BRAND}#K#{click.id}") is not None
    assert answer["headers"] == {
        "location": f"https://shop.example/mugs?colour=blue&ref={click.id}#top",
        "content-type": "text/plain",
        "cache-control": "no-store",
        "referrer-policy": "strict-origin-when-cross-origin",
        "x-robots-tag": "noindex",
    }
    assert answer["body"] == ""
    assert "cookies" not in answer


@pytest.mark.parametrize("path", ["/r/NOA-Summer", "/r/NOA-SUMMER/", "/r/noa-summer/"])
def test_a_slug_is_matched_whatever_its_case(deployment: Deployment, get: Get, path: str) -> None:
    share(deployment)
    assert get(path)["statusCode"] == 302


@pytest.mark.parametrize(
    "method, headers",
    [
        ("HEAD", {}),
        ("GET", {"sec_purpose": "prefetch;prerender"}),
        ("GET", {"purpose": "prefetch"}),
        ("GET", {"x_moz": "prefetch"}),
    ],
)
def test_what_is_no_visit_yet_has_an_id_but_neither_record_nor_cookie(
    deployment: Deployment, get: Get, monkeypatch: pytest.MonkeyPatch, method: str, headers: dict[str, str]
) -> None:
    share(deployment, program(journey=True))
    wire = Wire(monkeypatch)
    answer = get(method=method, **headers)
    assert answer["statusCode"] == 302
    assert clicked(answer, deployment) is not None
    assert "cookies" not in answer
    assert wire.operations() == {"GetItem": 2}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_robot_sees_the_bare_destination(
    deployment: Deployment, get: Get, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    share(deployment, program(journey=True))
    wire = Wire(monkeypatch)
    answer = get(method=method, user_agent="WhatsApp/2.23.20.0")
    assert (answer["statusCode"], answer["headers"]["location"]) == (302, DESTINATION)
    assert "cookies" not in answer
    assert wire.operations() == {"GetItem": 2}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "", "X" * 1000])
def test_other_methods_are_refused(get: Get, method: str) -> None:
    answer = get(method=method)
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "GET, HEAD")
    assert get("/embed.js", method)["statusCode"] == 405
    assert "location" not in answer["headers"]
    assert answer["headers"]["content-type"] == "application/problem+json"
    told = json.loads(answer["body"])
    assert (told["code"], told["status"], told["request_id"]) == ("method_not_allowed", 405, "req-1")
    assert "GET, HEAD" in told["detail"]


HOSTILE = [
    *["", "/", "/r", "/r/", "/r//", "/r/nobody", "/r/noa-summer/x", "/r/noa-summer//", "/r/noa-summer/qr.gif"],
    *["/r/..", "/r/../noa-summer", "/r/./noa-summer", "/r/noa-summer/..", "/r/%2e%2e", "/r/noa%2fsummer", "/r/noa%00"],
    *[
        "/r/\x00",
        "/r/noa\x00",
        "/r/noa summer",
        "/r/noa\nsummer",
        "/r/נועה",
        "/r/\ud800",
        "/r/😀",
        "/r/ſ",
        "/R/noa-summer",
    ],
    *[
        "/r/" + "x" * 65,
        "/r/" + "x" * 10_240,
        "/r/" + "/" * 10_240,
        "/r/noa-summer/" + "x" * 10_240,
        "/prod/r/noa-summer",
    ],
    *["/r/SLUG#noa", "/r/noa#x", "/r/noa;x", "/r/noa?x", "/r/noa\\x", "/r/<script>", "/r/-noa", "/r//evil.test"],
]


@pytest.mark.parametrize("path", HOSTILE)
def test_no_path_leads_astray(deployment: Deployment, get: Get, path: str) -> None:
    share(deployment)
    answer = get(path)
    assert answer["statusCode"] == 404
    assert "location" not in answer["headers"]


def test_a_hostile_cookie_is_harmless(deployment: Deployment, get: Get) -> None:
    share(deployment, program(journey=True))
    forged = visits.journey_with("", BRAND, "clk_" + "A" * 39, [])
    for value in ["x" * 10_240, "\x00", "נועה", ";" * 5000, "=" * 5000, "\r\nset-cookie: a=b", forged]:
        answer = get(drop="cookies", cookie=f"vouch_journey={value}")
        click = clicked(answer, deployment)
        assert answer["statusCode"] == 302
        assert click is not None
        stored = deployment.database.get(Click, f"{BRAND}#K#{click.id}")
        assert stored is not None
        assert stored.trail is None


@pytest.mark.parametrize("way", ["cookies", "header"])
def test_the_journey_comes_back_with_the_next_click(deployment: Deployment, get: Get, way: str) -> None:
    """AWS splits cookies off the headers; the emulator does not."""
    share(deployment, program(journey=True))
    first = get()
    (cookie,) = first["cookies"]
    value, _, attributes = cookie.partition("; ")
    assert attributes == "Max-Age=34560000; Path=/r; HttpOnly; SameSite=Lax; Secure"
    next_event = event() | {"cookies": ["_ga=1", value]} if way == "cookies" else event(drop="cookies", cookie=value)
    second = clicked(redirect.handler(next_event, CONTEXT), deployment)
    earlier = clicked(first, deployment)
    assert second is not None
    assert earlier is not None
    stored = deployment.database.get(Click, f"{BRAND}#K#{second.id}")
    assert stored is not None
    assert stored.trail == [earlier.id]


def test_on_this_machine_the_cookie_needs_no_tls(deployment: Deployment, get: Get) -> None:
    share(deployment, program(journey=True))
    assert "Secure" not in get(host="127.0.0.1:4566")["cookies"][0]


# --- pages ------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser makes of it: tags with their attributes, and words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: dict[str, dict[str, str | None]] = {}
        self.style = ""
        self.feed(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = dict(attrs)

    @override
    def handle_data(self, data: str) -> None:
        if self.lasttag == "style" and not self.style:
            self.style = data


@pytest.mark.parametrize(
    "accepted, language, direction",
    [
        ("he-IL,he;q=0.9,en-US;q=0.8", "he", "rtl"),
        ("iw", "he", "rtl"),
        ("en-US,en;q=0.9,he;q=0.8", "en", "ltr"),
        ("fr-FR, he;q=0.5", "he", "rtl"),
        ("fr-FR", "en", "ltr"),
        ("", "en", "ltr"),
        ("," * 5000, "en", "ltr"),
        ("\x00;q=", "en", "ltr"),
    ],
)
def test_a_missing_link_is_a_page_in_the_visitors_language(
    get: Get, accepted: str, language: str, direction: str
) -> None:
    answer = get(accept_language=accepted)
    page = Page(answer["body"])
    assert answer["statusCode"] == 404
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
    assert answer["headers"]["content-language"] == language
    assert page.tags["html"] == {"lang": language, "dir": direction}
    assert page.tags["meta"] == {"name": "viewport", "content": "width=device-width, initial-scale=1"}
    assert not {"script", "link", "img", "iframe", "a", "form"} & set(page.tags)
    assert "http" not in answer["body"]


def test_the_pages_policy_allows_its_own_style_and_nothing_else(get: Get) -> None:
    answer = get()
    policy = answer["headers"]["content-security-policy"]
    digest = base64.b64encode(hashlib.sha256(Page(answer["body"]).style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy
    assert answer["headers"]["cache-control"] == "no-store"


@pytest.mark.parametrize("part", [slug(status="paused"), slug(status="deleted"), program(status="paused")])
def test_a_pause_looks_like_an_absence(deployment: Deployment, get: Get, part: Any) -> None:
    unknown = get("/r/nobody")
    share(deployment, part)
    assert get() == unknown
    assert get("/r/noa-summer/qr.svg") == unknown


def test_head_of_a_missing_link_has_no_body(get: Get) -> None:
    answer = get(method="HEAD")
    assert (answer["statusCode"], answer["body"]) == (404, "")


@pytest.mark.parametrize("kind", ["missing", "failed"])
def test_both_languages_say_all_there_is_to_say(kind: str) -> None:
    english, hebrew = (pages.page(kind, language) for language in ("en", "he"))
    assert any("\u05d0" <= character <= "\u05ea" for character in hebrew)
    assert not any("\u05d0" <= character <= "\u05ea" for character in english)


# --- QR codes ---------------------------------------------------------------------------------------------------------


def test_the_qr_codes_show_the_public_address(deployment: Deployment, get: Get) -> None:
    share(deployment)
    expected = segno.make_qr("https://go.test/r/noa-summer", error="m")
    svg, png = get("/r/Noa-Summer/qr.svg"), get("/r/noa-summer/qr.png")
    for answer, content_type in ((svg, "image/svg+xml"), (png, "image/png")):
        assert answer["statusCode"] == 200
        assert answer["headers"]["content-type"] == content_type
        assert answer["headers"]["cache-control"] == "public, max-age=86400"
        assert answer["isBase64Encoded"] is True
    root = ET.fromstring(base64.b64decode(svg["body"]))  # noqa: S314 - our own drawing
    drawn = root.find(".//{http://www.w3.org/2000/svg}path[@class='qrline']")
    assert drawn is not None
    assert f'd="{drawn.get("d")}"' in expected.svg_inline()
    assert base64.b64decode(png["body"]).startswith(b"\x89PNG\r\n\x1a\n")


def test_a_qr_code_is_no_click(deployment: Deployment, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    share(deployment)
    wire = Wire(monkeypatch)
    get("/r/noa-summer/qr.png")
    assert wire.operations() == {"GetItem": 2}


# --- the storefront's snippet -----------------------------------------------------------------------------------------


def test_the_snippet_is_the_file_and_may_be_kept_and_used_anywhere(get: Get) -> None:
    answer = get("/embed.js")
    tag = answer["headers"].pop("etag")
    assert answer == {
        "statusCode": 200,
        "headers": {
            "content-type": "text/javascript; charset=utf-8",
            "cache-control": "public, max-age=3600, stale-while-revalidate=82800",
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
            "x-content-type-options": "nosniff",
        },
        "body": (ROOT / "functions/referrals/embed.js").read_text(),
    }
    assert tag.strip('"') in hashlib.sha256(answer["body"].encode()).hexdigest()
    assert get("/embed.js", "HEAD")["headers"] == answer["headers"] | {"etag": tag}
    assert get("/embed.js", "HEAD")["body"] == ""


def test_who_has_the_newest_snippet_is_told_so_and_nothing_more(get: Get) -> None:
    newest = get("/embed.js")["headers"]
    for known in (newest["etag"], f"W/{newest['etag']}", f'"old", W/{newest["etag"]}', "*"):
        answer = get("/embed.js", if_none_match=known)
        assert (answer["statusCode"], answer["body"], answer["headers"]) == (304, "", newest)
    for known in ('"old"', newest["etag"].strip('"'), "", newest["etag"][:-2] + '"'):
        assert get("/embed.js", if_none_match=known)["statusCode"] == 200


def test_the_snippet_needs_no_store(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    assert get("/embed.js")["statusCode"] == 200
    assert wire.operations() == {}


@pytest.mark.parametrize("path", ["/embed.js/", "/EMBED.JS", "/r/embed.js", "/embed.jsx"])
def test_only_its_own_address_is_the_snippets(get: Get, path: str) -> None:
    assert get(path)["statusCode"] == 404


# --- what can go wrong, and what is told ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [unreachable, answer_lost])
def test_a_store_that_fails_is_a_page_and_not_an_exception(
    deployment: Deployment, get: Get, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    share(deployment)
    Wire(monkeypatch).faults["GetItem"] = fault
    answer = get()
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "5"
    assert Page(answer["body"]).tags["html"]["lang"] == "he"


@pytest.mark.parametrize("odd", [{}, {"headers": None}, {"requestContext": {}}, {"rawPath": None}, {"Records": []}])
def test_no_event_makes_it_raise(get: Get, odd: dict[str, Any]) -> None:
    assert redirect.handler(odd, None)["statusCode"] == 503


def test_a_deployment_that_cannot_be_opened_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    redirect._redirects.cache_clear()
    monkeypatch.setattr(redirect, "deployment", lambda: Settings.of({}))
    assert redirect.handler(event(), CONTEXT)["statusCode"] == 503


def told(text: str) -> dict[str, Any]:
    (line,) = text.splitlines()
    entry: dict[str, Any] = json.loads(line)
    return entry


def test_one_line_tells_of_a_click_and_nothing_of_the_visitor(
    deployment: Deployment, get: Get, capsys: pytest.CaptureFixture[str]
) -> None:
    share(deployment, program(journey=True))
    get(user_agent="Canary/1.0 agent", cookie="canary=cookie", referer="https://canary.test/", authorization="canary")
    out = capsys.readouterr().out
    entry = told(out)
    assert (entry["outcome"], entry["brand_id"], entry["slug"]) == ("counted", BRAND, "noa-summer")
    assert (entry["request_id"], entry["Redirects"]) == ("req-1", [1])
    for secret in ("canary", "Canary", "203.0.113.77", "Mozilla", "clk_", "_ga", "iPhone"):
        assert secret not in out


@pytest.mark.parametrize(
    "path, method, outcome",
    [
        ("/r/nobody", "GET", "missing"),
        ("/r/..", "GET", "missing"),
        ("/r/noa-summer", "POST", "method"),
        ("/r/noa-summer", "HEAD", "head"),
        ("/r/noa-summer/qr.svg", "GET", "qr"),
        ("/embed.js", "GET", "embed"),
        (f"/deletions/{ids.derived('dlv_', 'nobody')}", "GET", "missing"),
    ],
)
def test_every_request_is_one_line(
    deployment: Deployment, get: Get, capsys: pytest.CaptureFixture[str], path: str, method: str, outcome: str
) -> None:
    share(deployment)
    get(path, method)
    assert told(capsys.readouterr().out)["outcome"] == outcome


def test_a_spilled_click_says_why(
    deployment: Deployment, get: Get, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    share(deployment)
    get(method="HEAD")
    capsys.readouterr()
    Wire(monkeypatch).faults["PutItem"] = unreachable
    get()
    entry = told(capsys.readouterr().out)
    assert (entry["outcome"], entry["trouble"]) == ("spilled", "ConnectTimeoutError")


LOST: dict[str, Callable[[pytest.MonkeyPatch, Deployment], None]] = {
    "unrecorded": lambda patch, deployment: patch.setattr(deployment.sqs, "send_message", broken),
    "unstamped": lambda patch, deployment: patch.setattr(deployment, "random", broken),
    "failed": lambda patch, _: patch.setattr(Redirects, "follow", broken),
}


def broken(*_: Any, **__: Any) -> NoReturn:
    raise TimeoutError


@pytest.mark.parametrize("outcome", LOST)
def test_a_visitor_or_a_click_that_is_lost_raises_an_alarm(
    deployment: Deployment,
    get: Get,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: str,
) -> None:
    share(deployment)
    monkeypatch.setattr(redirect, "_metrics", lambda: Metrics(namespace="Vouch", service="referrals"))
    Wire(monkeypatch).faults["PutItem"] = unreachable
    LOST[outcome](monkeypatch, deployment)
    get()
    entry = next(json.loads(line) for line in capsys.readouterr().out.splitlines() if "Redirects" in line)
    (metrics,) = entry["_aws"]["CloudWatchMetrics"]
    counted = {"service": "referrals", "outcome": outcome}
    assert [set(dimensions) for dimensions in metrics["Dimensions"]] == [set(counted)]
    assert entry["outcome"] == outcome
    watched = [
        {dimension["Name"]: dimension["Value"] for dimension in alarm["Properties"]["Dimensions"]}
        for alarm in of_type(load(), "AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["MetricName"] == metrics["Metrics"][0]["Name"]
    ]
    assert counted in watched


def test_a_warming_call_opens_the_deployment_and_says_so(
    get: Get, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[bool] = []
    monkeypatch.setattr(redirect, "_redirects", lambda: opened.append(True))
    assert redirect.handler({"warm": True}, CONTEXT) == {}
    assert told(capsys.readouterr().out)["outcome"] == "warm"
    assert opened == [True]


def test_the_redirect_imports_nothing_heavy() -> None:
    """Each of these costs a cold start more than all of the redirect's own code."""
    script = (
        "import sys\n"
        "from referrals import redirect\n"
        "redirect.handler({'warm': True}, None)\n"
        "print(sorted({'pydantic', 'cryptography', 'boto3', 'aws_xray_sdk', 'segno', 'jwt'} & set(sys.modules)))"
    )
    environment = {field.name.upper(): field.name for field in fields(Settings)} | {"AWS_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    warmed, heavy = done.stdout.splitlines()
    assert json.loads(warmed)["outcome"] == "warm"
    assert heavy == "[]"


# --- requests to be forgotten -----------------------------------------------------------------------------------------

REQUEST = ids.derived("dlv_", "meta")


def requested(**changes: Any) -> None:
    """Somebody has asked Meta to have us forget them."""
    said: dict[str, Any] = {"request": "erase_customer", "status": "received"} | changes
    PrivacyRecord(
        f"PRIV#{REQUEST}", "R", id=REQUEST, brand_id=BRAND, platform="meta", received_at="2026-05-04T12:00:00.000000Z",
        **said,
    ).save()  # fmt: skip


@pytest.mark.parametrize(
    "language, received, done",
    [
        ("en", "It came on <bdi>2026-05-04</bdi>. What", "and was done on <bdi>2026-05-05</bdi>. What"),
        ("he", "היא הגיעה ב-<bdi>2026-05-04</bdi>. מה", "ובוצעה ב-<bdi>2026-05-05</bdi>. מה"),
    ],
)
def test_who_asked_to_be_forgotten_reads_what_became_of_it(get: Get, language: str, received: str, done: str) -> None:
    requested()
    page = get(f"/deletions/{REQUEST}", accept_language=language)
    assert (page["statusCode"], page["headers"]["content-language"]) == (200, language)
    assert page["headers"]["content-type"] == "text/html; charset=utf-8"
    assert received in page["body"]
    requested(status="done", done_at="2026-05-05T00:30:00.000000Z", left=1)
    assert received in get(f"/deletions/{REQUEST}", accept_language=language)["body"]
    requested(status="done", done_at="2026-05-05T00:30:00.000000Z")
    assert done in get(f"/deletions/{REQUEST}", accept_language=language)["body"]
    assert get(f"/deletions/{REQUEST}", "HEAD")["body"] == ""


@pytest.mark.parametrize("named", [ids.derived("dlv_", "nobody"), "", "x", REQUEST.lower(), f"{REQUEST}/", "<script>"])
def test_a_request_that_is_not_known_is_a_page_too(get: Get, named: str) -> None:
    requested()
    page = get(f"/deletions/{named}", accept_language="en")
    assert page["statusCode"] == 404
    assert "There is no such request" in page["body"]
    assert "<script" not in page["body"]


@pytest.mark.parametrize("request_", ["export_customer", "erase_shop"])
def test_what_nobody_asked_for_themselves_is_on_no_page(get: Get, request_: str) -> None:
    requested(request=request_)
    assert get(f"/deletions/{REQUEST}")["statusCode"] == 404
