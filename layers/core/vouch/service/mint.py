"""Where a request's new ids, slugs and keys come from: fresh ones, or the same ones again at each try of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from vouch.domain import ids
from vouch.service.deployment import Deployment
from vouch.store.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Mint:
    """Randomness and the moment that ULIDs carry."""

    at: datetime
    random: Callable[[int], bytes]

    def id(self, prefix: str) -> str:
        """A new id."""
        return ids.minted(prefix, self.at, self.random(ids.RANDOM_BYTES))


def fresh(deployment: Deployment) -> Mint:
    """For a request that nobody will repeat under the same name."""
    return Mint(deployment.now(), deployment.random)


def repeatable(secrets: Secrets, name: str, at: datetime) -> Mint:
    """For the request `name`, first tried `at`: each of its tries is given the same ids in the same order.

    So a try that died between its effect and its answer finds, when it is repeated, its own effect and no stranger's.
    """
    ordinals = count(1)
    return Mint(at, lambda size: secrets.repeatable(f"{name}\x1f{next(ordinals)}", size))
