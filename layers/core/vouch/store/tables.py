"""Tables, keys and models: every item that Vouch keeps.

`b` below is a brand's id. Only the directory's keys (`SLUG#`, `CON#`) carry no brand, since they are what finds it.
A list is a query of an index that holds keys only and one batch read: two requests, and updates cost no index units.
"""

import json
import zlib
from typing import Any, override

from pynamodb.attributes import (
    Attribute,
    BinaryAttribute,
    BooleanAttribute,
    DiscriminatorAttribute,
    JSONAttribute,
    UnicodeAttribute,
)
from pynamodb.constants import NUMBER
from pynamodb.models import Model


class IntegerAttribute(Attribute[int]):
    """A whole number; PynamoDB's own number attribute would store a float without complaint."""

    attr_type = NUMBER

    @override
    def serialize(self, value: Any) -> str:
        """Raises TypeError for anything but an int."""
        if type(value) is not int:
            msg = f"an integer is stored here, not {value!r}"
            raise TypeError(msg)
        return str(value)

    @override
    def deserialize(self, value: str) -> int:
        """The stored digits; a fraction would be a corrupt item and raises ValueError."""
        return int(value)


class Item(Model):
    """What all items share; each table's base class below names its table and its keys."""

    pk: UnicodeAttribute


# --- main -------------------------------------------------------------------------------------------------------------


class Main(Item):
    """Table `main`: set-up, orders, commissions and balances."""

    class Meta:
        table_name: str | None = None

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    g1pk = UnicodeAttribute(null=True)
    g1sk = UnicodeAttribute(null=True)
    g2pk = UnicodeAttribute(null=True)
    g2sk = UnicodeAttribute(null=True)
    kind = DiscriminatorAttribute(attr_name="k")


class Brand(Main, discriminator="brand"):
    """`b` / `BRAND`, index `BRANDS`. `clock` is set in test brands whose clock was moved.

    `hosts` = {host: [who wants links to lead there: `brand`, or a connection's id]}. `folds`, `audit`, `seals`, `pulls`
    and `payouts` = how far the last round of that job has come: [the moment that it is about, where it goes on or null,
    whether nothing failed, when it had its last turn]; see `vouch.service.turns`.
    """

    id = UnicodeAttribute()
    name = UnicodeAttribute()
    mode = UnicodeAttribute()
    created_at = UnicodeAttribute()
    clock = UnicodeAttribute(null=True)
    hosts = JSONAttribute(null=True)
    folds = JSONAttribute(null=True)
    audit = JSONAttribute(null=True)
    seals = JSONAttribute(null=True)
    pulls = JSONAttribute(null=True)
    payouts = JSONAttribute(null=True)


class ApiKey(Main, discriminator="key"):
    """`b` / `KEY#<id>`, index `b#KEY`. The id is derived from the keyed hash of the key, which is stored nowhere."""

    id = UnicodeAttribute()
    name = UnicodeAttribute()
    scopes = JSONAttribute()
    created_at = UnicodeAttribute()
    revoked_at = UnicodeAttribute(null=True)


class Program(Main, discriminator="program"):
    """`b` / `PRG#<id>`, index `b#PRG`. `versions` = [[number, from or null]], `active` = [[from or null, to or null]].

    `parameter` (null: `ref`) and `journeys` are here for the redirect: in what a click id travels, and the numbers of
    the versions under which visitors may be given the journey cookie.
    """

    id = UnicodeAttribute()
    name = UnicodeAttribute()
    currency = UnicodeAttribute()
    status = UnicodeAttribute()
    active = JSONAttribute()
    versions = JSONAttribute()
    parameter = UnicodeAttribute(null=True)
    journeys = JSONAttribute(null=True)
    created_at = UnicodeAttribute()
    version = IntegerAttribute()


class TermsVersion(Main, discriminator="terms"):
    """`b` / `PRG#<id>#T#<number, 6 digits>`: never updated. It counts from `effective_from`; null: since ever."""

    id = UnicodeAttribute()
    program_id = UnicodeAttribute()
    currency = UnicodeAttribute()
    number = IntegerAttribute()
    effective_from = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    terms = JSONAttribute()


class Creator(Main, discriminator="creator"):
    """`b#C#<c>` / `C`, index `b#CRE`.

    `persons` are the pseudonyms by which a buyer is recognised as the creator, one per address they have had, the
    present one last. `former_emails` = [[address, until when it was theirs, the last version of the creator that had
    it]] of the last months. `tiers` = [[name, from, to or null]], `recruiters` = [[creator, from, to or null]].
    `payee_changes` counts those of what lies beside it and says where, and whether, the creator is paid.
    """

    id = UnicodeAttribute()
    email = UnicodeAttribute()
    former_emails = JSONAttribute(default=list)
    name = UnicodeAttribute()
    language = UnicodeAttribute()
    handles = JSONAttribute()
    persons = JSONAttribute()
    tiers = JSONAttribute(default=list)
    recruiters = JSONAttribute(default=list)
    payee_changes = IntegerAttribute(null=True, attr_name="pc")
    active_from = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = IntegerAttribute()


class Mailbox(Main, discriminator="mailbox"):
    """`b` / `MAIL#<pseudonym>`: one creator per address in a brand, none once its creator has moved to another."""

    creator_id = UnicodeAttribute(null=True)


class Handle(Main, discriminator="handle"):
    """`b#N#<platform>:<name>` / `N`: whose name on that platform it is. `owners` = [[creator, from, to or null]]."""

    owners = JSONAttribute()
    version = IntegerAttribute()


class Place(Main, discriminator="place"):
    """`b` / `ID#<id>`: where the enrolment, code or terms version with this id lies, whose keys say something else.

    For a code also under the id of each request that gave it to somebody, which thus gives it once.
    """

    at_pk = UnicodeAttribute()
    at_sk = UnicodeAttribute()


class Enrolment(Main, discriminator="enrolment"):
    """`b#C#<c>` / `ENR#<program>`, index `b#PRG#<program>`. `active` = [[from, to or null]], ended periods stay.

    `leaves` are the moments at which the creator left: a pause is none.
    """

    id = UnicodeAttribute()
    creator_id = UnicodeAttribute()
    program_id = UnicodeAttribute()
    status = UnicodeAttribute()
    active = JSONAttribute()
    leaves = JSONAttribute(default=list)
    created_at = UnicodeAttribute()
    version = IntegerAttribute()


class Link(Main, discriminator="link"):
    """`b#L#<link key>` / `L`, index `b#L` by creator. Its creator and program never change.

    `former_slugs` lead to it still: what was printed cannot be called back.
    """

    id = UnicodeAttribute()
    slug = UnicodeAttribute()
    former_slugs = JSONAttribute()
    program_id = UnicodeAttribute()
    creator_id = UnicodeAttribute()
    destination = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = IntegerAttribute()


class Slug(Main, discriminator="slug"):
    """`SLUG#<slug>` / `S`: all that a redirect needs in one read. A used slug stays its link's for ever."""

    brand_id = UnicodeAttribute()
    mode = UnicodeAttribute()
    link_id = UnicodeAttribute()
    program_id = UnicodeAttribute()
    destination = UnicodeAttribute()
    status = UnicodeAttribute()


class Code(Main, discriminator="code"):
    """`b#D#<code>` / `D`, index `b#D` by its present owner. `owners` = [[creator, program, from, to or null]]."""

    id = UnicodeAttribute()
    code = UnicodeAttribute()
    program_id = UnicodeAttribute()
    creator_id = UnicodeAttribute()
    owners = JSONAttribute()
    created_at = UnicodeAttribute()
    version = IntegerAttribute()


class ProductTie(Main, discriminator="tie"):
    """`b#T#<product or sku>:<value>` / `T`: whose it is. `owners` = [[creator, program, from, to or null]]."""

    owners = JSONAttribute()
    version = IntegerAttribute()


class TiesBegin(Main, discriminator="ties_begin"):
    """`b` / `TIES`: `since` is when the brand's first product tie begins; none where it never had any."""

    since = UnicodeAttribute()


class TieList(Main, discriminator="tie_list"):
    """`b#C#<c>` / `TIE#<program>`: what is the creator's in that program now, one `<product or sku>:<value>` a line."""

    program_id = UnicodeAttribute()
    tied = UnicodeAttribute(null=True)
    version = IntegerAttribute()


class ProductItem(Main, discriminator="product"):
    """`b#G#<product>` / `G`, index `b#G`. `versions` = [[from or null, {tags, collections}]], the oldest first."""

    id = UnicodeAttribute()
    versions = JSONAttribute()
    version = IntegerAttribute()


class RateItem(Main, discriminator="rate"):
    """`b#FX#<from>-<to>` / `<at>#<source>`: never updated. The rate is `numerator / denominator`."""

    from_currency = UnicodeAttribute()
    to_currency = UnicodeAttribute()
    numerator = IntegerAttribute()
    denominator = IntegerAttribute()
    at = UnicodeAttribute()
    source = UnicodeAttribute()
    created_at = UnicodeAttribute()


class ConnectionItem(Main, discriminator="connection"):
    """`CON#<id>` / `C`, index `b#CON`. `secrets` = [[sealed, valid until or null]], newest first."""

    id = UnicodeAttribute()
    brand_id = UnicodeAttribute()
    mode = UnicodeAttribute()
    platform = UnicodeAttribute()
    shop = UnicodeAttribute(null=True)
    program_id = UnicodeAttribute(null=True)
    details = JSONAttribute()
    secrets = JSONAttribute()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = IntegerAttribute()


class Order(Main, discriminator="order"):
    """`b#O#<ord>` / `O`, index `b#O`, where anybody has told of the order.

    `packed` = four lines of JSON, zlib'd together: they name the same ids, and the second kB would double the bill:
    the summary; what is posted, [[creator, part, currency, matures at, amount]]; the pinned context; the newest
    snapshot. Where no item holds all that, the latter two lie in `parts` items (`OrderPart`) instead. `events` is how
    many `OrderEvent`s there are. Null is none of them. `unfinished`: parts of what was settled are still to be posted.
    `written` = Σ of the versions at which the partition's other items were written; see `vouch.store.orders`.
    """

    id = UnicodeAttribute()
    version = IntegerAttribute(attr_name="v")
    connection_id = UnicodeAttribute(null=True, attr_name="con")
    external_id = UnicodeAttribute(attr_name="ext")
    packed = BinaryAttribute(legacy_encoding=False, attr_name="z")
    parts = IntegerAttribute(null=True, attr_name="sn")
    events = IntegerAttribute(null=True, attr_name="fn")
    unfinished = BooleanAttribute(null=True, attr_name="u")
    written = IntegerAttribute(attr_name="w")

    @property
    def lines(self) -> list[str]:
        """What is packed."""
        return zlib.decompress(self.packed).decode().split("\n")

    @property
    def summary(self) -> dict[str, Any]:
        """What a list shows of the order without settling it again."""
        summary: dict[str, Any] = json.loads(self.lines[0])
        return summary


class OrderPart(Main, discriminator="part"):
    """`b#O#<ord>` / `S#<n, 4 digits>`: a piece of a context and a snapshot too large for one item."""

    body = BinaryAttribute(legacy_encoding=False)
    version = IntegerAttribute(attr_name="v")


class OrderEvent(Main, discriminator="event"):
    """`b#O#<ord>` / `F#<kind>#<id>`: a fact but a snapshot, `facts.Event`, its newest version; its JSON, zlib'd.

    In the partition of an `Alias` it waits for the order that claims that name.
    """

    fact = BinaryAttribute(legacy_encoding=False, attr_name="f")
    version = IntegerAttribute(attr_name="v")


class Alias(Main, discriminator="alias"):
    """`b#X#<con>#<alias>` / `X`: another name of an order, whose `external_id` is null until an order claims it.

    From then on it is in the index `b#X#<con>#<external id>`.
    `version` goes up with each fact that comes to wait under the name.
    """

    version = IntegerAttribute(attr_name="v")
    external_id = UnicodeAttribute(null=True, attr_name="ext")


class Mirror(Main, discriminator="mirror"):
    """`b#X#<platform>#<external id>` / `M`: the order of another platform that is the same sale; when it was placed.

    It names no connection: the platform may be connected later.
    """

    order_id = UnicodeAttribute(attr_name="o")
    born = UnicodeAttribute()


class Commission(Main, discriminator="commission"):
    """`b#O#<ord>` / `C#<c>`, index `b#C#<c>#O`: one creator's part of an order, as it stands.

    `base` is what is kept of the base of the lines that are credited to them, in the commission's currency. So much of
    what stands as was `recruited` is a recruiter's share.
    """

    order_id = UnicodeAttribute(attr_name="o")
    creator_id = UnicodeAttribute(attr_name="c")
    program_id = UnicodeAttribute(attr_name="prg")
    terms_version = IntegerAttribute(attr_name="tv")
    currency = UnicodeAttribute(attr_name="ccy")
    earned = IntegerAttribute(attr_name="e")
    reversed = IntegerAttribute(attr_name="r")
    held = BooleanAttribute(attr_name="h")
    matures_at = UnicodeAttribute(attr_name="m")
    placed_at = UnicodeAttribute(attr_name="at")
    base = IntegerAttribute(attr_name="b")
    recruited = IntegerAttribute(attr_name="rs", default=0)
    version = IntegerAttribute(attr_name="v")


class RegisterItem(Main, discriminator="register"):
    """`b#U#<hash>` / `U`: what a customer's or a subscription's markers come to; see `vouch.domain.registers`.

    `first` and `last` = [placed at, order], `origin` = [placed at, order, creator, program].
    """

    first = JSONAttribute(null=True, attr_name="f")
    origin = JSONAttribute(null=True, attr_name="o")
    last = JSONAttribute(null=True, attr_name="l")
    version = IntegerAttribute(attr_name="v")


class Marker(Main, discriminator="marker"):
    """`b#U#<hash>` / `O#<placed at>#<ord>`: an order in a register, as its version `version` has it.

    `names` = [creator, program], whom its own clicks and codes name. See `vouch.domain.registers`.
    """

    counts = BooleanAttribute(attr_name="c")
    names = JSONAttribute(null=True, attr_name="n")
    version = IntegerAttribute(attr_name="v")


class PayoutMethod(Main, discriminator="payout_method"):
    """`b#C#<c>` / `PM`: where a creator's money goes.

    `sealed` is the whole destination, `shown` what may be read of it. `changed_at` is the brand's time at which it took
    another one's place, or came first after a payout; else null. `replaced` = [type, sealed, shown] of the other one.
    `changes` are the moments of the latest changes, that one among them. `told` are the addresses that hear of this
    one: the creator's own, and those that they had until a short while before.
    """

    type = UnicodeAttribute(attr_name="t")
    holder = UnicodeAttribute(null=True, attr_name="h")
    sealed = UnicodeAttribute(attr_name="s")
    shown = UnicodeAttribute(attr_name="m")
    changed_at = UnicodeAttribute(null=True)
    replaced = JSONAttribute(null=True)
    changes = JSONAttribute(default=list)
    told = JSONAttribute()
    version = IntegerAttribute(attr_name="v")


class PayeeItem(Main, discriminator="payee"):
    """`b#C#<c>` / `PAYEE`: what a brand says of a creator whom it pays.

    `entity` is `person` or `company`, `tax_form` the kind of form that the brand has of them, null without one;
    `tax_certificate` is by what the brand finds the paper that says how much is withheld. Both hold to the end of the
    day (`2026-12-31`) on which they expire. `tax_id` is sealed, `tax_id_shown` what may be read of it.
    """

    held = BooleanAttribute()
    held_reason = UnicodeAttribute(null=True)
    country = UnicodeAttribute(null=True)
    entity = UnicodeAttribute(null=True)
    tax_form = UnicodeAttribute(null=True)
    tax_form_expires_on = UnicodeAttribute(null=True)
    tax_id = UnicodeAttribute(null=True)
    tax_id_shown = UnicodeAttribute(null=True)
    withholding_bps = IntegerAttribute()
    tax_certificate = UnicodeAttribute(null=True)
    tax_certificate_expires_on = UnicodeAttribute(null=True)
    version = IntegerAttribute(attr_name="v")


class PayoutSettings(Main, discriminator="payout_settings"):
    """`b` / `PAYOUTS`: how the brand pays, where its programs' terms do not say it.

    `currencies` = {currency: {minimum, rail, schedule, schedule_begins, adjustment_limit}}, each null where nothing is
    said; a schedule is as the API has it, and begins when it was set, in the brand's time.
    """

    time_zone = UnicodeAttribute()
    tax_form_required = BooleanAttribute()
    currencies = JSONAttribute()
    version = IntegerAttribute()


class ThresholdList(Main, discriminator="thresholds"):
    """`b` / `THRESHOLDS`: `thresholds` = [[name, currency, amount, `earned` or `paid`]], for a creator's year."""

    thresholds = JSONAttribute()
    version = IntegerAttribute()


class RailAccount(Main, discriminator="rail_account"):
    """`b` / `RAIL#<rail>`: the brand's own account at a rail.

    `sealed` is all of its settings as one JSON, null once they were taken away; `shown` those that are no secrets, and
    `secrets` the names of those that are. `reason` is why it is paused.
    """

    rail = UnicodeAttribute()
    sealed = UnicodeAttribute(null=True)
    shown = JSONAttribute()
    secrets = JSONAttribute()
    status = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    paused_at = UnicodeAttribute(null=True)
    version = IntegerAttribute()


class PayoutItem(Main, discriminator="payout"):
    """`b#P#<po>` / `P`, index `b#P` by time, second index `b#C#<c>#P` likewise: one creator's amount of a run.

    `amount` = `withheld` + what the creator gets; `authority` is the country whose tax was withheld. `to` is the
    destination as it was sealed when the payout was made, `shown` what may be read of it; `creator_version` is the
    version of the creator who was looked at then, whose e-mail address it goes by. `names` are the rail's ids of it,
    `reference` the one that a person would look for; `reason` is why it failed or came back. `tries` counts its
    attempts, `tried_at` is when the last one began. `key` is what its calls are idempotent by, since `keyed_at`, at the
    account with the identity `account`, last in that account's version `account_version`; `resent` is what the rail
    said of a further one while the first has no answer. `fee` = [amount, currency], what the rail took beside that.
    Likewise, and not booked, `carried` is what it says that it carries where that is another amount than ours, and
    `came_back` what it gave back of it where that is a part. `unreadable`: it has once given an answer that cannot be
    read and may have been a payment, whatever it said later. `told_by` is the key of the person who said last what
    became of it, `fail_asked` = [key, reason, when, in real time] the first of two words that it failed or came back.
    `aside`: it is `created` and no file has it, nor ever will.
    """

    id = UnicodeAttribute()
    run_id = UnicodeAttribute(attr_name="run")
    creator_id = UnicodeAttribute(attr_name="c")
    currency = UnicodeAttribute(attr_name="ccy")
    amount = IntegerAttribute(attr_name="a")
    withheld = IntegerAttribute(attr_name="wh")
    authority = UnicodeAttribute(null=True, attr_name="tax")
    rail = UnicodeAttribute()
    to = UnicodeAttribute(null=True)
    shown = UnicodeAttribute(null=True)
    creator_version = IntegerAttribute(attr_name="cv")
    status = UnicodeAttribute(attr_name="st")
    reason = UnicodeAttribute(null=True)
    names = JSONAttribute(null=True)
    reference = UnicodeAttribute(null=True, attr_name="ref")
    fee = JSONAttribute(null=True)
    carried = JSONAttribute(null=True)
    came_back = JSONAttribute(null=True)
    unreadable = BooleanAttribute(null=True, attr_name="ur")
    told_by = UnicodeAttribute(null=True, attr_name="by")
    fail_asked = JSONAttribute(null=True, attr_name="fa")
    aside = BooleanAttribute(null=True)
    tries = IntegerAttribute()
    tried_at = UnicodeAttribute(null=True)
    key = UnicodeAttribute(null=True)
    keyed_at = UnicodeAttribute(null=True)
    account = UnicodeAttribute(null=True)
    account_version = IntegerAttribute(null=True)
    resent = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(attr_name="at")
    changed_at = UnicodeAttribute(attr_name="m")
    settled_at = UnicodeAttribute(null=True)
    returned_at = UnicodeAttribute(null=True)
    version = IntegerAttribute(attr_name="v")


class PayoutAttempt(Main, discriminator="attempt"):
    """`b#P#<po>` / `A#<n, 4 digits>`: put before the rail is called. `key` is what the call is idempotent by."""

    key = UnicodeAttribute()
    at = UnicodeAttribute()


class OpenPayout(Main, discriminator="open_payout"):
    """`b#OPEN` / `<po>`: a payout of which its rail can still tell news; `next_at`, by real time, is when it is asked.

    Put and removed with the payout's status.
    """

    next_at = UnicodeAttribute()
    looks = IntegerAttribute()


class OpenRun(Main, discriminator="open_run"):
    """`b#OPEN` / `<run>`: a run of which something is left to be done; put with it."""


class PayoutRun(Main, discriminator="run"):
    """`b#R#<run>` / `R`, index `b#R`: one paying of many creators.

    `rail`, `currency` and `creators` are what it was restricted to. `bookmark` is where the list of creators goes on,
    "" at its beginning, null once all are in `chunks` chunks, of which so many are `reserved` and so many `sent`.
    `looked_at`, `payouts` and `totals` = [[rail, currency, payouts, amount, withheld]] are sums of the chunks that are
    reserved; so many of the payouts were `released` as it was cancelled. `at` is the brand's time of it, `created_at`
    the real one. `files` = [[rail, currency, part, payments, net, behind which payout, up to which, name, media type,
    key of the object, its SHA-256, its revision]], the name and what is the object's null until it is written;
    `left_out` counts the payouts that failed before, of all files. `accounts` = {rail: its settings, sealed} by which
    the rail's first file was written, and all others are.
    """

    id = UnicodeAttribute()
    status = UnicodeAttribute(attr_name="st")
    rail = UnicodeAttribute(null=True)
    currency = UnicodeAttribute(null=True)
    creators = JSONAttribute(null=True)
    dry_run = BooleanAttribute()
    scheduled_for = UnicodeAttribute(null=True)
    bookmark = UnicodeAttribute(null=True)
    chunks = IntegerAttribute()
    reserved = IntegerAttribute()
    sent = IntegerAttribute()
    looked_at = IntegerAttribute()
    payouts = IntegerAttribute()
    released = IntegerAttribute()
    left_out = IntegerAttribute()
    totals = JSONAttribute()
    files = JSONAttribute(null=True)
    accounts = JSONAttribute(null=True)
    at = UnicodeAttribute()
    created_at = UnicodeAttribute()
    moved_at = UnicodeAttribute()
    version = IntegerAttribute()


class RunChunk(Main, discriminator="run_chunk"):
    """`b#R#<run>` / `CH#<n, 6 digits>`: some creators of a run, and how far they are: `listed`, `reserved`, `sent`.

    `released`: the run was cancelled, and what they were not sent is theirs again.
    `outcomes` = [[creator, currency, amount, withheld, rail, payout or null, why left out or null]], of those who have
    anything in the currency.
    """

    creators = JSONAttribute()
    status = UnicodeAttribute(attr_name="st")
    outcomes = JSONAttribute(null=True)
    version = IntegerAttribute(attr_name="v")


class AdjustmentItem(Main, discriminator="adjustment"):
    """`b#J#<adj>` / `J`, index `b#J` by time, second index `b#C#<c>#J` likewise: what a person says of an account.

    `type` is `adjustment`, `writeoff` or `correction`; one that waits for an approval has posted nothing. The amount of
    a write-off is null until it is posted. `created_by`, `approved_by` and `declined_by` are ids of API keys.
    `reverses` is what a correction takes back, which names it in turn as `reversed_by` while it waits or is posted.
    """

    id = UnicodeAttribute()
    type = UnicodeAttribute(attr_name="t")
    creator_id = UnicodeAttribute(attr_name="c")
    currency = UnicodeAttribute(attr_name="ccy")
    amount = IntegerAttribute(null=True, attr_name="a")
    reason = UnicodeAttribute()
    status = UnicodeAttribute(attr_name="st")
    created_by = UnicodeAttribute()
    approved_by = UnicodeAttribute(null=True)
    declined_by = UnicodeAttribute(null=True)
    reverses = UnicodeAttribute(null=True)
    reversed_by = UnicodeAttribute(null=True)
    entry_id = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(attr_name="at")
    posted_at = UnicodeAttribute(null=True)
    version = IntegerAttribute(attr_name="v")


class CashRow(Main, discriminator="cash"):
    """`b#CASH#<rail>#<ccy>` / `<at>#<ent>`: an entry's part in `cash:<rail>`, + debit; put with it, never updated.

    `step` is `payment`, `fee` or `return`; `reference` is what a person would look for.
    """

    payout_id = UnicodeAttribute(attr_name="po")
    step = UnicodeAttribute()
    amount = IntegerAttribute(attr_name="a")
    reference = UnicodeAttribute(null=True, attr_name="ref")


class CashName(Main, discriminator="cash_name"):
    """`b#CN#<rail>#<name>` / `<ccy>#<amount>#<po>`: a rail or a bank may say that of this payout, under that name."""

    payout_id = UnicodeAttribute(attr_name="po")


class StatementLine(Main, discriminator="statement_line"):
    """`b#S#<lin>` / `S`, index `b#S#<rail>#<ccy>` by time: a line of a rail's own statement, as it was said.

    `stands_for` = [payout, step], the movement of ours that it was found to be; then it has the `Claim` to it.
    """

    id = UnicodeAttribute()
    at = UnicodeAttribute()
    amount = IntegerAttribute(attr_name="a")
    currency = UnicodeAttribute(attr_name="ccy")
    reference = UnicodeAttribute(null=True, attr_name="ref")
    payout_id = UnicodeAttribute(null=True, attr_name="po")
    step = UnicodeAttribute(null=True)
    stands_for = JSONAttribute(null=True)


class Claim(Main, discriminator="claim"):
    """`b#P#<po>` / `S#<step>`: the one line of the rail's statement that stands for that step of the payout."""

    line = UnicodeAttribute()


class VisitItem(Main, discriminator="visit"):
    """`b#V#<contact>` / `V#<at>#<vis>`: a visit by message, and whose link or code led there; never updated.

    `click_id` is what the message carried where that is one of ours. No TTL: nothing else tells of the visit, and terms
    may look back for years.
    """

    creator_id = UnicodeAttribute(attr_name="c")
    program_id = UnicodeAttribute(attr_name="prg")
    click_id = UnicodeAttribute(null=True, attr_name="clk")


class ForgottenContact(Main, discriminator="forgotten_contact"):
    """`b#V#<contact>` / `F`: visits until then are not kept again when a delivery that tells of them is read again."""

    until = UnicodeAttribute()


class ContactDelivery(Main, discriminator="contact_delivery"):
    """`b#V#<contact>` / `D#<dlv>`: a raw delivery that tells of the contact, for when they ask to be forgotten."""

    inbox_pk = UnicodeAttribute(attr_name="i")


class ContactOrder(Main, discriminator="contact_order"):
    """`b#V#<contact>` / `O#<ord>`: an order that names the contact, to be told of visits that come to light later."""

    connection_id = UnicodeAttribute(null=True, attr_name="con")
    external_id = UnicodeAttribute(attr_name="ext")
    placed_at = UnicodeAttribute(attr_name="at")


class Seal(Main, discriminator="seal"):
    """`b#C#<c>` / `SEAL#<program>#<period>#<measure>#<time zone>`: a creator's volume of that period.

    Never updated once there is a `volume`. Until then it is no seal: `so_far` = [what was counted, up to which of the
    creator's commissions].
    """

    volume = IntegerAttribute(null=True)
    sealed_at = UnicodeAttribute(null=True)
    so_far = JSONAttribute(null=True)


class Balance(Main, discriminator="balance"):
    """`b#C#<c>` / `BAL`: what folds have counted of a creator's time line; see `vouch.domain.account`.

    `written` = Σ of the versions at which the account's `PeriodSums` were written (null: there are none).
    """

    state = JSONAttribute()
    version = IntegerAttribute(attr_name="v")
    written = IntegerAttribute(null=True, attr_name="w")


class PeriodSums(Main, discriminator="period"):
    """`b#C#<c>` / `CAP#<program>#<period>`: what a creator's orders there come to; see `vouch.domain.period_rules`.

    `tallies` = {currency: {terms version: [amount, orders]}} of a month (`2026-05`); `extras` = {rule: {currency:
    amount}}, what caps took and bonuses gave in it, or in a longer period (`2026-Q2`, `2026`, `lifetime`). `version` is
    that of the balance which was put with it.
    """

    tallies = JSONAttribute(attr_name="t")
    extras = JSONAttribute(attr_name="x")
    version = IntegerAttribute(attr_name="v")


class PrivacyRecord(Main, discriminator="privacy"):
    """`PRIV#<dlv>` / `R`, index `b#PRIV`: what a platform asked about a buyer or a shop, and what came of it.

    Nobody is named in it. `orders` are ids of ours, the first ORDERS_SHOWN of those that the buyer has; `erased` counts
    raw deliveries, `left` those that say what is not in the books yet: `again_at` it is tried again to erase them.
    """

    id = UnicodeAttribute()
    brand_id = UnicodeAttribute()
    connection_id = UnicodeAttribute(null=True)
    platform = UnicodeAttribute()
    request = UnicodeAttribute()
    platform_id = UnicodeAttribute(null=True)
    status = UnicodeAttribute()
    orders = JSONAttribute(default=list)
    erased = IntegerAttribute(default=0)
    left = IntegerAttribute(default=0)
    received_at = UnicodeAttribute()
    done_at = UnicodeAttribute(null=True)
    again_at = UnicodeAttribute(null=True)


class Parked(Main, discriminator="parked"):
    """`b#PARK` / `<dlv>`, index `b#PARK` by time: a delivery that could not become facts, and why.

    `<dlv>#asked`: what its platform is asked for it did not come. `chain` names the one row of tries that goes on.
    """

    delivery_id = UnicodeAttribute()
    connection_id = UnicodeAttribute(null=True)
    inbox_pk = UnicodeAttribute()
    reason = UnicodeAttribute()
    detail = UnicodeAttribute()
    topic = UnicodeAttribute(null=True)
    chain = UnicodeAttribute(null=True)
    received_at = UnicodeAttribute()
    parked_at = UnicodeAttribute()


# --- the other tables -------------------------------------------------------------------------------------------------


class EntryItem(Item):
    """Table `ledger`, `b#A#<c>`: never changed. The sort keys are told in `vouch.store.ledger`."""

    class Meta:
        table_name: str | None = None

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    id = UnicodeAttribute()
    kind = UnicodeAttribute(attr_name="k")
    currency = UnicodeAttribute(attr_name="ccy")
    legs = JSONAttribute(attr_name="l")
    posted_at = UnicodeAttribute(attr_name="at")
    order_id = UnicodeAttribute(null=True, attr_name="o")
    note = JSONAttribute(null=True, attr_name="n")


class Delivery(Item):
    """Table `inbox`, `b#D#<con>#<subject>` / `<dlv>`, index `<hour>#<0..15>`: a request as it came, never updated.

    What the platform said when it was asked is a delivery, too, which `answers` the one for which it was asked, or a
    reconciliation's page: `<rec>#<how many changes came before it>`.
    """

    class Meta:
        table_name: str | None = None

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    g1pk = UnicodeAttribute()
    g1sk = UnicodeAttribute()
    brand_id = UnicodeAttribute()
    mode = UnicodeAttribute()
    connection_id = UnicodeAttribute(null=True)
    program_id = UnicodeAttribute(null=True)
    platform = UnicodeAttribute()
    answers = UnicodeAttribute(null=True)
    headers = JSONAttribute()
    body = BinaryAttribute(null=True, legacy_encoding=False)
    body_key = UnicodeAttribute(null=True)
    received_at = UnicodeAttribute()
    expires_at = IntegerAttribute()


class Click(Item):
    """Table `clicks`, `b#K#<clk>`: one counted visit; `trail` are the visitor's earlier clicks, newest first."""

    class Meta:
        table_name: str | None = None

    pk = UnicodeAttribute(hash_key=True)
    at = UnicodeAttribute()
    trail = JSONAttribute(null=True)
    expires_at = IntegerAttribute()


class Figure(Item):
    """Table `figures`: due days (`b#DUE` / `<day>#<c>`), sums of accounts, how far jobs are, and what expires.

    That is simulations, reconciliations, platforms that are away, mails that were sent, and idempotency keys
    (`b#IDEM#<hash>` / `I`).
    """

    class Meta:
        table_name: str | None = None

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute(attr_name="k")


class Due(Figure, discriminator="due"):
    """A creator some of whose entries mature on that UTC day. `mark` is another one each time it is put."""

    mark = UnicodeAttribute(attr_name="m")


class Bucket(Figure, discriminator="bucket"):
    """`b#C#<c>` / `H#<moment>#<ccy>`, `T#<ccy>`: a sum of entries of an account; see `vouch.store.buckets`.

    `mark` is the number of the last record of the ledger's stream that is in it. Of a total, `held` is what waits for a
    decision, and `last` when the last of its entries was posted.
    """

    amount = IntegerAttribute(attr_name="a")
    held = IntegerAttribute(null=True, attr_name="h")
    last = UnicodeAttribute(null=True, attr_name="at")
    mark = UnicodeAttribute(attr_name="m")


class Passed(Figure, discriminator="passed"):
    """`SECOND_PASS` / `P`: the last hour whose deliveries have all been settled again."""

    hour = UnicodeAttribute()


class Pulled(Figure, discriminator="pulled"):
    """`b#PULL#<con>` / `MARK`: until when a connection is reconciled, and the reconciliation that may be at work."""

    until = UnicodeAttribute(null=True)
    running = UnicodeAttribute(null=True)
    version = IntegerAttribute()


class Away(Figure, discriminator="away"):
    """`b#AWAY#<con>` / `A`: until when a platform that did not answer, `tries` times in a row, is left alone."""

    until = UnicodeAttribute()
    tries = IntegerAttribute()
    expires_at = IntegerAttribute()


class Reconciliation(Figure, discriminator="reconciliation"):
    """`b#PULL#<con>` / `<rec>`: what of `[since, until)` the platform was asked for, and what came of it.

    `bookmark` is where the platform's list goes on, null at its beginning. `looked_at` counts what had changed there,
    `healed` what we had not heard of, `unreadable` what parks. `counted` names what of the page under way, and of the
    one before, is among the healed. `orders` = [[id, the platform's own]] of the first that were healed. `reason` is
    why it failed, or waits. `tries`: how often in a row the platform stayed away, and `away_since` when.
    """

    id = UnicodeAttribute()
    connection_id = UnicodeAttribute()
    status = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    since = UnicodeAttribute()
    until = UnicodeAttribute()
    bookmark = UnicodeAttribute(null=True)
    looked_at = IntegerAttribute()
    healed = IntegerAttribute()
    unreadable = IntegerAttribute()
    counted = JSONAttribute()
    orders = JSONAttribute()
    tries = IntegerAttribute()
    away_since = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    moved_at = UnicodeAttribute()
    done_at = UnicodeAttribute(null=True)
    version = IntegerAttribute()
    expires_at = IntegerAttribute()


class Simulation(Figure, discriminator="simulation"):
    """`b#SIM` / `<sim>`: what it is about, and how far it has come.

    `terms` is the draft as JSON, zlib'd. `bookmark` is the sort key of the last order that was counted, of the index of
    orders; "" at the beginning, null once all are. `chunks`, `differences` and `pages` count its `SimulationPart`s:
    sums, orders that are told of, and rows; `amounts` those that these orders are told with. `different` and `left_out`
    count orders. `tries`: how often somebody set out to take it further since that last came off, and `restarts` how
    often it was sent for because nobody did. `totals` = {currency: [before, after]}. `mark` is another one each time it
    is put.
    """

    id = UnicodeAttribute()
    program_id = UnicodeAttribute()
    currency = UnicodeAttribute()
    terms = BinaryAttribute(legacy_encoding=False)
    placed_from = UnicodeAttribute()
    placed_to = UnicodeAttribute()
    created_at = UnicodeAttribute()
    moved_at = UnicodeAttribute()
    status = UnicodeAttribute()
    bookmark = UnicodeAttribute(null=True)
    orders = IntegerAttribute()
    different = IntegerAttribute()
    left_out = IntegerAttribute()
    chunks = IntegerAttribute()
    differences = IntegerAttribute()
    amounts = IntegerAttribute()
    tries = IntegerAttribute()
    restarts = IntegerAttribute()
    pages = IntegerAttribute()
    rows = IntegerAttribute()
    totals = JSONAttribute(null=True)
    mark = UnicodeAttribute()
    version = IntegerAttribute()
    expires_at = IntegerAttribute()


class RunningSimulations(Figure, discriminator="running_simulations"):
    """`b#SIM#RUNNING` / `R`: the `ids` of the few simulations that may run; one that has ended may still be named."""

    ids = JSONAttribute()
    version = IntegerAttribute()


class SimulationPart(Figure, discriminator="simulation_part"):
    """`b#SIM#<sim>` / `S#<chunk>#<n>` sums, `D#<number of its first>` differences, `R#<page>` rows: JSON, zlib'd.

    And how far volumes are measured, `V#<creator>#<program>#<period>#<measure>#<time zone>`.
    """

    body = BinaryAttribute(legacy_encoding=False)
    expires_at = IntegerAttribute()


class MailItem(Figure, discriminator="mail"):
    """`b#MAIL#<c>` / `<name>`: a mail, under way until `lease` for the `tries`-th time, or how it `ended`."""

    lease = UnicodeAttribute()
    tries = IntegerAttribute()
    ended = UnicodeAttribute(null=True)
    expires_at = IntegerAttribute()


class Idempotency(Figure, discriminator="idempotency"):
    """A request under an `Idempotency-Key`: running until `lease`, or finished with the answer to replay."""

    fingerprint = UnicodeAttribute()
    birth = UnicodeAttribute()
    lease = UnicodeAttribute()
    status = IntegerAttribute(null=True)
    answer = BinaryAttribute(null=True, legacy_encoding=False)
    expires_at = IntegerAttribute()


GSI1, GSI2 = "gsi1", "gsi2"


class OfSecond(str):
    """A partition of the second index; any other text names one of the first."""

    __slots__ = ()


def index_of(partition: str) -> str:
    """The index that the partition is one of."""
    return GSI2 if isinstance(partition, OfSecond) else GSI1


INDEX_KEYS = {GSI1: ("g1pk", "g1sk"), GSI2: ("g2pk", "g2sk")}


def behind(partition: str, pk: str, sk: str, sort_key: str) -> dict[str, dict[str, str]]:
    """Where a query of an index's partition goes on: behind the item with these keys."""
    partition_name, sort_name = INDEX_KEYS[index_of(partition)]
    return {"pk": {"S": pk}, "sk": {"S": sk}, partition_name: {"S": partition}, sort_name: {"S": sort_key}}


TABLES: dict[type[Item], tuple[str, tuple[str, ...]]] = {  # the setting that holds each table's name; its indexes
    Main: ("main_table", (GSI1, GSI2)),
    EntryItem: ("ledger_table", ()),
    Delivery: ("inbox_table", (GSI1,)),
    Click: ("clicks_table", ()),
    Figure: ("figures_table", ()),
}
