"""What modules report becomes one line that says what to do; what they do is tested against SoftHSM."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceward.core.errors import EnvironmentFailure, UsageError, WrongSecret
from faceward.protection.pkcs11 import Pkcs11File, TokenKey

pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed (extra 'hsm')")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("PinIncorrect", WrongSecret, "locks after a few wrong ones"),
        ("PinLenRange", WrongSecret, "does not open the token 'museum'"),
        ("PinLocked", WrongSecret, "security officer"),
        ("PinExpired", WrongSecret, "PinExpired"),
        ("DeviceRemoved", EnvironmentFailure, "put it in"),
        ("TokenNotPresent", EnvironmentFailure, "put it in"),
        ("MultipleTokensReturned", EnvironmentFailure, "several tokens"),
        ("MechanismInvalid", EnvironmentFailure, "cannot do AES-GCM"),
        ("DeviceMemory", EnvironmentFailure, "failed (DeviceMemory)"),
        ("GeneralError", EnvironmentFailure, "failed (GeneralError)"),
    ],
)
def test_a_modules_report_is_one_line(name: str, kind: type[Exception], said: str) -> None:
    holder = Pkcs11File(Path("k"), Path("module.so"), "1234", TokenKey("museum"))
    error = holder._translated(pkcs11, getattr(pkcs11, name)(), "museum")
    assert type(error) is kind
    assert said in str(error)
    assert "\n" not in str(error)
    assert "1234" not in str(error)


def test_the_next_key_is_staged_for_the_same_token(tmp_path: Path) -> None:
    holder = Pkcs11File(tmp_path / "k", Path("module.so"), "1234", TokenKey("museum"))
    staged = holder.staged()
    assert (staged.path.name, staged.target, staged.pin) == ("k.next", TokenKey("museum"), "1234")
    # Before anything was sealed there is no token to name.
    assert Pkcs11File(tmp_path / "k", Path("module.so"), "1234").staged().target is None
    with pytest.raises(UsageError, match="32 bytes"):
        holder.seal(b"short")
    (tmp_path / "k").write_text("")
    with pytest.raises(UsageError, match="already exists"):
        holder.seal(bytes(32), replace=False)
