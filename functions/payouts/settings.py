"""`/v1/payout_settings`, `/v1/payout_rails`: how a brand pays, and its own accounts at the rails that it pays by."""

from typing import Any

from vouch.http import IF_MATCH, Routes, brand_access
from vouch.service import payout_settings, rail_accounts
from vouch.service.payout_settings import Settings
from vouch.store.tables import PayoutSettings, RailAccount
from vouch.wire import payout_settings as wire

routes = Routes()


@routes.get("/v1/payout_settings", security=brand_access("payout_settings:read"))
def show_payout_settings() -> wire.PayoutSettings:
    return _settings(payout_settings.found(routes.call.deployment, routes.call.brand))


@routes.put("/v1/payout_settings", security=brand_access("payout_settings:write"), openapi_extensions=IF_MATCH)
def replace_payout_settings(body: wire.NewPayoutSettings) -> wire.PayoutSettings:
    call = routes.call
    wanted = Settings(**body.model_dump(mode="json"))
    return _settings(payout_settings.changed(call.deployment, call.brand, wanted, if_match=call.if_match))


@routes.get("/v1/payout_rails", security=brand_access("payout_settings:read"))
def list_payout_rails() -> wire.RailAccounts:
    """All of them: there are few."""
    items = rail_accounts.listed(routes.call.deployment, routes.call.brand)
    return wire.RailAccounts(items=[_account(item) for item in items])


@routes.get("/v1/payout_rails/<rail>", security=brand_access("payout_settings:read"))
def show_payout_rail(rail: str) -> wire.RailAccount:
    return _account(rail_accounts.found(routes.call.deployment, routes.call.brand, rail))


@routes.put("/v1/payout_rails/<rail>", security=brand_access("payout_settings:write"), openapi_extensions=IF_MATCH)
def set_up_payout_rail(rail: str, body: wire.NewRailAccount) -> wire.RailAccount:
    """A paused rail stays paused until it is resumed."""
    call = routes.call
    return _account(rail_accounts.changed(call.deployment, call.brand, rail, body.settings, if_match=call.if_match))


@routes.delete("/v1/payout_rails/<rail>", security=brand_access("payout_settings:write"), openapi_extensions=IF_MATCH)
def remove_payout_rail(rail: str) -> wire.RailAccount:
    """Forgets all settings. What has been sent and has no outcome yet waits until the rail is set up again."""
    call = routes.call
    return _account(rail_accounts.removed(call.deployment, call.brand, rail, if_match=call.if_match))


@routes.post(
    "/v1/payout_rails/<rail>/resume", security=brand_access("payout_settings:write"), openapi_extensions=IF_MATCH
)
def resume_payout_rail(rail: str) -> wire.RailAccount:
    """Sends over it again, what waits at once."""
    call = routes.call
    return _account(rail_accounts.resumed(call.deployment, call.brand, rail, if_match=call.if_match))


def _settings(item: PayoutSettings) -> wire.PayoutSettings:
    deployment, brand = routes.call.deployment, routes.call.brand
    return wire.PayoutSettings.of(
        item,
        currencies={
            currency: _currency(said) | {"next_run_at": payout_settings.next_run_at(deployment, brand, item, currency)}
            for currency, said in item.currencies.items()
        },
    )


def _currency(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name != "schedule_begins"}


def _account(item: RailAccount) -> wire.RailAccount:
    call = routes.call
    return wire.RailAccount.of(
        item,
        status=item.status if rail_accounts.is_set_up(item) else "not_set_up",
        settings=item.shown,
        callback_url=rail_accounts.callback_url(call.deployment, call.brand, item.rail),
    )
