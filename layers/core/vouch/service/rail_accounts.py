"""A brand's own accounts at rails: their settings, sealed before they are kept, and whether a rail is paused."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vouch import telemetry
from vouch.domain import ids, times
from vouch.domain.errors import NotFound, Stale, TooLarge, Unprocessable
from vouch.rails.base import BadSetting, Rail, Settings
from vouch.rails.registry import RAILS
from vouch.service import addresses
from vouch.service.deployment import Deployment
from vouch.service.queues import put_off
from vouch.service.revisions import committed, revised
from vouch.store import rail_accounts, versions
from vouch.store.database import Writes
from vouch.store.tables import Brand, RailAccount
from vouch.store.vault import Owner

BYTES_MAX = 4096
"""Of all settings as JSON: so much KMS seals at once."""
Said = Mapping[str, str | None]
"""Settings by name; null takes one away."""


@dataclass(frozen=True, slots=True)
class Account:
    """A brand's account at a rail, open. `paused`: why nothing is sent there for now; None: it is.

    `identity` is another one once calls go to another account: that this one knows nothing of a payment says nothing
    of whether the one before has made it.
    """

    settings: Settings = field(repr=False)
    version: int
    paused: str | None
    identity: str


def opened(deployment: Deployment, brand_id: str, rail: str) -> Settings:
    """The brand's settings of the rail, as `account` has them."""
    return account(deployment, brand_id, rail).settings


def account(deployment: Deployment, brand_id: str, rail: str) -> Account:
    """Raises NotFound where there is no such rail, and Unprocessable where the brand has not set it up but has to."""
    item = _set_up(deployment, brand_id, rail)
    settings = unsealed(deployment, brand_id, rail, item.sealed)
    paused = item.reason if item.status == "paused" else None
    return Account(settings, item.version, paused, _identity(RAILS[rail], brand_id, settings))


def sealed(deployment: Deployment, brand_id: str, rail: str) -> str | None:
    """The brand's settings of the rail as they are kept, None where it has none and need not. Raises as `account`."""
    text: str | None = _set_up(deployment, brand_id, rail).sealed
    return text


def unsealed(deployment: Deployment, brand_id: str, rail: str, text: str | None) -> Settings:
    """What was sealed; without it, what the rail makes of nothing."""
    return _open(deployment, brand_id, rail, text) if text else RAILS[rail].settings({})


def found(deployment: Deployment, brand: Brand, rail: str) -> RailAccount:
    """The brand's account at the rail, set up or not. Raises NotFound where there is no such rail."""
    return rail_accounts.account(deployment.database, brand.id, _rail(rail).name)


def listed(deployment: Deployment, brand: Brand) -> list[RailAccount]:
    """The brand's accounts at all rails there are, set up or not, by name."""
    return rail_accounts.accounts(deployment.database, brand.id, sorted(RAILS))


def is_set_up(item: RailAccount) -> bool:
    """Whether the brand can be paid for over it."""
    return bool(item.sealed) or RAILS[item.rail].ready


def callback_url(deployment: Deployment, brand: Brand, rail: str) -> str | None:
    """Where the rail tells what became of payments; None where it has nothing to tell."""
    return f"{deployment.settings.public_url}/rails/{rail}/{brand.id}" if RAILS[rail].api else None


def changed(deployment: Deployment, brand: Brand, rail: str, said: Said, *, if_match: int | None) -> RailAccount:
    """The account with these settings in place of all before; secrets that are not said stay as they were.

    A secret was given for the host that it is sent to: who names another one gives it again, or it is gone. A paused
    rail stays paused. Raises Unprocessable for a live account in a test brand, and for a sandbox's in a live one.
    """
    known = _rail(rail)

    def apply(item: RailAccount, _: Writes) -> None:
        before = _open(deployment, brand.id, rail, item.sealed) if item.sealed else None
        settings = _completed(known, said, before)
        _check_mode(deployment, brand, known, settings)
        if known.api is not None:
            addresses.check(deployment, known.api.address(settings), param="settings.api_base_url")
        text = json.dumps(dict(settings), ensure_ascii=False, sort_keys=True)
        if len(text.encode()) > BYTES_MAX:
            raise TooLarge(param="settings", limit=BYTES_MAX)
        item.sealed = deployment.vault.seal(Owner(brand.id, "rail_account", rail), text)
        item.shown = {name: value for name, value in settings.items() if name not in known.secret}
        item.secrets = sorted(settings.keys() & known.secret)

    return _revised(deployment, brand, rail, apply, if_match)


def removed(deployment: Deployment, brand: Brand, rail: str, *, if_match: int | None) -> RailAccount:
    """The account without any settings. Raises NotFound where it has none, or there is no such rail."""
    _rail(rail)

    def apply(item: RailAccount, _: Writes) -> None:
        if not item.sealed:
            raise NotFound
        item.sealed, item.shown, item.secrets = None, {}, []
        _go_on(item)

    return _revised(deployment, brand, rail, apply, if_match)


def pause(deployment: Deployment, brand_id: str, rail: str, *, version: int, reason: str) -> RailAccount:
    """Nothing is sent over the rail from now on, unless the account is another by now than the one of that version.

    What the rail said of an account that the brand has changed, or resumed, since is not true of the new one.
    """
    at = times.text(deployment.now())

    def attempt(writes: Writes) -> RailAccount:
        item = rail_accounts.account(deployment.database, brand_id, rail)
        if item.version == version and item.status == "active":
            item.status, item.reason, item.paused_at = "paused", reason, at
            versions.put(writes, item)
        return item

    item = committed(deployment, attempt)
    if item.paused_at == at:
        telemetry.count("RailPaused")
        telemetry.logger().error("a rail is paused", brand=brand_id, rail=rail, reason=reason)
    return item


def resumed(deployment: Deployment, brand: Brand, rail: str, *, if_match: int | None) -> RailAccount:
    """The account, over which is sent again, what waits at once. One that was not paused stays as it is."""

    def attempt(writes: Writes) -> RailAccount:
        item = found(deployment, brand, rail)
        if if_match not in {None, item.version}:
            raise Stale
        if not is_set_up(item):
            raise Unprocessable("rail_not_set_up", rail=rail)
        if item.status == "paused":
            _go_on(item)
            versions.put(writes, item)
        return item

    item = committed(deployment, attempt)
    message = {"resumed": [brand.id], "group": brand.id}
    put_off(deployment, deployment.settings.pay_queue_url, message, seconds=0)
    return item


def _set_up(deployment: Deployment, brand_id: str, rail: str) -> RailAccount:
    item = rail_accounts.account(deployment.database, brand_id, _rail(rail).name)
    if not is_set_up(item):
        raise Unprocessable("rail_not_set_up", rail=rail)
    return item


def _rail(name: str) -> Rail:
    if name not in RAILS:
        raise NotFound
    return RAILS[name]


def _open(deployment: Deployment, brand_id: str, rail: str, sealed: str) -> dict[str, str]:
    text = deployment.vault.open(Owner(brand_id, "rail_account", rail), sealed)
    settings: dict[str, str] = json.loads(text)
    return settings


def _identity(rail: Rail, brand_id: str, settings: Settings) -> str:
    address = rail.api.address(settings) if rail.api is not None else ""
    return ids.derived("", brand_id, address, *(f"{name}={settings.get(name, '')}" for name in sorted(rail.identity)))


def _check_mode(deployment: Deployment, brand: Brand, rail: Rail, settings: Settings) -> None:
    """For a test brand no money moves, and what a live one pays arrives, but where all is on one machine."""
    if rail.is_live is None:
        return
    live, test = rail.is_live(settings), brand.mode == "test"
    if live and test:
        raise Unprocessable("live_account_in_test_brand", param="settings", rail=rail.name)
    if not live and not test and not deployment.settings.is_local:
        raise Unprocessable("sandbox_account_in_live_brand", param="settings", rail=rail.name)


def _go_on(item: RailAccount) -> None:
    item.status, item.reason, item.paused_at = "active", None, None


def _completed(rail: Rail, said: Said, before: Settings | None) -> Settings:
    """What was said, checked, with the secrets of `before` that were neither said anew nor given for another host."""
    given = {name: value for name, value in said.items() if value is not None}
    if before is None:
        return _checked(rail, given)
    kept = {name: before[name] for name in rail.secret - said.keys() if name in before}
    settings = _checked(rail, given | kept)
    if rail.api is not None and rail.api.address(settings) != rail.api.address(before):
        return _checked(rail, given)
    return settings


def _checked(rail: Rail, said: Mapping[str, str]) -> Settings:
    try:
        return rail.settings(said)
    except BadSetting as bad:
        param = f"settings.{bad.param}"
        match bad.code:
            case "required" if bad.param in rail.secret:
                raise Unprocessable("rail_secret_missing", param=param, rail=rail.name) from None
            case "required":
                raise Unprocessable("rail_setting_missing", param=param, rail=rail.name) from None
            case "not_one_of":
                raise Unprocessable(
                    "rail_setting_not_one_of", param=param, rail=rail.name, allowed=bad.allowed
                ) from None
            case "unknown":
                raise Unprocessable("rail_setting_unknown", param=param, rail=rail.name) from None
            case _:
                raise Unprocessable("rail_setting_not_valid", param=param, rail=rail.name) from None


def _revised(
    deployment: Deployment, brand: Brand, rail: str, apply: Callable[[RailAccount, Writes], None], if_match: int | None
) -> RailAccount:
    return revised(
        deployment,
        lambda: rail_accounts.account(deployment.database, brand.id, rail),
        apply,
        if_match=if_match,
    )
