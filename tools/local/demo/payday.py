"""The studio pays its friends: it looks whom that would concern, writes the list, and its bank has paid the first."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from local.demo.brand import DemoBrand
from local.demo.sales import CURRENCY

FRIENDS = ("noa", "itai", "maya")
REFERENCE = "העברה 4471"
_SETTINGS = {"time_zone": "Asia/Jerusalem", "currencies": {CURRENCY: {"minimum": 5000}}}
_NOAS_ACCOUNT = {"type": "il_bank", "holder": "נועה ברק", "bank": "12", "branch": "571", "account": "041116"}
"""Made up, with a check digit that is right."""
_OMARS_NOTE = {"held": True, "held_reason": "Shipped to a reseller: asking the shop", "withholding_bps": 0}


@dataclass(frozen=True)
class Payday:
    """The run, what it had said before it paid anybody, and the payouts that it made."""

    run: dict[str, Any]
    would: list[dict[str, Any]]
    payouts: list[dict[str, Any]]

    @property
    def file(self) -> str:
        """Where the list is."""
        return f"/v1/payout_runs/{self.run['id']}/file"

    def told(self) -> list[str]:
        """In words: who would have been paid and who not, and what came of it."""
        paid = [outcome for outcome in self.would if outcome["skipped"] is None]
        left_out = Counter(outcome["skipped"] for outcome in self.would if outcome["skipped"] is not None)
        why = "".join(f", {number} left out ({reason})" for reason, number in sorted(left_out.items()))
        said = Counter(payout["status"] for payout in self.payouts)
        became = ", ".join(f"{number} {status}" for status, number in sorted(said.items()))
        return [
            f"a dry run would pay {len(paid)} creators {_money(sum(each['amount'] for each in paid))}{why}",
            f"friends are paid {_money(self.run['total'])} by list: {became}",
        ]


def pay(brand: DemoBrand) -> Payday:
    """A dry run of everybody, Omar being held, a run of the friends, and the bank's word on Noa."""
    api = brand.api
    api.put("/v1/payout_settings", _SETTINGS)
    api.put(f"/v1/creators/{brand.creator_ids['noa']}/payout_method", _NOAS_ACCOUNT)
    api.put(f"/v1/creators/{brand.creator_ids['omar']}/payee", _OMARS_NOTE)
    dry = api.post("/v1/payout_runs", {"rail": "csv", "dry_run": True}, once="look")
    would = api.get(f"/v1/payout_runs/{dry['id']}/outcomes")["items"]
    friends = [brand.creator_ids[name] for name in FRIENDS]
    run = api.post("/v1/payout_runs", {"rail": "csv", "creator_ids": friends}, once="pay")
    [noas] = api.get("/v1/payouts", run_id=run["id"], creator_id=friends[0])["items"]
    api.post(f"/v1/payouts/{noas['id']}/settle", {"reference": REFERENCE}, once="settle")
    return Payday(run, would, api.get("/v1/payouts", run_id=run["id"])["items"])


def _money(amount: int) -> str:
    return f"{amount / 100:.2f} {CURRENCY}"
