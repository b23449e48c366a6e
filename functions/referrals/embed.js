/* Vouch: takes the click id of a creator's link (?ref=clk_...) from the landing page into the order. Kept for this tab
   alone until the visitor consents: no cookies, no personal data, no requests but for the shop's own cart.
   <script src="https://.../embed.js" async></script>, with data-consent="granted" or "required", data-days="30" */
(function () {
  'use strict';
  if (window.vouch && window.vouch.ref) return;

  const KEY = 'vouch_refs';
  const SHAPE = /^clk_[\w-]{39}$/;
  const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const said = (document.currentScript || {dataset: {}}).dataset;

  const safely = work => { try { return work(); } catch (error) { return undefined; } };
  const all = (selector, work) => document.querySelectorAll(selector).forEach(found => safely(() => work(found)));
  const on = (target, type, work) => target.addEventListener(type, event => safely(() => work(event)), true);

  // In the middle of an id are the seconds since 2024: 32 bits, and 4 more.
  const moment = id => Date.UTC(2024, 0) +
    id.slice(16, 22).split('').reduce((sum, digit) => sum * 64 + DIGITS.indexOf(digit), 0) / 16 * 1000;
  const young = id => Date.now() - moment(id) < (Number(said.days) || 30) * 864e5;
  const newest = ids => ids
    .filter((id, place) => SHAPE.test(id) && ids.indexOf(id) === place)
    .sort((one, other) => moment(other) - moment(one) || (one < other ? 1 : -1))
    .slice(0, 5);

  // Storage may be forbidden.
  const read = store => (safely(() => window[store].getItem(KEY)) || '').split(',');
  const write = (store, ids) =>
    safely(() => ids.length ? window[store].setItem(KEY, ids.join()) : window[store].removeItem(KEY));

  const lasting = newest(read('localStorage')).filter(young);
  let granted = said.consent === 'granted' || lasting.length > 0;
  let known = newest(location.search.split(/[?&=]/).concat(read('sessionStorage'), lasting));

  const refs = () => granted || said.consent !== 'required' ? known : [];
  const named = () => Object.assign({ref: refs()[0]}, refs().length > 1 && {_refs: refs().join()});

  function keep() {
    write('sessionStorage', refs());
    write('localStorage', granted ? known.filter(young) : []);
  }

  function consent(given) {
    granted = given !== false;
    keep();
    handOn();
    askCart();
  }

  // Shopify's word: of what was answered before only a yes counts, of what is answered now also a no.
  function askShopify(now) {
    const privacy = (window.Shopify || {}).customerPrivacy;
    if (said.consent === 'granted' || !privacy || !privacy.marketingAllowed) return;
    const given = privacy.marketingAllowed();
    if (given || now) consent(given);
  }

  // An empty cart is left alone: to write to it would begin the shop's cart cookie.
  let turn = Promise.resolve();
  function askCart() {
    if (!window.Shopify || !refs().length) return;
    const path = ((window.Shopify.routes || {}).root || '/') + 'cart';
    turn = turn.then(() => fetch(path + '.js')).then(answer => answer.json()).then(cart => {
      const has = cart.attributes || {};
      known = newest(known.concat(has.ref, String(has._refs).split(',')));
      keep();
      const wanted = named();
      return cart.item_count && Object.keys(wanted).some(name => has[name] !== wanted[name]) &&
        fetch(path + '/update.js', {
          method: 'POST',
          keepalive: true,
          headers: {'content-type': 'application/json'},
          body: JSON.stringify({attributes: wanted}),
        });
    }).catch(() => undefined);
  }

  function fill(form, around) {
    Object.keys(named()).forEach(key => {
      const name = around.replace('*', key);
      let field = form.querySelector('input[name="' + name + '"]');
      if (!field) {
        field = form.appendChild(document.createElement('input'));
        field.type = 'hidden';
        field.name = name;
      }
      field.value = named()[key];
    });
  }

  // Stripe: a reference of the shop's own stays.
  const ours = reference => !reference || SHAPE.test(reference) && reference !== refs()[0];
  function stripeLink(link) {
    const url = new URL(link.href);
    if (!ours(url.searchParams.get('client_reference_id'))) return;
    url.searchParams.set('client_reference_id', refs()[0]);
    link.href = url.href;
  }
  function stripeElement(element) {
    const name = 'client-reference-id';
    if (ours(element.getAttribute(name))) element.setAttribute(name, refs()[0]);
  }

  // WooCommerce keeps with the order where the visit began, and there the ids go.
  function carrying(address) {
    const missing = refs().filter(id => !(address || '').includes(id));
    const page = (address || location.origin + '/').split('#')[0];
    return missing.length ? page + (page.includes('?') ? '&' : '?') + 'ref=' + missing.join('&ref=') : address;
  }
  function blockCheckout() {
    const data = (window.wp || {}).data, store = 'wc/store/checkout', part = 'woocommerce/order-attribution';
    const told = data && data.select(store) && data.select(store).getExtensionData()[part];
    if (!told || carrying(told.session_entry) === told.session_entry) return;
    const to = data.dispatch(store);
    const values = Object.assign({}, told, {session_entry: carrying(told.session_entry)});
    (to.setExtensionData || to.__internalSetExtensionData)(part, values, true);
  }

  function handOn() {
    if (!refs().length) return;
    all('form[data-vouch], form.woocommerce-checkout', form => fill(form, '*'));
    if (window.Shopify) all('form[action$="/cart"]', form => fill(form, 'attributes[*]'));
    all('a[href^="https://buy.stripe.com/"], a[data-vouch]', stripeLink);
    all('stripe-buy-button, stripe-pricing-table', stripeElement);
    all('input[name$="order_attribution_session_entry"]', field => { field.value = carrying(field.value); });
    safely(blockCheckout);
  }

  window.vouch = {ref: () => refs()[0] || null, refs: () => refs().slice(), consent: consent};
  if (!known.length) return;
  keep();
  handOn();

  // What comes later, or is written over: new elements, carts that change without a new page, checkouts.
  let soon = 0;
  new MutationObserver(() => {
    soon = soon || setTimeout(() => { soon = 0; handOn(); }, 50);
  }).observe(document, {childList: true, subtree: true});
  safely(() => new PerformanceObserver(list => {
    if (list.getEntries().some(entry => /\/cart\/(add|change|clear)\b/.test(entry.name))) askCart();
  }).observe({entryTypes: ['resource']}));
  on(document, 'click', handOn);
  on(document, 'submit', handOn);
  on(document, 'visitorConsentCollected', () => askShopify(true));
  on(window, 'pageshow', event => { if (event.persisted) askCart(); });

  function start() {
    const shop = window.Shopify || {}, data = (window.wp || {}).data || {};
    handOn();
    askCart();
    if (data.subscribe) data.subscribe(() => safely(blockCheckout), 'wc/store/checkout');
    if (shop.loadFeatures) {
      shop.loadFeatures([{name: 'consent-tracking-api', version: '0.1'}], () => safely(() => askShopify(false)));
    }
  }
  if (document.readyState === 'loading') on(document, 'DOMContentLoaded', start);
  else safely(start);
}());
