"""What stand-ins send of themselves: in whatever order a test likes, and as often."""

import http.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Callback:
    """A signed event; header names as the vendor writes them."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def received(self) -> dict[str, str]:
        """The headers as a handler sees them."""
        return {name.lower(): value for name, value in self.headers.items()}


def emit(callbacks: Iterable[Callback], url: str) -> list[int]:
    """Posts them one after the other; the statuses that they were answered with."""
    address, statuses = urlsplit(url), []
    assert address.hostname is not None
    for callback in callbacks:
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        connection.request("POST", address.path, body=callback.body, headers=dict(callback.headers))
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
        connection.close()
    return statuses
