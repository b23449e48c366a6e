"""What of an order's surroundings was looked up when it first mattered, and is pinned with the order for ever.

Clicks expire, codes change hands and connections are set up anew; an old order still settles to the same unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vouch.domain.attribution import Touch
from vouch.domain.facts import TOUCH_KEYS_MAX, Snapshot

CODE, CLICK = "code:", "click:"
"""What the keys of touches begin with."""


@dataclass(frozen=True, slots=True)
class Context:
    """The touches behind each key that any snapshot carried, and the program that the order's connection is limited to.

    In a test brand, test orders earn.
    """

    touches: Mapping[str, tuple[Touch, ...]] = field(default_factory=dict)
    only_program: str | None = None
    test_brand: bool = False

    def touches_of(self, snapshot: Snapshot) -> tuple[Touch, ...]:
        """Those that count for this snapshot: each once, at most ten codes and ten clicks."""
        found: dict[tuple[str, str], Touch] = {}
        for key in touch_keys(snapshot):
            for touch in self.touches.get(key, ()):
                found.setdefault((touch.kind, touch.evidence), touch)
        codes = [touch for touch in found.values() if touch.kind == "code"][:TOUCH_KEYS_MAX]
        visits = [touch for touch in found.values() if touch.kind == "click"][:TOUCH_KEYS_MAX]
        return (*codes, *visits)


def touch_keys(snapshot: Snapshot) -> list[str]:
    """The keys of the evidence that a snapshot carries, in its order."""
    return [f"{CODE}{code}" for code in snapshot.codes] + [f"{CLICK}{click}" for click in snapshot.click_ids]
