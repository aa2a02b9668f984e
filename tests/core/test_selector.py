from __future__ import annotations

import pytest

from accounting.core.selector import parse


@pytest.mark.parametrize(
    "text", ["account=ml-* cluster=a100", "cluster=a100,account=ml-*", " cluster=a100 ;& account=ml-* "]
)
def test_separators_and_order_do_not_matter(text: str) -> None:
    assert parse(text).canonical == "account=ml-* cluster=a100"


@pytest.mark.parametrize(
    ("text", "facts", "matches"),
    [
        ("account=ml-*", {"account": "ml-vision"}, True),
        ("account=ml-*", {"account": "ML-vision"}, False),
        ("account=ml-?", {"account": "ml-12"}, False),
        ("account=*", {"account": None}, False),
        ("account=*", {}, False),
        ("account=a[b]*", {"account": "a[b]c"}, True),
        ("account=a[b]", {"account": "ab"}, False),
        ("account=x user=y", {"account": "x", "user": "z"}, False),
        ("workload_id=1_*", {"workload_id": "1_7"}, True),
    ],
)
def test_matching(text: str, facts: dict[str, str | None], matches: bool) -> None:
    assert parse(text).matches(facts) is matches


def test_who_or_what_then_more_fields_then_fewer_globs_are_more_specific() -> None:
    texts = ["cluster=*", "cluster=a", "cluster=a pool=p", "user=a*", "user=a", "user=* pool=*", "user=* pool=p"]
    assert sorted(texts, key=lambda t: parse(t).specificity) == texts


def test_letters_count_on_the_same_facts() -> None:
    assert parse("user=a*").specificity == parse("user=ab*").specificity == parse("account=abc*").specificity
    assert parse("user=a*").letters < parse("user=ab*").letters


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acount=x", "no fact 'acount': did you mean 'account'"),
        ("account=x account=y", "'account' stands twice"),
        ("account", "'account' is not field=pattern"),
        ("account=", "is not field=pattern"),
        ("", "is not field=pattern"),
    ],
)
def test_what_is_no_selector(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)
