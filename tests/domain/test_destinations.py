"""Destinations: whatever is accepted leads a browser to a listed host, and is sent as the brand wrote it."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

import idna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vouch.domain import destinations

HOSTS = {"shop.example", "xn--4dbrk0ce.example"}

# What attacks on redirects are made of.
PIECES = [
    *["https", "http", "javascript", "data", ":", "/", "//", "\\", "\\\\", "@", "%", "#", "?", ".", ";", "&", "=", "-"],
    *["shop.example", "SHOP.EXAMPLE", "shop.example.", "shop.example.evil.test", "evil.test", "xn--", "user:pass@"],
    *["%2f", "%5c", "%40", "%0d%0a", "%00", "%2e", "\t", "\n", "\r", " ", "\x00", "\x1f", "\x7f", "\x85", "\xa0"],
    *[
        "\u3002",
        "\uff0f",
        "\uff0e",
        "\uff20",
        "\u2024",
        "\u2044",
        "\u200b",
        "\u202e",
        "\u0430",
        "\u212a",
        "\u017f",
        "ß",
    ],
    *[":443", ":8080", ":", "[::1]", "[shop.example]", "127.0.0.1", "0x7f.1", "2130706433", "\ud800", "ישראל", "😀"],
]
LIKELY = st.builds(
    "{}.{}".format, st.text("aZ0-ßςאשＡ", min_size=1, max_size=8), st.sampled_from(["example", "Example.", "קום"])
)
NASTY = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
BEGUN = st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://", "HTTPS://", "https:", ""]),
    st.sampled_from(["shop.example", "Shop.example/", "xn--4dbrk0ce.example?"]) | NASTY,
    NASTY,
)


def browsed(url: str) -> str | None:
    """The host that a browser asks for `url`, by the WHATWG's rules; None where it opens none over https."""
    url = re.sub(r"[\t\n\r]", "", url.strip("".join(map(chr, range(0x21)))))
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url)
    if not scheme or scheme[1].lower() != "https":
        return None
    rest = url[scheme.end() :].lstrip("/\\")
    authority = re.split(r"[/\\?#]", rest, maxsplit=1)[0]
    name = authority.rpartition("@")[2]
    if name.startswith("["):
        return name
    name = unquote(name.partition(":")[0])
    try:
        return idna.encode(name, uts46=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError):
        return f"nowhere ({name!r})"


@given(BEGUN)
@example("https://shop.example\\@evil.test/")
@example("https://evil.test\\@shop.example/")
@example("https:shop.example@evil.test")
@example("https:///evil.test")
def test_a_browser_lands_where_it_was_allowed_to(destination: str) -> None:
    if destinations.allowed(destination, HOSTS):
        assert browsed(destination) in HOSTS
        assert urlsplit(destination).hostname in HOSTS
        assert browsed(destinations.as_sent(destination)) in HOSTS
        assert browsed(destinations.with_parameter(destination, "ref", "clk_x")) in HOSTS


@given(st.text() | NASTY)
def test_no_tail_changes_the_host(tail: str) -> None:
    for mark in "/?#":
        destination = f"https://shop.example{mark}{tail}"
        if destinations.allowed(destination, HOSTS):
            assert browsed(destination) == "shop.example"


@pytest.mark.parametrize(
    "destination",
    [
        "https://shop.example",
        "https://shop.example/",
        "https://shop.example?sku=1",
        "https://shop.example#top",
        "https://shop.example/a/../..//evil.test",
        "https://shop.example/%0d%0aLocation:%20https://evil.test",
        "https://shop.example/?next=https://evil.test/@x:1",
        "https://SHOP.Example/Mug",
        "HTTPS://shop.example/",
        "https://xn--4dbrk0ce.example/",
        "https://shop.example/מבצע?צבע=כחול#😀",
        "https://shop.example/" + "x" * (2048 - len("https://shop.example/")),
    ],
)
def test_a_listed_host_over_https_is_allowed(destination: str) -> None:
    assert destinations.allowed(destination, HOSTS)


@pytest.mark.parametrize(
    "destination",
    [
        "",
        "/",
        "shop.example",
        "//shop.example",
        "//evil.test",
        "/\\evil.test",
        "https:shop.example",
        "https:evil.test",
        "https:/shop.example",
        "https:/\\evil.test",
        "https:\\\\shop.example",
        "https:///shop.example",
        "https://",
        "https:// shop.example",
        " https://shop.example",
        "https://shop.example ",
        "https://shop.example/a b",
        "http://shop.example",
        "javascript:alert(1)//shop.example",
        "data:text/html,shop.example",
        "java\nscript:alert(1)",
        "ht\ttps://shop.example",
        "https://shop.exa\nmple/",
        "https://shop.example/\tx",
        "https://shop.example/\r\nLocation: https://evil.test",
        "https://shop.example/\x00",
        "https://shop.example/\x7f",
        "https://shop.example/\x85",
        "https://shop.example/\ud800",
        "https://shop.example/\u202e",
        "https://shop.example\\evil.test",
        "https://shop.example/\\evil.test",
        "https://shop.example%0d%0a.evil.test",
        "https://shop.example%2fevil.test",
        "https://shop.example@evil.test",
        "https://evil.test@shop.example",
        "https://user:pass@shop.example/",
        "https://@shop.example/",
        "https://shop.example:443/",
        "https://shop.example:/",
        "https://shop.example:8443/",
        "https://shop.example./",
        "https://.shop.example/",
        "https://shop..example/",
        "https://shop.example.evil.test/",
        "https://evilshop.example/",
        "https://sub.shop.example/",
        "https://shop\u3002example/",
        "https://\uff53hop.example/",
        "https://\u017fhop.example/",
        "https://\u0455hop.example/",
        "https://\u05d9\u05e9\u05e8\u05d0\u05dc.example/",
        "https://[::1]/",
        "https://[shop.example]/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://shop.example/" + "x" * (2049 - len("https://shop.example/")),
    ],
)
def test_everything_else_is_refused(destination: str) -> None:
    assert not destinations.allowed(destination, HOSTS)


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1/", "https://localhost/", "https://2130706433", "https://[::1]/"]
)
def test_no_list_can_allow_what_is_no_public_host(address: str) -> None:
    assert destinations.host_of(address) is None


@pytest.mark.parametrize(
    "text, host",
    [
        ("shop.example", "shop.example"),
        (" Shop.Example. ", "shop.example"),
        ("ישראל.example", "xn--4dbrk0ce.example"),
        ("XN--4dbrk0ce.example", "xn--4dbrk0ce.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("xn--strae-oqa.example", "xn--strae-oqa.example"),
    ],
)
def test_a_host_is_compared_in_one_form(text: str, host: str) -> None:
    assert destinations.host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        *["", ".", "shop", "localhost", "shop..example", ".shop.example", "shop.example..", "shop_1.example"],
        *[
            "-shop.example",
            "shop-.example",
            "https://shop.example",
            "shop.example/",
            "shop.example:443",
            "a@shop.example",
        ],
        *[
            "127.0.0.1",
            "1.2.3.4.",
            "[::1]",
            "0x7f.1",
            "*.example",
            "shop.exa mple",
            "a" * 64 + ".example",
            "\ud800.example",
        ],
        *["straße.example", "ςigma.example", "a\u200cb.example", "a\u200db.example", ("a" * 50 + ".") * 5 + "example"],
    ],
)
def test_what_is_no_public_host_name_has_no_form(text: str) -> None:
    assert destinations.host(text) is None


@given(LIKELY | st.text(max_size=40) | NASTY)
@example("Shop.Example.")
def test_a_form_is_its_own_form_and_the_browsers(text: str) -> None:
    form = destinations.host(text)
    if form is not None:
        assert destinations.host(form) == form
        assert destinations.host_of(f"https://{form}/") == form


# --- the parameter ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "destination, sent",
    [
        ("https://s.example", "https://s.example?ref=clk_1"),
        ("https://s.example/", "https://s.example/?ref=clk_1"),
        ("https://s.example/?", "https://s.example/?ref=clk_1"),
        ("https://s.example/#top", "https://s.example/?ref=clk_1#top"),
        ("https://s.example/#/p?ref=x", "https://s.example/?ref=clk_1#/p?ref=x"),
        ("https://s.example/?a=1#", "https://s.example/?a=1&ref=clk_1#"),
        ("https://s.example/?ref=old&a=1", "https://s.example/?a=1&ref=clk_1"),
        ("https://s.example/?a=1&ref=old&b=2&ref=older#x", "https://s.example/?a=1&b=2&ref=clk_1#x"),
        ("https://s.example/?ref", "https://s.example/?ref=clk_1"),
        ("https://s.example/?ref=", "https://s.example/?ref=clk_1"),
        ("https://s.example/?%72ef=old", "https://s.example/?ref=clk_1"),
        (
            "https://s.example/?Ref=1&xref=2&ref2=3&ref%3D=4",
            "https://s.example/?Ref=1&xref=2&ref2=3&ref%3D=4&ref=clk_1",
        ),
        ("https://s.example/?a=1;ref=2", "https://s.example/?a=1;ref=2&ref=clk_1"),
        ("https://s.example/?a=b+c&a=%20&a=&a&&=&b=?/:@", "https://s.example/?a=b+c&a=%20&a=&a&&=&b=?/:@&ref=clk_1"),
        ("https://s.example/p;v=1/%2F%zz?q=%e4%zz", "https://s.example/p;v=1/%2F%zz?q=%e4%zz&ref=clk_1"),
        ("https://s.example/חדש?צ=1#א", "https://s.example/%D7%97%D7%93%D7%A9?%D7%A6=1&ref=clk_1#%D7%90"),
    ],
)
def test_the_parameter_joins_and_the_rest_stays(destination: str, sent: str) -> None:
    assert destinations.with_parameter(destination, "ref", "clk_1") == sent


def test_what_the_parameter_says_is_escaped_to_the_letter() -> None:
    sent = destinations.with_parameter("https://s.example/", "r/f", "a/b&c X")
    assert sent == "https://s.example/?r%2Ff=a%2Fb%26c%20X"


def test_a_host_may_be_so_long_and_no_longer() -> None:
    most = ".".join(["a" * 61] * 4) + ".examp"
    assert len(most) == 253
    assert destinations.host(most) == most
    assert destinations.host(f"a{most}") is None


PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60)


@given(PRINTABLE)
def test_taking_the_parameter_off_again_leaves_every_byte(tail: str) -> None:
    destination = f"https://s.example/{tail}"
    queried = destination.partition("#")[0].partition("?")[2]
    if "ref" in [name for name, _ in parse_qsl(queried, keep_blank_values=True)]:
        return
    sent = destinations.with_parameter(destination, "ref", "clk_1")
    mark = "&" if queried else "?"
    assert sent.replace(f"{mark}ref=clk_1", "" if queried or "?" not in destination.partition("#")[0] else "?", 1) == (
        destination
    )


@given(st.text(max_size=40), PRINTABLE, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_shop_reads_the_parameter_once_and_last(tail: str, name: str, value: str) -> None:
    destination = f"https://s.example/{tail}"
    if destinations.host_of(destination) is None or not name:
        return
    sent = destinations.with_parameter(destination, name, value)
    assert sent.isascii()
    assert sent.isprintable()
    read = parse_qsl(urlsplit(sent).query, keep_blank_values=True)
    assert read[-1] == (name, value)
    assert [pair[0] for pair in read].count(name) == 1
