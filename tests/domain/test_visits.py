"""Visits: people count, programs do not, and no cookie can do harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import visits

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; {}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36"
)
BRAND = "brd_00000000000000000000000001"
OTHER = "brd_00000000000000000000000002"


def click_id(n: int) -> str:
    return f"clk_{n:039d}"


EVERY = [click_id(n) for n in range(13)]


@pytest.mark.parametrize(
    "agent",
    [
        "",
        f"{IPHONE} Version/18.4 Mobile/15E148 Safari/604.1",
        f"{IPHONE} Mobile/15E148 Instagram 377.1.0.25.102 (iPhone15,2; iOS 18_4_1; he_IL; he; scale=3.00)",
        f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/460.0.0.40.108;FBBV/590000000;FBDV/iPhone15,2]",
        f"{IPHONE} Mobile/15E148 [LinkedInApp]/9.30.1234",
        f"{IPHONE} Mobile/15E148 [Pinterest/iOS]",
        f"{IPHONE} Mobile/15E148 Twitter for iPhone/10.38",
        f"{IPHONE} Mobile/15E148 musical_ly_2023405040 BytedanceWebview/d8a21c6",
        f"{IPHONE} Mobile/15E148 Snapchat/12.84.0.40 (iPhone15,2; iOS 18.4.1; gzip)",
        f"{IPHONE} Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
        f"{IPHONE} Mobile/15E148 Safari Line/14.6.0",
        ANDROID.format("Pixel 8"),
        ANDROID.format("CUBOT NOTE 30"),
        ANDROID.format("CUBOT_X70"),
        ANDROID.format("SM-S918B; wv") + " Viber/22.4.0.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:126.0) Gecko/20100101 Firefox/126.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Slack_SSB/4.38.115",
        "curl/8.7.1",
        "python-requests/2.32.3",
        "Dalvik/2.1.0 (Linux; U; Android 14; Robotics Phone)",
    ],
)
def test_people_and_those_who_may_be_people_count(agent: str) -> None:
    assert visits.uncounted("GET", {"user-agent": agent}) is None


@pytest.mark.parametrize(
    "agent",
    [
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
        "facebookcatalog/1.0 facebookexternalhit/1.1",
        "WhatsApp/2.23.20.0",
        "WhatsApp/2.2413.51 W",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Slack-ImgProxy (+https://api.slack.com/robots)",
        "Twitterbot/1.0",
        "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Googlebot-Image/1.0",
        "AdsBot-Google (+http://www.google.com/adsbot.html)",
        "Mediapartners-Google",
        "Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
        "Mozilla/5.0 (Windows NT 10.0) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
        "Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots",
        "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
        "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 Safari/605.1.15 (Applebot/0.1)",
        "Mozilla/5.0 (Macintosh) AppleWebKit/601.2.4 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "facebookexternalhit/1.1;line-poker/1.0",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (compatible; ChatGPT-User/1.0; +https://openai.com/bot)",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
        "TELEGRAMBOT",
    ],
)
def test_programs_do_not(agent: str) -> None:
    assert visits.uncounted("GET", {"user-agent": agent}) == visits.ROBOT
    assert visits.uncounted("HEAD", {"user-agent": agent, "purpose": "prefetch"}) == visits.ROBOT


@pytest.mark.parametrize(
    "header, value",
    [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("sec-purpose", "prerender"),
        ("sec-purpose", "prefetch;anonymous-client-ip"),
        ("purpose", "prefetch"),
        ("purpose", "Preview"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
    ],
)
def test_a_look_ahead_of_time_does_not_count(header: str, value: str) -> None:
    assert visits.uncounted("GET", {header: value, "user-agent": IPHONE}) == "prefetch"


def test_head_does_not_count() -> None:
    assert visits.uncounted("HEAD", {"user-agent": IPHONE}) == "head"


def test_who_says_nothing_may_be_people() -> None:
    assert visits.uncounted("GET", {}) is None


# --- the journey ------------------------------------------------------------------------------------------------------


def test_the_journey_keeps_the_newest_ten_clicks_newest_first() -> None:
    cookie = ""
    for n in range(13):
        cookie = visits.journey_with(cookie, BRAND, click_id(n), EVERY)
    assert visits.journey(cookie, BRAND) == [click_id(n) for n in range(12, 2, -1)]
    assert len(cookie) == 10 * 43


def test_brands_share_the_cookie_and_see_their_own_clicks() -> None:
    cookie = ""
    for n in range(12):
        cookie = visits.journey_with(cookie, (BRAND, OTHER)[n % 2], click_id(n), EVERY)
    assert visits.journey(cookie, BRAND) == [click_id(n) for n in (10, 8, 6, 4, 2)]
    assert visits.journey(cookie, OTHER) == [click_id(n) for n in (11, 9, 7, 5, 3)]


def test_what_is_not_genuine_takes_no_place_but_another_brands_clicks_stay() -> None:
    cookie = visits.journey_with("", OTHER, click_id(1), [])
    for n in range(2, 9):
        cookie = visits.journey_with(cookie, BRAND, click_id(n), EVERY)
    kept = visits.journey_with(cookie, BRAND, click_id(9), [click_id(4)])
    assert visits.journey(kept, BRAND) == [click_id(9), click_id(4)]
    assert visits.journey(kept, OTHER) == [click_id(1)]


@pytest.mark.parametrize("junk", ["x", "x" * 42, "x" * 44, "x" * 43 * 11, "é" * 43, "x" * 42 + "\n", "x" * 10_240, '"'])
def test_a_cookie_of_another_shape_is_as_good_as_none(junk: str) -> None:
    assert visits.journey(junk, BRAND) == []
    assert visits.journey_with(junk, BRAND, click_id(1), EVERY) == visits.journey_with("", BRAND, click_id(1), [])


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{43,500}", fullmatch=True))
def test_whatever_comes_the_cookie_stays_small_and_ours(cookie: str) -> None:
    kept = visits.journey_with(cookie, BRAND, click_id(7), EVERY)
    assert visits.journey(kept, BRAND)[0] == click_id(7)
    assert len(kept) <= 10 * 43
    assert kept.isascii()
    assert kept.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "header, value",
    [
        ("vouch_journey=abc", "abc"),
        ("_ga=GA1.1; vouch_journey=abc; theme=dark", "abc"),
        ("_ga=GA1.1;vouch_journey=abc", "abc"),
        ("vouch_journey=abc; vouch_journey=def", "abc"),
        ("vouch_journey=a=b", "a=b"),
        ("vouch_journey", ""),
        ("not_vouch_journey=abc; vouch_journeys=def", ""),
        ("", ""),
        (";;;=;==", ""),
    ],
)
def test_the_journey_is_found_among_other_cookies(header: str, value: str) -> None:
    assert visits.cookie_in(header) == value


@pytest.mark.parametrize("host", ["go.brand.example", "localhost.evil.test", "127.0.0.1.evil.test", "", "10.0.0.1:80"])
def test_the_cookie_travels_over_tls_only(host: str) -> None:
    assert visits.set_cookie("abc", host) == (
        "vouch_journey=abc; Max-Age=34560000; Path=/r; HttpOnly; SameSite=Lax; Secure"
    )


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4566", "go.localhost:4566", "127.0.0.1:4566", "127.0.0.2", "[::1]:80"]
)
def test_but_on_this_machine_there_is_no_tls(host: str) -> None:
    assert visits.set_cookie("abc", host) == "vouch_journey=abc; Max-Age=34560000; Path=/r; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize(
    "text, sound",
    [
        *[("a", True), ("noa-summer_26", True), ("0" * 64, True), ("0" * 65, False), ("", False), ("-_a", True)],
        *[
            ("Noa", False),
            ("a.b", False),
            ("..", False),
            ("a%2fb", False),
            ("a\n", False),
            ("נועה", False),
            ("a\x00", False),
        ],
    ],
)
def test_slugs_are_lower_case_words(text: str, sound: bool) -> None:
    assert bool(visits.SLUG.fullmatch(text)) is sound
