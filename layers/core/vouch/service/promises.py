"""What programs have promised: versions of terms, which never change and are read once per process."""

from collections.abc import Iterable

from vouch.domain.attribution import TermsKey
from vouch.domain.terms import Terms
from vouch.service.deployment import Deployment
from vouch.store import programs
from vouch.store.tables import TermsVersion


def terms_of(deployment: Deployment, brand_id: str, keys: Iterable[TermsKey]) -> dict[TermsKey, Terms]:
    """These versions, as far as there are such; the unknown ones in one batch."""
    wanted, unchanging = set(keys), deployment.unchanging
    known = {key: cached for key in wanted if (cached := unchanging.get((brand_id, *key))) is not None}
    missing = {key: programs.terms_key(brand_id, *key) for key in wanted - known.keys()}
    found = deployment.database.get_many(missing.values())
    for key, (_, pk, sk) in missing.items():
        item = found.get((pk, sk))
        if isinstance(item, TermsVersion):
            known[key] = unchanging[brand_id, *key] = programs.terms_of_item(item)
    return known
