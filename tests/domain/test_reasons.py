"""Every code that an explanation may say has its words, in both languages: a new one without them fails here."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

import vouch
from tests.domain.explanations import EXAMPLE
from vouch.domain.attribution import Candidate, Touch, TouchKind
from vouch.domain.explanation import NOBODY_KNOWS, Cause, Condition, KnownBy, RefundOutcome, StepKind
from vouch.domain.facts import DisputeStatus, Verdict
from vouch.domain.settlement import OrderStatus, Settlement
from vouch.domain.terms import Match, Model, RewardType, VolumeMeasure
from vouch.messages import LANGUAGES
from vouch.words import phrases

CODE = Path(vouch.__path__[0])
GIVEN_AS = {"reason", "problem", "barred"}
"""By these names reasons are given."""


def reasons_in(module: str) -> set[str]:
    """Every code that a module gives as a reason: by that name, or by returning it from where nothing else is."""
    found = set[str]()
    for node in ast.walk(ast.parse((CODE / module).read_text())):
        for value in _reasons(node):
            found |= _spelled(value)
    return found


def _reasons(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="Settlement" | "Candidate" | "Touch" as name), args=args):
            kind = {"Settlement": Settlement, "Candidate": Candidate, "Touch": Touch}[name]
            yield from (value for field, value in zip(fields(kind), args, strict=False) if field.name in GIVEN_AS)
        case ast.keyword(arg=str(name), value=value) if name in GIVEN_AS:
            yield value
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in {*GIVEN_AS, "causes", "beaten"}:
            yield value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in GIVEN_AS:
            yield value
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="reasons"))], value=value):
            yield value
        case ast.FunctionDef(returns=ast.expr() as returned) if ast.unparse(returned) in ("str | None", "list[str]"):
            yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)


def _spelled(value: ast.expr) -> set[str]:
    match value:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=orelse):
            return _spelled(body) | _spelled(orelse)
        case ast.BoolOp(values=parts) | ast.List(elts=parts):
            return {text for part in parts for text in _spelled(part)}
        case ast.Dict(keys=keys):
            return {text for key in keys if key is not None for text in _spelled(key)}
        case _:
            return set()


def plain(table: Mapping[str, phrases.Phrase]) -> set[str]:
    """Without what is said in place of another phrase."""
    return {name for name in table if not any(name.startswith(f"{other}_") for other in table)}


def test_every_reason_of_an_order_has_its_words_and_no_words_are_left_over() -> None:
    assert reasons_in("domain/settlement.py") == set(phrases.ORDER_REASONS)


def test_every_reason_of_a_candidate_has_its_words() -> None:
    decided, looked_up = reasons_in("domain/attribution.py"), reasons_in("service/evidence.py")
    assert {"outside_window", "model_share_zero", "reassigned", "needs_click"} <= decided
    assert {"unknown_code", "not_enrolled", "code_not_active", "no_terms"} <= looked_up
    assert decided | looked_up == plain(phrases.TOUCH_REASONS)


def test_every_reason_of_a_line_has_its_words() -> None:
    assert reasons_in("domain/explanation.py") == set(phrases.LINE_REASONS)


def test_whatever_a_rule_asks_and_whatever_keeps_it_from_a_line_has_its_words() -> None:
    asked = {field.name for field in fields(Match)}
    assert asked == set(get_args(Condition))
    against = asked | reasons_in("domain/commission.py") | set(NOBODY_KNOWS)
    assert against | {"customer_is_new", "customer_is_returning"} == set(phrases.CONDITIONS)
    assert (asked - {"customer"}) | {"customer_new", "customer_returning"} == plain(phrases.MET)


@pytest.mark.parametrize(
    "codes, table",
    [
        (OrderStatus, phrases.STATUSES),
        (Model, phrases.MODELS),
        (TouchKind, phrases.CREDITED),
        (TouchKind, phrases.TOUCHES),
        (StepKind, phrases.STEPS),
        (Cause, phrases.CAUSES),
        (Verdict, phrases.DECISIONS),
        (RefundOutcome, phrases.REFUNDS),
        (DisputeStatus, phrases.DISPUTES),
        (KnownBy, phrases.KNOWN_BY),
        (VolumeMeasure, phrases.MEASURES),
    ],
)
def test_every_code_of_a_kind_has_its_words(codes: object, table: dict[str, phrases.Phrase]) -> None:
    assert set(get_args(codes)) == plain(table)


def test_what_is_nobodys_and_what_a_rule_gives_have_their_words() -> None:
    assert {f"{kind}_nobodys" for kind in get_args(TouchKind)} <= set(phrases.TOUCHES)
    assert set(phrases.REWARDS) == set(get_args(RewardType)) - {"none"}


PHRASES = {
    f"{table}.{name}": phrase
    for table, content in vars(phrases).items()
    if table.isupper() and table not in ("PLATFORMS", "COUNTS", "MONTHS")
    for name, phrase in content.items()
}


@pytest.mark.parametrize("name", PHRASES)
def test_every_phrase_is_there_in_both_languages_and_says_the_same_facts(name: str) -> None:
    phrase = PHRASES[name]
    assert set(phrase) == set(LANGUAGES)
    # English says whose something is by the owner, Hebrew here and there by whom it goes to.
    said = [{*re.findall(r"\{(\w+)\}", phrase[language])} - {"owner", "whom"} for language in LANGUAGES]
    assert said[0] == said[1]


def test_months_and_counts_are_there_in_both_languages() -> None:
    assert {language: len(months) for language, months in phrases.MONTHS.items()} == dict.fromkeys(LANGUAGES, 12)
    for forms in phrases.COUNTS.values():
        assert {language: len(words) for language, words in forms.items()} == {"en": 2, "he": 3}


def test_the_page_on_reading_an_explanation_says_what_its_example_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reading-an-explanation.md").read_text()
    assert EXAMPLE.told("en") in page
    assert EXAMPLE.told("he", "noa") in page
    assert EXAMPLE.told("en", "noa") in page
