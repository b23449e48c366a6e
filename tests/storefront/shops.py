"""Small shops on loopback, each with the part of a real one that the snippet meets: its pages, its cart, its checkout.

Every page loads the snippet, as a theme would. What a buyer ordered stands in `orders`, as the platform would tell it.
"""

import json
import re
from copy import deepcopy
from typing import Any, override
from urllib.parse import parse_qsl

from referrals import embed
from tests.platforms import samples
from tests.standins.server import Asked, StandIn, Told
from vouch.domain.facts import Snapshot
from vouch.platforms.base import Request


class Snippets(StandIn):
    """Where the snippet comes from: another origin than any shop's."""

    @override
    def answer(self, asked: Asked) -> Told:
        assert asked.path == embed.PATH
        status, headers, body = embed.script("")
        return Told(status, body.encode(), headers)


class Shop(StandIn):
    """A shop of `pages`, HTML by path; with a `policy`, all of it under that Content-Security-Policy.

    `options` are the attributes of the snippet's tag, which stands on each page `times` times.
    """

    LOADING = "async"
    """As we ask for; without it, the snippet runs before the rest of the page is there."""

    def __init__(self, snippets: Snippets, options: str = "", *, times: int = 1) -> None:
        super().__init__()
        self.pages = {"/": "<h1>Mugs</h1>"}
        self.orders: list[dict[str, Any]] = []
        self.source = f"{snippets.address}{embed.PATH}"
        self.policy = ""
        self._tags = f'<script src="{self.source}" {self.LOADING} {options}></script>' * times

    @override
    def answer(self, asked: Asked) -> Told:
        if asked.method == "GET" and asked.path in self.pages:
            return self._page(self.pages[asked.path])
        return Told(404)

    def head(self) -> str:
        """What the platform itself puts into every page."""
        return ""

    def script(self, code: str) -> str:
        """One of the shop's own, which its policy allows."""
        return f'<script nonce="own">{code}</script>'

    def _page(self, body: str) -> Told:
        html = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Mugs</title>
<link rel="icon" href="data:,">{self.head()}{self._tags}</head>
<body>{body}</body>
</html>"""
        headers = {"content-type": "text/html; charset=utf-8"}
        return Told(200, html.encode(), headers | ({"content-security-policy": self.policy} if self.policy else {}))


def click_ids(sample: str, body: dict[str, Any]) -> tuple[str, ...]:
    """What Vouch finds where a platform sends such a body in place of the recorded one."""
    request = Request(samples.request(sample).headers, json.dumps(body).encode())
    said = samples.reading(sample.partition("/")[0], request)
    [snapshot] = [fact for fact in said.facts if isinstance(fact, Snapshot)]
    return snapshot.click_ids


def fields(asked: Asked) -> dict[str, str]:
    """Of a form."""
    return dict(parse_qsl(asked.body.decode(), keep_blank_values=True))


class Shopify(Shop):
    """One buyer's cart: `/cart.js` and its kin, the cart's page, and a checkout that makes of it an order."""

    def __init__(self, snippets: Snippets, options: str = "", *, times: int = 1, root: str = "/") -> None:
        super().__init__(snippets, options, times=times)
        self.root = root
        self.cart: dict[str, Any] = {}
        self._empty()
        self.pages = {
            "/": f"""<button id="add">Add</button><button id="clear">Clear</button><p id="done"></p>
              <form action="{root}cart/add" method="post"><button id="plain">Add</button></form>
              <form action="/checkout" method="post"><button id="checkout">Check out</button></form>"""
            + self.script(f"""
                const tell = path => fetch('{root}cart/' + path, {{method: 'POST'}})
                  .then(() => {{ document.getElementById('done').textContent += path + ' '; }});
                for (const path of ['add', 'clear'])
                  document.getElementById(path).addEventListener('click', () => tell(path + '.js'));"""),
            f"{root}cart": f"""<form action="{root}cart" method="post"><input name="note" value="Gift">
              <button id="checkout" name="checkout">Check out</button></form>""",
        }

    @override
    def head(self) -> str:
        return self.script(f"""window.Shopify = {{shop: 'mugs.myshopify.com', routes: {{root: '{self.root}'}}}};""")

    @override
    def answer(self, asked: Asked) -> Told:
        cart = f"{self.root}cart"
        doing = asked.path.removeprefix(cart) if asked.path.startswith(cart) else None
        if asked.method == "GET":
            return Told.json(self.cart) if doing == ".js" else super().answer(asked)
        if doing in {"/add", "/add.js"}:
            self.cart["item_count"] += 1
        elif doing == "/clear.js":
            self._empty()  # a new cart: nothing says that the attributes of the old one are kept
        elif doing == "/update.js":
            assert asked.headers["content-type"] == "application/json"
            self.cart["attributes"] |= json.loads(asked.body)["attributes"]
        elif doing == "" or asked.path == "/checkout":
            written = re.compile(r"attributes\[(.+)\]")
            named = {found[1]: value for name, value in fields(asked).items() if (found := written.fullmatch(name))}
            self.cart["attributes"] |= named
            return self._ordered()
        else:
            return Told(404)
        return Told(303, headers={"location": cart}) if doing == "/add" else Told.json(self.cart)

    def updates(self) -> list[dict[str, str]]:
        """The attributes that were written to the cart, in turn; they are in it by now."""
        with self._lock:
            written = [asked.body for asked in self.asked if asked.path == f"{self.root}cart/update.js"]
        return [json.loads(body)["attributes"] for body in written]

    def click_ids(self) -> tuple[str, ...]:
        """What Vouch reads in the newest order."""
        return click_ids("shopify/orders_paid", samples.content("shopify/orders_paid") | self.orders[-1])

    def _ordered(self) -> Told:
        attributes = [{"name": name, "value": value} for name, value in self.cart["attributes"].items()]
        self.orders.append({"note_attributes": attributes, "landing_site": "/"})
        self._empty()
        return Told(303, headers={"location": "/"})

    def _empty(self) -> None:
        self.cart = {"token": "c1", "item_count": 0, "attributes": {"gift": "yes"}}


class WooCommerce(Shop):
    """Its two checkouts, with order attribution in the browser as the plugin has it since 8.5.

    The classic one posts a form, of which the order keeps what it knows; the block one sends its store's data. Both are
    written over once more when the visitor answers the shop's own question for consent: `answered()` in the page.
    """

    WRITER = "setExtensionData"
    """Older ones say `__internalSetExtensionData`."""

    def __init__(self, snippets: Snippets, options: str = "", *, entry: str | None = None) -> None:
        super().__init__(snippets, options)
        self._entry = json.dumps(entry)
        self.pages = {
            "/": "<h1>Mugs</h1>",
            "/checkout": """<form class="checkout woocommerce-checkout" action="/place" method="post">
              <input name="billing_email" value="b@example.com">
              <wc-order-attribution-inputs></wc-order-attribution-inputs>
              <button id="place">Place order</button></form>"""
            + self.script(f"""
                window.answered = () => {{
                  document.querySelector('[name=wc_order_attribution_session_entry]').value = {self._entry} || '';
                }};
                customElements.define('wc-order-attribution-inputs', class extends HTMLElement {{
                  connectedCallback() {{
                    for (const name of ['source_type', 'session_entry']) {{
                      const input = document.createElement('input');
                      input.type = 'hidden';
                      input.name = 'wc_order_attribution_' + name;
                      this.appendChild(input);
                    }}
                    answered();
                  }}
                }});"""),
            "/blocks": '<button id="place">Place order</button>',
        }

    @override
    def head(self) -> str:
        """A registry of stores; the checkout's comes a moment after everything else, and with it the plugin's data."""
        return self.script(f"""{{
            const stores = {{}}, listeners = [], part = 'woocommerce/order-attribution';
            window.wp = {{data: {{
              select: name => stores[name] && stores[name].selectors,
              dispatch: name => stores[name].actions,
              subscribe: listener => listeners.push(listener),
            }}}};
            window.answered = () => wp.data.dispatch('wc/store/checkout').{self.WRITER}(
              part, {{source_type: 'typein', session_entry: {self._entry}}}, true);
            const open = () => {{
              let data = {{}};
              stores['wc/store/checkout'] = {{
                selectors: {{getExtensionData: () => data}},
                actions: {{{self.WRITER}: (name, values, replace) => {{
                  data = {{...data, [name]: replace ? values : {{...data[name], ...values}}}};
                  for (const listener of listeners) listener();
                }}}},
              }};
              answered();
              document.getElementById('place').addEventListener('click', () => fetch('/wc/store/v1/checkout', {{
                method: 'POST', body: JSON.stringify({{extensions: data}})}}));
            }};
            if (location.pathname === '/blocks') addEventListener('load', () => setTimeout(open, 20));
            }}""")  # noqa: S608 - selects from a store in JavaScript

    @override
    def answer(self, asked: Asked) -> Told:
        if asked.method == "GET":
            return super().answer(asked)
        if asked.path == "/place":
            sent = fields(asked)
            told = {name: value for name, value in sent.items() if name.startswith("wc_order_attribution_")}
        else:
            extension = json.loads(asked.body)["extensions"]["woocommerce/order-attribution"]
            sent, told = {}, {f"wc_order_attribution_{name}": value for name, value in extension.items()}
        meta = {f"_{name}": _cleaned(value or "") for name, value in told.items()}
        self.orders.append({"meta": meta, "posted": sent})
        return Told(303, headers={"location": "/"})

    def click_ids(self) -> tuple[str, ...]:
        """What Vouch reads in the newest order."""
        meta = [{"id": 1, "key": name, "value": value} for name, value in self.orders[-1]["meta"].items()]
        sample = "woocommerce/order_updated_processing"
        return click_ids(sample, samples.content(sample) | {"meta_data": meta})


def _cleaned(text: str) -> str:
    """WordPress drops escaped octets from the text of a field."""
    return re.sub("%[0-9a-fA-F]{2}", "", text)


class Forms(Shop):
    """Any other shop: it keeps what its forms and its own code send."""

    @override
    def answer(self, asked: Asked) -> Told:
        if asked.method == "POST":
            self.orders.append(deepcopy(fields(asked)))
            return Told(303, headers={"location": "/"})
        return super().answer(asked)
