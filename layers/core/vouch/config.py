"""Settings of a deployment: one frozen value, built from the environment on first use."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Self


class Misconfigured(Exception):
    """Variables that the deployment lacks, all of them at once."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"missing from the environment: {', '.join(missing)}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of the deployment's resources; the variable of each is its own name in capitals.

    `mail_from` is the address that mails come from; where there is none, none are sent.
    """

    main_table: str
    ledger_table: str
    inbox_table: str
    clicks_table: str
    figures_table: str
    bodies_bucket: str
    files_bucket: str
    wake_queue_url: str
    spread_queue_url: str
    spill_queue_url: str
    simulate_queue_url: str
    fetch_queue_url: str
    privacy_queue_url: str
    pay_queue_url: str
    mail_queue_url: str
    vault_key_id: str
    deployment_secret_arn: str
    public_url: str
    mail_from: str = ""

    @property
    def is_local(self) -> bool:
        """Whether this is the stack on one machine, where a platform's stand-in may be, too."""
        return self.public_url.startswith("http://")

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Raises Misconfigured, which names every variable that is absent or empty and has to be there."""
        said = {field.name: environment.get(field.name.upper(), "") for field in fields(cls)}
        missing = [field.name.upper() for field in fields(cls) if field.default is MISSING and not said[field.name]]
        if missing:
            raise Misconfigured(missing)
        return cls(**said | {"public_url": said["public_url"].rstrip("/")})


@cache
def settings() -> Settings:
    """This process's settings; the environment of a function does not change while it lives."""
    return Settings.of(os.environ)
