"""The database in memory, for tests that go through thousands of schedules: what `Database` does, and nothing below it.

Whoever watches is called before each access, with its partitions and whether it writes, and after it, with its answer.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast, override

from pynamodb.expressions.condition import Condition

from tests.fixtures import NOON, MemoryQueues
from tests.tables import _PLACES
from vouch.service.deployment import Deployment, Unchanging
from vouch.store.database import Database, Key, Refused, Writes
from vouch.store.secrets import Secrets
from vouch.store.tables import TABLES, Item

Raw = dict[str, dict[str, Any]]
Place = tuple[str, str, str]
"""Table, partition and sort key."""


class MemoryDatabase(Database):
    """Items as DynamoDB has them, by table and key; each access is one step."""

    def __init__(self) -> None:
        self.items: dict[Place, Raw] = {}
        self.before: Callable[[set[str], bool], None] = lambda _, __: None
        self.after: Callable[[Any], None] = lambda _: None

    @override
    def get[I: Item](self, model: type[I], pk: str, sk: str | None = None) -> I | None:
        self.before({pk}, False)
        found = self.items.get(_place(model, pk, sk))
        self.after(found)
        return None if found is None else model.from_raw_data(found)

    @override
    def get_many(self, keys: Iterable[Key]) -> dict[tuple[str, str | None], Item]:
        wanted = list(dict.fromkeys(keys))
        self.before({pk for _, pk, _ in wanted}, False)
        found = {(pk, sk): self.items.get(_place(model, pk, sk)) for model, pk, sk in wanted}
        self.after(found)
        models = {(pk, sk): _base(model) for model, pk, sk in wanted}
        return {key: models[key].from_raw_data(raw) for key, raw in found.items() if raw is not None}

    @override
    def query[I: Item](
        self,
        model: type[I],
        pk: str,
        condition: Condition | None = None,
        *,
        newest_first: bool = False,
        limit: int | None = None,
        page: int | None = None,
    ) -> Iterator[I]:
        assert not newest_first
        self.before({pk}, False)
        table = _base(model).__name__
        found = [self.items[place] for place in sorted(self.items) if place[:2] == (table, pk)]
        found = [raw for raw in found if condition is None or _holds(condition, raw)][:limit]
        self.after(found)
        return iter([cast("I", _base(model).from_raw_data(raw)) for raw in found])

    @override
    def put(self, item: Item, condition: Condition | None = None) -> bool:
        writes = Writes()
        writes.put(item, condition)
        try:
            self.commit(writes)
        except Refused:
            return False
        return True

    @override
    def commit(self, writes: Writes) -> None:
        puts = [(_place_of(item), item, condition) for item, condition in writes._puts]
        self.before({pk for (_, pk, _), *_ in puts}, True)
        refused = [
            item
            for place, item, condition in puts
            if condition is not None and not _holds(condition, self.items.get(place, {}))
        ]
        self.after(len(refused))
        if refused:
            raise Refused(refused)
        self.items |= {place: item.serialize() for place, item, _ in puts}


class MemoryDeployment(Deployment):
    """A deployment with such a database, in which time stands still."""

    def __init__(self, unchanging: Unchanging) -> None:
        self.settings = _PLACES
        self.database = self.memory = MemoryDatabase()
        self.now = lambda: NOON
        self.random = bytes
        self.unchanging = unchanging
        self.secrets = SECRETS
        self.sqs = MemoryQueues()


SECRETS = Secrets.of('{"1": "test master"}')


def _base(model: type[Item]) -> type[Item]:
    return next(base for base in TABLES if issubclass(model, base))


def _place(model: type[Item], pk: str, sk: str | None) -> Place:
    return _base(model).__name__, pk, sk or ""


def _place_of(item: Item) -> Place:
    return _place(type(item), item.pk, getattr(item, "sk", None))


def _holds(condition: Condition, raw: Raw) -> bool:
    path, *bounds = condition.values
    found = next(iter(raw.get(path.path[0], {"": None}).values()))
    values = [next(iter(bound.value.values())) for bound in bounds]
    match condition.operator:
        case "=":
            return bool(found == values[0])
        case "BETWEEN":
            return bool(values[0] <= found <= values[1])
        case "begins_with":
            return bool(found.startswith(values[0]))
        case "attribute_not_exists":
            return found is None
    raise NotImplementedError(condition.operator)
