"""Terms end what was opened, the nearest first."""

from __future__ import annotations

import threading

from faceward.operations.terms import Terms


def test_a_nearer_term_is_not_kept_waiting_by_a_farther_one() -> None:
    ended, done = [], threading.Event()

    def end(gallery: str) -> None:
        ended.append(gallery)
        done.set()

    terms = Terms(end)
    terms.extend("far", 60)
    terms.extend("near", 0.01)
    assert done.wait(10)
    assert ended == ["near"]
    terms.close()


def test_a_term_that_is_extended_ends_later() -> None:
    ended: list[str] = []
    terms = Terms(ended.append)
    terms.extend("door", 0.05)
    terms.extend("door", 60)
    threading.Event().wait(0.2)
    assert ended == []
    terms.close()
