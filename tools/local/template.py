"""What `template.yaml` says, for the tool and the tests that need to know."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
TEMPLATE = REPOSITORY / "template.yaml"

type Resource = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags in their long form."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise yaml.YAMLError(f"!{suffix} stands before {node}")
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a SafeLoader with tags
    template["Resources"] = dict(_unrolled(template["Resources"]))
    return template


def of_type(template: dict[str, Any], kind: str) -> dict[str, Resource]:
    return {name: body for name, body in template["Resources"].items() if body["Type"] == kind}


def _unrolled(section: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each Fn::ForEach as what it stands for, as far as this template uses it."""
    for name, body in section.items():
        if not name.startswith("Fn::ForEach::"):
            yield name, body
            continue
        identifier, values, fragment = body
        for value in values:
            yield from _filled(fragment, identifier, value).items()


def _filled(part: Any, identifier: str, value: str) -> Any:
    match part:
        case {"Fn::Sub": str() as text} if _filled(text, identifier, value) == value:
            return value
        case dict():
            return {_filled(key, identifier, value): _filled(item, identifier, value) for key, item in part.items()}
        case list():
            return [_filled(item, identifier, value) for item in part]
        case str():
            return part.replace(f"${{{identifier}}}", value)
        case _:
            return part
