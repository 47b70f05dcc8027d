"""Any k of n shares open the master key; any k - 1 do not, in no order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceward.core.errors import BadInput, WrongSecret
from faceward.protection.share_words import HeldShare, Quorum
from faceward.protection.shares import SharesFile

QUORUMS = st.integers(2, 16).flatmap(lambda n: st.tuples(st.integers(2, n), st.just(n))).map(lambda p: Quorum(*p))


@settings(max_examples=30, deadline=None)
@given(quorum=QUORUMS, master=st.binary(min_size=32, max_size=32), data=st.data())
def test_any_k_of_n_open_and_any_fewer_do_not(quorum: Quorum, master: bytes, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "custodian.key"
        SharesFile(path, quorum=quorum, out=folder / "shares").seal(master)
        shares = [HeldShare.read(file) for file in sorted((folder / "shares").iterdir())]
        assert sorted(held.number for held in shares) == list(range(1, quorum.count + 1))
        order = data.draw(st.permutations(shares))
        for some in (order[: quorum.threshold], order):
            assert SharesFile(path, tuple(some)).open() == master
        with pytest.raises(WrongSecret, match="must come together"):
            SharesFile(path, tuple(order[: quorum.threshold - 1])).open()


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(max_size=400) | st.lists(st.sampled_from(["academic", "acid", "zero", "#"]), max_size=40).map(" ".join)
)
def test_no_text_makes_the_reader_of_shares_fail_otherwise(text: str) -> None:
    with pytest.raises(BadInput):
        HeldShare.parse(text, "text")
