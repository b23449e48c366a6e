"""Every refusal that a caller can meet, by name; `vouch.problems` gives each its status and its words."""

from typing import ClassVar


class VouchError(Exception):
    """A refusal with a stable `code`; `facts` fill the words of that code in `vouch.messages`."""

    code: ClassVar[str] = "internal"

    def __init__(self, code: str | None = None, *, param: str | None = None, **facts: str | int) -> None:
        self.reason = code or self.code
        self.param = param
        self.facts = facts
        super().__init__(self.reason if param is None else f"{self.reason}: {param}")


class Malformed(VouchError):
    """The request cannot be read as what the route takes."""

    code = "invalid_request"


class Unauthenticated(VouchError):
    """No credential, or one that proves nothing."""

    code = "unauthenticated"


class Forbidden(VouchError):
    """A genuine credential that does not reach this far."""

    code = "forbidden"


class NotFound(VouchError):
    """No such thing in the caller's brand; another brand's thing is just as absent."""

    code = "not_found"


class Conflict(VouchError):
    """The request is sound, but what exists already stands against it."""

    code = "conflict"


class Stale(Conflict):
    """`If-Match` named a version that is no longer the current one."""

    code = "stale_version"


class TooMany(VouchError):
    """The brand has as many of these at work as it may; the same request succeeds once one of them has ended."""

    code = "too_many_at_once"


class MethodNotAllowed(VouchError):
    """The path exists, for other methods."""

    code = "method_not_allowed"


class UnsupportedMediaType(VouchError):
    """The body claims to be something else than JSON."""

    code = "unsupported_media_type"


class TooLarge(VouchError):
    """The body is over the route's limit."""

    code = "too_large"


class Unprocessable(VouchError):
    """Well-formed, but its meaning breaks a rule of the domain."""

    code = "unprocessable"


class Unavailable(VouchError):
    """The world, not the request, is at fault: the same request may succeed a moment later."""

    code = "unavailable"
