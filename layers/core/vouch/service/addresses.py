"""Addresses of other people's APIs that a brand may have us call."""

import re

from vouch.domain import destinations
from vouch.domain.errors import Unprocessable
from vouch.service.deployment import Deployment

_THIS_MACHINE = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?(?:/.*)?")


def check(deployment: Deployment, address: str, *, param: str) -> None:
    """We call it from inside, where more can be reached than from outside; a stand-in on this machine is for demos.

    Raises Unprocessable where it is none.
    """
    local = deployment.settings.is_local and _THIS_MACHINE.fullmatch(address)
    goes_on = address.isascii() and not {"?", "#"} & set(address)  # with the path of whatever is called
    if not goes_on or not (local or destinations.host_of(address)):
        raise Unprocessable("address_not_allowed", param=param)
