"""Terms that say all that terms can say."""

from typing import Any

from vouch.domain import ids

NOA = ids.derived("cre_", "noa")
EVERYTHING: dict[str, Any] = {
    "hold_days": 30,
    "attribution": {
        "model": "position",
        "window_days": 60,
        "code_policy": "joins",
        "half_life_days": 3,
        "customer_tie": {"months": 12, "first": True},
        "product_ties": True,
    },
    "commission": {
        "base": {"tax": True, "shipping": True, "gift_cards": True},
        "rules": [
            {"match": {"tags": ["outlet"]}, "reward": {"type": "none"}},
            {
                "match": {
                    "skus": ["A", "B"],
                    "product_ids": ["77"],
                    "collections": ["summer"],
                    "tags": ["fragile"],
                    "creator_ids": [NOA],
                    "creator_tiers": ["gold"],
                    "countries": ["IL"],
                    "platforms": ["shopify"],
                    "customer": "new",
                    "order_min": {"amount": 100, "currency": "ILS"},
                    "order_max": {"amount": 900, "currency": "ILS"},
                },
                "reward": {"type": "flat_item", "amount": 500, "currency": "ILS"},
            },
            {"match": {}, "reward": {"type": "percent", "bps": 1000}},
        ],
        "cap_per_order": {"amount": 50000, "currency": "ILS"},
        "cap_per_period": {"amount": 900000, "currency": "ILS", "period": "quarter"},
        "recurring": {"payments": 6, "months": 12},
        "tiers": {"period": "year", "measure": "revenue", "levels": [{"from": 0, "bps": 1}, {"from": 9, "bps": 2}]},
        "bonuses": [
            {
                "id": "ten",
                "measure": "orders",
                "threshold": 10,
                "period": "lifetime",
                "reward": {"amount": 7000, "currency": "ILS"},
            },
        ],
        "recruiter": {"bps": 500, "months": 24},
    },
    "payout": {"minimum": {"amount": 5000, "currency": "ILS"}, "rail": "csv"},
    "journey": True,
    "convert_to": "ILS",
    "time_zone": "Asia/Jerusalem",
}
