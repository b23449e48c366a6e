"""A rail of nobody's, with an API: strict in its settings, and never called."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from vouch.rails.base import Api, BadSetting, Rail, Settings

LIVE, SANDBOX = "https://api.coins.example", "https://sandbox.coins.example"
_NAMES = {"client_id", "client_secret", "webhook_secret", "environment", "api_base_url"}


def _settings(said: Mapping[str, str]) -> Settings:
    for name in said:
        if name not in _NAMES:
            raise BadSetting(name, "unknown")
    for name in ("client_id", "client_secret"):
        if not said.get(name):
            raise BadSetting(name)
    if said.get("environment", "live") not in {"live", "sandbox"}:
        raise BadSetting("environment", "invalid")
    return {"environment": "live"} | dict(said)


def _address(settings: Settings) -> str:
    return settings.get("api_base_url") or (LIVE if settings["environment"] == "live" else SANDBOX)


def _never(*_: Any) -> Any:
    raise AssertionError("nobody is paid by it")


RAIL = Rail(
    name="coins",
    unit=lambda currency: 1 if currency in {"ILS", "USD"} else None,
    takes=frozenset({"paypal"}),
    obstacle=lambda _: None,
    settings=_settings,
    secret=frozenset({"client_secret", "webhook_secret"}),
    identity=frozenset({"client_id"}),
    api=Api(_address, _never, _never, timedelta(hours=23), _never, _never),
)
