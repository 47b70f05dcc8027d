from __future__ import annotations

import base64

import pytest

from faceward.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from faceward.audit.note import Signer, parse_note, sign_note
from faceward.core.errors import IntegrityError, UsageError

# The example of C2SP tlog-checkpoint.
EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE\
+xeMcTOAYQ8=
"""


def test_specification_example() -> None:
    note = parse_note(EXAMPLE)
    checkpoint = Checkpoint.from_body(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert base64.b64encode(checkpoint.root) == b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    assert checkpoint.body() == note.text


def test_round_trip_with_extensions(signer: Signer) -> None:
    checkpoint = Checkpoint(signer.name, 0, bytes(32), ("more", "lines"))
    assert open_checkpoint(sign_checkpoint(checkpoint, signer), signer.verifier) == checkpoint


def test_origin_and_key_belong_together(signer: Signer) -> None:
    other = Checkpoint("example.org/other", 1, bytes(32))
    with pytest.raises(UsageError, match="cannot sign"):
        sign_checkpoint(other, signer)
    with pytest.raises(IntegrityError, match=r"is of example\.org/other"):
        open_checkpoint(sign_note(other.body(), [signer]), signer.verifier)


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a\n",
        f"a\n1\n{ROOT}",
        f"a\n01\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n 1\n{ROOT}\n",
        f"a\n\u0661\n{ROOT}\n",
        f"a\n{2**53}\n{ROOT}\n",
        f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n{ROOT[4:]}\n",
        f"a\n1\n{ROOT[:-2]}B=\n",
        f"\n1\n{ROOT}\n",
        f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\n\nx\n",
    ],
)
def test_malformed_bodies(body: str) -> None:
    with pytest.raises(IntegrityError):
        Checkpoint.from_body(body)


def test_impossible_values() -> None:
    for arguments in (("a", -1, bytes(32)), ("a", 0, b""), ("", 0, bytes(32)), ("a\nb", 0, bytes(32))):
        with pytest.raises(UsageError):
            Checkpoint(*arguments)
    with pytest.raises(UsageError):
        Checkpoint("a", 0, bytes(32), ("",))
