"""What the use-cases reach the world through: one value per process, built on the first call, never at import."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, override

from botocore.config import Config

from vouch.config import Settings, settings
from vouch.domain import times
from vouch.store.database import Database
from vouch.store.secrets import Secrets
from vouch.store.tables import Brand
from vouch.store.vault import KmsVault, Vault


class Unchanging(dict[Any, Any]):
    """What can never change once it exists (terms versions, a link's creator), kept in the process; bounded by size."""

    SIZE_MAX = 4096

    @override
    def __setitem__(self, key: Any, value: Any) -> None:
        if len(self) >= self.SIZE_MAX:
            self.clear()
        super().__setitem__(key, value)


class Deployment:
    """The tables, the secrets, the queues and the clock. Tests give their own clock and randomness."""

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.settings = settings
        self.database = Database(settings)
        self.now = now
        self.random = random
        self.unchanging = Unchanging()

    @cached_property
    def secrets(self) -> Secrets:
        """Fetched once per process."""
        return Secrets.fetch(self.client("secretsmanager"), self.settings.deployment_secret_arn)

    @cached_property
    def vault(self) -> Vault:
        """Where what is entrusted to us is sealed and opened."""
        return KmsVault(self.client("kms"), self.settings.vault_key_id)

    @cached_property
    def s3(self) -> Any:
        """For bodies that no item holds, and files.

        Addresses that are made for others name the region, as they have to in most, and are signed as KMS asks for.
        """
        return self.client("s3", s3={"addressing_style": "path"}, signature_version="s3v4")

    @cached_property
    def sqs(self) -> Any:
        """For the queues."""
        return self.client("sqs")

    @cached_property
    def ses(self) -> Any:
        """For mails. It tries nothing twice: of a mail whose answer is lost nobody knows whether it went out."""
        return self.client("sesv2", tries=1, answers_within=10)

    def client(self, service: str, *, tries: int = 3, answers_within: int = 3, **more: Any) -> Any:
        """A botocore client from the database's session, whose loader has read the endpoints already."""
        session = self.database.connection.session
        patience = Config(
            connect_timeout=1,
            read_timeout=answers_within,
            retries={"total_max_attempts": tries, "mode": "standard"},
            **more,
        )
        return session.create_client(service, region_name=os.environ.get("AWS_REGION"), config=patience)

    def brand_now(self, brand: Brand) -> datetime:
        """The brand's own time: a test brand's clock once it was moved, else the real one."""
        return times.parse(brand.clock) if brand.clock else self.now()


@cache
def deployment() -> Deployment:
    """This process's deployment."""
    return Deployment(settings())
