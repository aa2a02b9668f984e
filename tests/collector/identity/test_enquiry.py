"""Asking who may be slow: nobody waits long, nobody is asked often, an answer does not stand for ever."""

from __future__ import annotations

import time
from threading import Event

import pytest

from collector.identity import enquiry
from collector.identity.enquiry import Enquiry, Unanswered
from collector.source import Instant


def at(seconds: float) -> Instant:
    return Instant(boot_ns=int(seconds * 1e9), wall_ms=0)


def test_an_answer_is_asked_for_again_when_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enquiry, "WAIT_S", 10.0)
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    asking = Enquiry("x", ask, 5 * 10**9)

    assert [asking.answer(at(second)) for second in (0, 1, 4.9, 5, 9, 10)] == [1, 1, 1, 2, 2, 3]
    assert asking.status(at(10)) == ("x", "ok", "answers")


def test_who_is_slow_is_not_waited_for_nor_asked_twice() -> None:
    release = Event()
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        release.wait(10)
        return "late"

    asking = Enquiry("x", ask, 10**9)
    began = time.monotonic()

    assert asking.answer(at(0)) is None
    assert asking.answer(at(100)) is None
    assert time.monotonic() - began < 0.9
    assert asking.status(at(100)) == ("x", "fail", "no answer yet")
    release.set()
    assert asking._thread is not None
    asking._thread.join(5)
    assert asking.answer(at(100.5)) == "late"
    assert len(asked) == 2


def test_failures_are_told_and_asked_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enquiry, "WAIT_S", 10.0)
    answers: list[str | None] = ["one", *[None] * 7]

    def ask() -> str:
        answer = answers.pop(0)
        if answer is None:
            raise Unanswered("away")
        return answer

    asking = Enquiry("x", ask, 10**9)

    asking.answer(at(0))
    left = []
    for second in range(1, 40):
        asking.answer(at(second))
        left.append(len(answers))
    # asked at 1, 3, 7, 15, 31
    assert [left.index(n) + 1 for n in (6, 5, 4, 3, 2)] == [1, 3, 7, 15, 31]
    assert asking.answer(at(39)) == "one"
    assert asking.status(at(39)) == ("x", "warn", "away; last answer 39 s ago")
    assert asking.answer(at(301)) is None
    assert asking.status(at(301))[1] == "fail"


def test_an_answer_that_breaks_who_asked_is_a_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enquiry, "WAIT_S", 10.0)

    def ask() -> str:
        raise IndexError("no such field")

    asking = Enquiry("x", ask, 10**9)
    assert asking.answer(at(0)) is None
    assert asking.status(at(0)) == ("x", "fail", "IndexError: no such field")
