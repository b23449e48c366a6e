"""A click id that comes with a visitor gets into the order, in every kind of shop, and hurts nothing on its way."""

import gzip
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page

from referrals import redirect
from tests.links import BRAND, share
from tests.platforms import samples
from tests.storefront.conftest import NewContext, click, eventually, kept
from tests.storefront.shops import Forms, Shop, Shopify, Snippets, WooCommerce, click_ids
from vouch.domain import clicks
from vouch.service.cache import Patience
from vouch.service.deployment import Deployment
from vouch.service.redirects import Redirects

ROOT = Path(__file__).parents[2]
KEY = "vouch_refs"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 3}
NOTHING: dict[str, object] = {"tab": {}, "lasting": {}, "cookies": []}
Open = Callable[[Shop], Shop]
PRIVACY = """
  let allowed = {allowed};
  window.Shopify = Object.assign(window.Shopify || {{}}, {{loadFeatures: (features, loaded) => {{
    if (features[0].name !== 'consent-tracking-api') throw new Error(features[0].name);
    window.Shopify.customerPrivacy = {{marketingAllowed: () => allowed}};
    loaded();
  }}}});
  const answer = yes => {{
    allowed = yes;
    document.dispatchEvent(new CustomEvent('visitorConsentCollected', {{detail: {{marketingAllowed: yes}}}}));
  }};"""


def shopify(opened: Open, snippets: Snippets, options: str = "", *, times: int = 1, root: str = "/") -> Shopify:
    shop = Shopify(snippets, options, times=times, root=root)
    opened(shop)
    return shop


def woo(opened: Open, snippets: Snippets, *, entry: str | None = None) -> WooCommerce:
    shop = WooCommerce(snippets, entry=entry)
    opened(shop)
    return shop


def forms(opened: Open, snippets: Snippets, body: str = "<h1>Mugs</h1>", options: str = "") -> Forms:
    shop = Forms(snippets, options)
    shop.pages["/"] = body
    opened(shop)
    return shop


def ref(page: Page) -> str | None:
    found: str | None = page.evaluate("vouch.ref()")
    return found


# --- Shopify ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("visitor", [{}, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("root", ["/", "/he/"])
def test_a_sale_in_a_shopify_theme_carries_the_click_id_to_its_order(
    new_context: NewContext, snippets: Snippets, opened: Open, visitor: dict[str, object], root: str
) -> None:
    shop, page, came = shopify(opened, snippets, root=root), new_context(**visitor).new_page(), click()
    page.goto(f"{shop.address}/?utm_source=tiktok&ref={came}#top")
    page.locator("#add").tap() if visitor else page.locator("#add").click()
    eventually(page, shop.updates)
    assert shop.cart["attributes"] == {"gift": "yes", "ref": came}, "what else is in the cart stays"
    page.locator("#checkout").click()
    assert shop.click_ids() == (came,)


def test_from_a_creators_link_to_the_order_it_is_one_genuine_click(
    deployment: Deployment, page: Page, snippets: Snippets, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(deployment)
    redirects = Redirects(deployment, patience=Patience(20, 20))
    monkeypatch.setattr(redirect, "_redirects", lambda: redirects)
    event = json.loads((ROOT / "events/referrals/redirect.json").read_text())
    location = redirect.handler(event, SimpleNamespace(aws_request_id="req-1"))["headers"]["location"]
    shop = shopify(opened, snippets)
    shop.pages["/mugs"] = shop.pages["/"]
    page.goto(location.replace("https://shop.example", shop.address))
    page.locator("#add").click()
    eventually(page, shop.updates)
    page.locator("#checkout").click()
    [ordered] = shop.click_ids()
    assert clicks.read(ordered, BRAND, deployment.secrets.click_keys) is not None


def test_an_empty_cart_is_not_begun_and_a_full_one_is_written_once(
    page: Page, snippets: Snippets, opened: Open
) -> None:
    shop, came = shopify(opened, snippets), click()
    page.goto(f"{shop.address}/?ref={came}", wait_until="networkidle")
    assert shop.updates() == []
    page.locator("#add").click()
    eventually(page, shop.updates)
    page.locator("#add").click()
    page.goto(f"{shop.address}/", wait_until="networkidle")
    assert shop.updates() == [{"ref": came}]


def test_a_cart_that_was_emptied_gets_it_again(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = shopify(opened, snippets), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.locator("#add").click()
    eventually(page, shop.updates)
    page.locator("#clear").click()
    eventually(page, lambda: page.locator("#done").text_content() == "add.js clear.js ")
    page.locator("#add").click()
    eventually(page, lambda: len(shop.updates()) == 2)
    assert shop.cart["attributes"]["ref"] == came


def test_who_comes_back_to_the_page_finds_the_cart_as_it_is_now(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = shopify(opened, snippets), click()
    page.goto(f"{shop.address}/?ref={came}", wait_until="networkidle")
    shop.cart["item_count"] = 1
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    eventually(page, shop.updates)
    assert shop.updates() == [{"ref": came}]


def test_a_theme_without_scripts_of_its_own_sends_it_with_the_cart(
    page: Page, snippets: Snippets, opened: Open
) -> None:
    """The buyer may be quicker than a request of ours."""
    shop, came = shopify(opened, snippets), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.route("**/update.js", lambda route: route.abort())
    page.route("**/cart.js", lambda route: route.abort())
    page.locator("#plain").click()
    page.locator("#checkout").click()
    eventually(page, lambda: shop.orders)
    assert shop.click_ids() == (came,)
    page.unroute_all()


def test_the_newest_click_is_the_reference_and_all_go_along(
    context: BrowserContext, snippets: Snippets, opened: Open
) -> None:
    """Two tabs and one cart: whichever came first, the order says the same."""
    shop, older, newer = shopify(opened, snippets), click(2), click(1)
    first, second = context.new_page(), context.new_page()
    first.goto(f"{shop.address}/?ref={newer}")
    second.goto(f"{shop.address}/?ref={older}")
    first.locator("#add").click()
    eventually(first, shop.updates)
    second.locator("#add").click()
    eventually(second, lambda: len(shop.updates()) == 2)
    assert shop.updates() == [{"ref": newer}, {"ref": newer, "_refs": f"{newer},{older}"}]
    second.locator("#checkout").click()
    assert shop.click_ids() == (newer, older)


# --- which click, and what is none ------------------------------------------------------------------------------------


def test_five_clicks_are_kept_the_newest_by_their_own_time(page: Page, snippets: Snippets, opened: Open) -> None:
    shop = forms(opened, snippets)
    came = [click(days_ago=days) for days in range(8)]
    shuffled = random.Random(5).sample(came, len(came))
    for each in shuffled:
        page.goto(f"{shop.address}/?ref={each}")
    assert page.evaluate("vouch.refs()") == came[:5]
    assert ref(page) == came[0]


def test_clicks_of_one_second_stand_in_one_order(new_context: NewContext, snippets: Snippets, opened: Open) -> None:
    shop, came = forms(opened, snippets), [click(), click(), click()]
    said = set()
    for order in (came, came[::-1]):
        page = new_context().new_page()
        for each in order:
            page.goto(f"{shop.address}/?ref={each}")
        said.add(tuple(page.evaluate("vouch.refs()")))
    assert len(said) == 1


def test_whatever_parameter_the_program_chose_is_found(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = forms(opened, snippets), click()
    page.goto(f"{shop.address}/?a&ref=noa&via={came}&=&x=1=2#ref=none")
    assert ref(page) == came


def test_what_has_not_the_shape_of_a_click_id_is_ignored(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = shopify(opened, snippets), click()
    shop.pages["/"] += shop.script(PRIVACY.format(allowed="true"))
    wrong = [
        "",
        "noa",
        "clk_short",
        came[:-1],
        f"{came}A",
        f"%22{came}",
        f"{came}%3Cscript%3E",
        f"<{came}>",
        f"x#ref={came}",
    ]
    for value in wrong:
        page.goto(f"{shop.address}/?ref={value}")
        assert ref(page) is None, value
    page.wait_for_load_state("networkidle")
    assert kept(page) == NOTHING
    assert page.evaluate("Shopify.customerPrivacy === undefined")
    assert {asked.path for asked in shop.asked} == {"/"}, "who came by nobody's link costs the shop nothing"


def test_what_others_left_in_storage_is_ignored(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = forms(opened, snippets), click()
    page.goto(shop.address)
    page.evaluate("text => sessionStorage.setItem('vouch_refs', text)", f"x,{came},,<b>,{came}")
    page.reload()
    assert page.evaluate("vouch.refs()") == [came]


# --- consent ----------------------------------------------------------------------------------------------------------


def test_without_consent_it_is_kept_for_the_tab_alone(
    context: BrowserContext, snippets: Snippets, opened: Open
) -> None:
    shop, page, came = forms(opened, snippets), context.new_page(), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.goto(shop.address)
    assert ref(page) == came
    assert kept(page) == {"tab": {KEY: came}, "lasting": {}, "cookies": []}
    page.close()
    later = context.new_page()
    later.goto(shop.address)
    assert ref(later) is None


def test_with_the_brands_word_for_it_it_outlasts_the_tab_for_the_windows_days(
    context: BrowserContext, snippets: Snippets, opened: Open
) -> None:
    shop = forms(opened, snippets, options='data-consent="granted" data-days="7"')
    page, young, old = context.new_page(), click(6.9), click(7.1)
    page.goto(f"{shop.address}/?ref={young}")
    page.goto(f"{shop.address}/?ref={old}")
    assert page.evaluate("vouch.refs()") == [young, old], "in this tab it is for the terms to say what counts"
    assert kept(page) == {"tab": {KEY: f"{young},{old}"}, "lasting": {KEY: young}, "cookies": []}
    page.close()
    later = context.new_page()
    later.goto(shop.address)
    assert page.context.cookies() == []
    assert later.evaluate("vouch.refs()") == [young]


def test_consent_is_given_and_taken_back_by_a_call(context: BrowserContext, snippets: Snippets, opened: Open) -> None:
    shop, page, came = forms(opened, snippets), context.new_page(), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.evaluate("vouch.consent()")
    other = context.new_page()
    other.goto(shop.address)
    assert ref(other) == came
    assert kept(other)["lasting"] == {KEY: came}
    other.evaluate("vouch.consent(false)")
    assert kept(other) == {"tab": {KEY: came}, "lasting": {}, "cookies": []}


def test_where_consent_is_required_nothing_is_kept_or_handed_on_before(
    page: Page, snippets: Snippets, opened: Open
) -> None:
    shop, came = shopify(opened, snippets, 'data-consent="required"'), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.locator("#add").click()
    page.wait_for_load_state("networkidle")
    assert (ref(page), kept(page), shop.updates()) == (None, NOTHING, [])
    page.evaluate("vouch.consent()")
    eventually(page, shop.updates)
    assert (ref(page), shop.updates()) == (came, [{"ref": came}])
    assert kept(page) == {"tab": {KEY: came}, "lasting": {KEY: came}, "cookies": []}
    page.evaluate("vouch.consent(false)")
    assert (ref(page), kept(page)) == (None, NOTHING)


def test_shopifys_own_question_for_consent_is_heard(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = shopify(opened, snippets), click()
    shop.pages["/"] += shop.script(PRIVACY.format(allowed="false"))
    page.goto(f"{shop.address}/?ref={came}")
    assert kept(page)["lasting"] == {}
    page.evaluate("answer(true)")
    assert kept(page)["lasting"] == {KEY: came}
    page.goto(shop.address)
    assert kept(page)["lasting"] == {KEY: came}, "what was not answered on this page takes nothing back"
    page.evaluate("answer(false)")
    assert kept(page) == {"tab": {KEY: came}, "lasting": {}, "cookies": []}


def test_where_the_brand_answers_for_consent_shopify_is_not_asked(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = shopify(opened, snippets, 'data-consent="granted"'), click()
    shop.pages["/"] += shop.script(PRIVACY.format(allowed="false"))
    page.goto(f"{shop.address}/?ref={came}")
    page.evaluate("answer(false)")
    assert kept(page)["lasting"] == {KEY: came}


def test_where_shopify_needs_no_answer_or_has_one_it_is_kept(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = shopify(opened, snippets), click()
    shop.pages["/"] += shop.script(PRIVACY.format(allowed="true"))
    page.goto(f"{shop.address}/?ref={came}")
    assert kept(page)["lasting"] == {KEY: came}


# --- WooCommerce ------------------------------------------------------------------------------------------------------


ENTRIES = [None, "http://shop.example/mugs/", "http://shop.example/?utm_source=tiktok#top"]


def entered(shop: WooCommerce) -> str:
    """Where the visit of the newest order began."""
    address: str = shop.orders[-1]["meta"]["_wc_order_attribution_session_entry"]
    return address


@pytest.mark.parametrize("entry", ENTRIES)
def test_woocommerces_classic_checkout_stores_it_with_the_order(
    page: Page, snippets: Snippets, opened: Open, entry: str | None
) -> None:
    shop, came, older = woo(opened, snippets, entry=entry), click(), click(1)
    for each in (older, came):
        page.goto(f"{shop.address}/?ref={each}")
    page.goto(f"{shop.address}/checkout")
    page.evaluate("answered()")
    page.locator("#place").click()
    eventually(page, lambda: shop.orders)
    assert shop.click_ids() == (came, older)
    assert entered(shop).startswith((entry or f"{shop.address}/").partition("#")[0])
    posted = shop.orders[-1]["posted"]
    assert (posted["ref"], posted["_refs"]) == (came, f"{came},{older}"), "what the page's PHP may keep"


@pytest.mark.parametrize("writer", ["setExtensionData", "__internalSetExtensionData"])
@pytest.mark.parametrize("entry", ENTRIES)
def test_woocommerces_block_checkout_stores_it_with_the_order(
    page: Page, snippets: Snippets, opened: Open, monkeypatch: pytest.MonkeyPatch, entry: str | None, writer: str
) -> None:
    monkeypatch.setattr(WooCommerce, "WRITER", writer)
    shop, came = woo(opened, snippets, entry=entry), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.goto(f"{shop.address}/blocks")
    store = "wp.data.select('wc/store/checkout')"
    said = f"{store} && {store}.getExtensionData()['woocommerce/order-attribution'].session_entry"
    eventually(page, lambda: came in (page.evaluate(said) or ""))
    page.evaluate("answered()")
    page.locator("#place").click()
    eventually(page, lambda: shop.orders)
    assert shop.click_ids() == (came,)
    assert entered(shop).startswith((entry or f"{shop.address}/").partition("#")[0])
    assert shop.orders[-1]["meta"]["_wc_order_attribution_source_type"] == "typein", "what else it says stays"


def test_a_checkout_that_is_sent_without_a_click_carries_it_too(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = woo(opened, snippets, entry="http://shop.example/"), click()
    page.goto(f"{shop.address}/checkout?ref={came}")
    page.evaluate("answered(); document.querySelector('form').requestSubmit()")
    eventually(page, lambda: shop.orders)
    assert shop.click_ids() == (came,)


def test_an_entry_that_has_it_already_stays_as_it_is(page: Page, snippets: Snippets, opened: Open) -> None:
    came = click()
    shop = woo(opened, snippets, entry=f"http://shop.example/?ref={came}&utm_medium=social")
    page.goto(f"{shop.address}/?ref={came}")
    page.goto(f"{shop.address}/checkout")
    page.locator("#place").click()
    eventually(page, lambda: shop.orders)
    assert entered(shop) == f"http://shop.example/?ref={came}&utm_medium=social"


def test_a_checkout_without_order_attribution_works_as_ever(page: Page, snippets: Snippets, opened: Open) -> None:
    shop = woo(opened, snippets)
    shop.pages["/checkout"] = """<form class="woocommerce-checkout" action="/place" method="post">
      <button id="place">Place order</button></form>"""
    came = click()
    page.goto(f"{shop.address}/checkout?ref={came}")
    page.locator("#place").click()
    eventually(page, lambda: shop.orders)
    assert shop.orders == [{"meta": {}, "posted": {"ref": came}}]


# --- Stripe -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", ["", "?prefilled_email=a%2Bb%40example.com&locale=he"])
@pytest.mark.parametrize("late", [False, True])
def test_a_stripe_payment_link_carries_it_as_the_reference(
    page: Page, snippets: Snippets, opened: Open, own: str, late: bool
) -> None:
    link = f'<a id="pay" href="https://buy.stripe.com/test_1{own}">Buy</a>'
    shop, came = forms(opened, snippets, "<main></main>" if late else link), click()
    page.route("https://buy.stripe.com/**", lambda route: route.fulfill(body="paid"))
    page.goto(f"{shop.address}/?ref={came}")
    if late:
        page.evaluate("html => { document.querySelector('main').innerHTML = html; }", link)
    page.locator("#pay").click()
    page.wait_for_url("https://buy.stripe.com/**")
    asked = dict(parse_qsl(urlsplit(page.url).query))
    assert asked == {"client_reference_id": came} | dict(parse_qsl(own[1:]))
    paid = samples.content("stripe/checkout.session.completed")
    paid["data"]["object"]["client_reference_id"] = asked["client_reference_id"]
    assert click_ids("stripe/checkout.session.completed", paid) == (came,)


def test_stripes_elements_have_it_whenever_they_come(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = forms(opened, snippets, "<stripe-buy-button></stripe-buy-button><main></main>"), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.evaluate("document.querySelector('main').innerHTML = '<stripe-pricing-table></stripe-pricing-table>'")
    for element in ("stripe-buy-button", "stripe-pricing-table"):
        page.wait_for_selector(f"{element}[client-reference-id='{came}']", state="attached")


def test_stripes_elements_are_told_once(page: Page, snippets: Snippets, opened: Open) -> None:
    """They may draw themselves anew each time."""
    body = "<stripe-buy-button></stripe-buy-button>"
    count = """window.told = 0;
      new MutationObserver(seen => { told += seen.length; }).observe(document.querySelector('stripe-buy-button'),
        {attributes: true});"""
    shop, came = forms(opened, snippets, body + f"<script>{count}</script>"), click()
    page.goto(f"{shop.address}/?ref={came}")
    for _ in range(3):
        page.locator("body").dispatch_event("click")
    page.wait_for_selector(f"stripe-buy-button[client-reference-id='{came}']", state="attached")
    assert page.evaluate("told") == 1


def test_a_reference_of_the_shops_own_stays_and_an_older_one_of_ours_goes(
    page: Page, snippets: Snippets, opened: Open
) -> None:
    came, older = click(), click(1)
    links = "".join(
        f'<a href="{address}">Buy</a>'
        for address in (
            "https://buy.stripe.com/1?client_reference_id=order-7",
            f"https://buy.stripe.com/2?client_reference_id={older}",
            "https://pay.example/3",
            "https://buy.stripe.com.example/4",
        )
    )
    marked = '<a href="https://pay.example/5" data-vouch>Buy</a><a data-vouch>Not one</a>'
    buttons = f'<stripe-buy-button client-reference-id="{older}"></stripe-buy-button>'
    own = '<stripe-pricing-table client-reference-id="order-7"></stripe-pricing-table>'
    shop = forms(opened, snippets, links + marked + buttons + own)
    page.goto(f"{shop.address}/?ref={came}")
    assert page.evaluate("[...document.querySelectorAll('a[href]')].map(link => link.href)") == [
        "https://buy.stripe.com/1?client_reference_id=order-7",
        f"https://buy.stripe.com/2?client_reference_id={came}",
        "https://pay.example/3",
        "https://buy.stripe.com.example/4",
        f"https://pay.example/5?client_reference_id={came}",
    ]
    said = "[...document.querySelectorAll('[client-reference-id]')].map(own => own.getAttribute('client-reference-id'))"
    assert page.evaluate(said) == [came, "order-7"]


# --- any other shop ---------------------------------------------------------------------------------------------------


def test_a_marked_form_sends_it_and_no_other_does(page: Page, snippets: Snippets, opened: Open) -> None:
    body = """<form action="/buy" method="post" data-vouch>
      <input name="mug" value="1"><button id="buy">Buy</button></form>
      <form action="/search" method="post"><input name="q" value="mug"><button id="search">Search</button></form>"""
    shop, came = forms(opened, snippets, body), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.locator("#search").click()
    page.locator("#buy").click()
    eventually(page, lambda: len(shop.orders) == 2)
    assert shop.orders == [{"q": "mug"}, {"mug": "1", "ref": came}]


def test_a_field_that_the_form_has_is_filled_and_not_doubled(page: Page, snippets: Snippets, opened: Open) -> None:
    body = '<form data-vouch><input type="hidden" name="ref" value="x"><button>Buy</button></form>'
    shop, came = forms(opened, snippets, body), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.evaluate("document.querySelector('[name=ref]').value = 'written over'")
    page.locator("body").dispatch_event("click")
    assert page.evaluate("[...document.querySelectorAll('[name=ref]')].map(field => field.value)") == [came]


def test_a_snippet_that_is_there_before_the_page_waits_for_it(
    page: Page, snippets: Snippets, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forms, "LOADING", "")
    shop, came = forms(opened, snippets, "<script>window.Shopify = {};</script>"), click()
    page.goto(f"{shop.address}/?ref={came}")
    eventually(page, lambda: [asked for asked in shop.asked if asked.path == "/cart.js"])


def test_a_busy_page_is_served_in_between(page: Page, snippets: Snippets, opened: Open) -> None:
    """A countdown that never rests must not keep what comes late waiting."""
    shop, came = forms(opened, snippets, "<p></p><main></main>"), click()
    page.goto(f"{shop.address}/?ref={came}")
    page.evaluate("setInterval(() => { document.querySelector('p').textContent = Math.random(); }, 5)")
    page.evaluate("document.querySelector('main').innerHTML = '<form data-vouch></form>'")
    page.wait_for_selector(f"input[name=ref][value='{came}']", state="attached")


# --- no harm ----------------------------------------------------------------------------------------------------------


def test_under_a_strict_policy_nothing_of_it_is_refused(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = shopify(opened, snippets), click()
    shop.policy = (
        f"default-src 'none'; script-src {shop.source} 'nonce-own'; connect-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page.add_init_script("""window.refused = [];
      addEventListener('securitypolicyviolation', event => refused.push(event.violatedDirective));""")
    page.goto(f"{shop.address}/?ref={came}")
    page.locator("#add").click()
    eventually(page, shop.updates)
    assert page.evaluate("refused") == []
    page.locator("#checkout").click()
    assert shop.click_ids() == (came,)


def test_included_twice_it_works_once(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = shopify(opened, snippets, times=2), click()
    page.goto(f"{shop.address}/?ref={came}", wait_until="networkidle")
    assert [asked.path for asked in shop.asked] == ["/", "/cart.js"]
    page.locator("#add").click()
    eventually(page, shop.updates)
    page.wait_for_load_state("networkidle")
    assert shop.updates() == [{"ref": came}]


FORBIDDEN = """for (const store of ['sessionStorage', 'localStorage'])
  Object.defineProperty(window, store, {get() { throw new DOMException('denied', 'SecurityError'); }});"""
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
BARE = "for (const name of ['PerformanceObserver', 'fetch']) delete window[name];"


@pytest.mark.parametrize("world", [FORBIDDEN, FULL])
def test_without_storage_the_page_where_a_visitor_lands_still_hands_it_on(
    page: Page, snippets: Snippets, opened: Open, world: str
) -> None:
    shop, came = shopify(opened, snippets, 'data-consent="granted"'), click()
    page.add_init_script(world)
    page.goto(f"{shop.address}/?ref={came}")
    page.locator("#add").click()
    eventually(page, shop.updates)
    page.locator("#checkout").click()
    eventually(page, lambda: shop.orders)
    assert shop.click_ids() == (came,)
    page.goto(shop.address)
    assert ref(page) is None, "the next page knows nothing of it"


def test_an_old_browser_misses_what_it_cannot_do_and_nothing_else(page: Page, snippets: Snippets, opened: Open) -> None:
    shop, came = (
        forms(opened, snippets, "<form data-vouch></form>" + f"<script>{BARE} window.Shopify = {{}};</script>"),
        click(),
    )
    page.goto(f"{shop.address}/?ref={came}")
    page.wait_for_selector(f"input[name=ref][value='{came}']", state="attached")


@pytest.mark.parametrize(
    "hostile",
    [
        "window.Shopify = {get customerPrivacy() { throw 1; }, loadFeatures: () => { throw 2; }, routes: 7};",
        "window.wp = {data: {select: () => { throw 3; }, subscribe: () => { throw 4; }}};",
        "window.wp = {data: {select: () => ({})}}; window.Shopify = 1;",
        "window.wp = 'x'; window.Shopify = 'y';",
    ],
)
def test_a_page_full_of_surprises_sees_no_error_and_its_form_is_filled(
    page: Page, snippets: Snippets, opened: Open, hostile: str
) -> None:
    shop, came = forms(opened, snippets, f"<script>{hostile}</script><form data-vouch></form><b id=vouch></b>"), click()
    shop.pages["/cart.js"] = "not JSON"
    page.goto(f"{shop.address}/?ref={came}", wait_until="networkidle")
    page.locator("form").dispatch_event("submit")
    page.evaluate("document.dispatchEvent(new CustomEvent('visitorConsentCollected'))")
    assert page.locator("[name=ref]").input_value() == came


def test_it_is_small_and_says_nothing_that_an_old_phone_cannot_read() -> None:
    source = (ROOT / "functions/referrals/embed.js").read_bytes()
    assert len(source) < 8_000
    assert len(gzip.compress(source, mtime=0)) < 3_200
    text = re.sub(r"/\*.*?\*/|^ *//.*$", "", source.decode("ascii"), flags=re.DOTALL | re.MULTILINE)
    assert not re.findall(
        r"\?\.|\?\?|catch \{|\basync\b(?! )|\bawait\b|\{\.\.\.|=> \(\{\.\.\.|\.flat\(|replaceAll|#\w+\s*=", text
    )
    assert not re.findall(
        r"\beval\b|\bFunction\(|innerHTML|\.style\b|document\.cookie|https?://(?!\.\.\.|buy\.stripe\.com)", text
    )
    assert clicks.PREFIX in text
    assert str(clicks.ENCODED) in text
