"""The master key sealed by a PKCS #11 token: against SoftHSM, a real implementation in software."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, UsageError, WrongSecret
from faceward.protection.backends import Backend, backend_of
from faceward.protection.holder import reseal
from faceward.protection.passphrase import Argon2Cost, PassphraseFile
from faceward.protection.pkcs11 import Pkcs11File, TokenKey
from faceward.protection.rotation import create_keys, open_keys, rotate_master

MODULES = [
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    *sorted(Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
]
MODULE = next((path for path in MODULES if path.exists()), None)
if MODULE is None or shutil.which("softhsm2-util") is None:
    pytest.skip("libsofthsm2.so and softhsm2-util are not installed (Debian: softhsm2)", allow_module_level=True)
if importlib.util.find_spec("pkcs11") is None:
    pytest.skip("python-pkcs11 is not installed (extra 'hsm')", allow_module_level=True)

PIN, TOKEN = "4321", "museum"
MASTER = bytes(range(32))
CHEAP = Argon2Cost(memory_kib=64, iterations=1, lanes=1)


def make_token(label: str) -> None:
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "87654321", "--pin", PIN],
        check=True,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of the tokens' files; it has one token."""
    folder = tmp_path / "tokens"
    folder.mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    make_token(TOKEN)
    yield folder
    import pkcs11

    pkcs11.unload(str(MODULE))


@pytest.fixture
def holder(tokens: Path, tmp_path: Path) -> Pkcs11File:
    assert MODULE is not None
    sealed = Pkcs11File(tmp_path / "custodian.key", MODULE, PIN, TokenKey(TOKEN))
    sealed.seal(MASTER, replace=False)
    return sealed


def opener(holder: Pkcs11File, pin: str = PIN) -> Pkcs11File:
    """Return a holder that knows the module and the PIN alone."""
    return Pkcs11File(holder.path, holder.module, pin)


def test_a_token_opens_what_it_sealed(holder: Pkcs11File, tokens: Path) -> None:
    assert opener(holder).open() == MASTER
    assert backend_of(holder.path) is Backend.PKCS11
    assert holder.path.stat().st_mode & 0o777 == 0o600
    assert PIN not in repr(holder)
    kept = json.loads(holder.path.read_bytes())
    assert (kept["token"], kept["key"], kept["mechanism"]) == (TOKEN, "faceward-custodian", "AES-GCM")
    assert MASTER not in base64.b64decode(kept["ciphertext"])
    assert str(holder.module) not in holder.path.read_text()
    assert PIN not in kept.values()


def test_the_sealing_key_never_leaves_the_token(holder: Pkcs11File) -> None:
    import pkcs11

    token = pkcs11.lib(str(MODULE)).get_token(token_label=TOKEN)
    with token.open(user_pin=PIN) as session:
        [key] = session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY})
        assert key[pkcs11.Attribute.ALWAYS_SENSITIVE]
        assert key[pkcs11.Attribute.NEVER_EXTRACTABLE]
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]
    # Without a login the key is not even seen.
    with token.open() as session:
        assert list(session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY})) == []


def test_sealing_again_takes_the_same_key_and_another_nonce(holder: Pkcs11File) -> None:
    before = json.loads(holder.path.read_bytes())
    reseal(opener(holder), opener(holder))
    after = json.loads(holder.path.read_bytes())
    assert after["id"] == before["id"]
    assert after["nonce"] != before["nonce"]
    assert opener(holder).open() == MASTER
    with pytest.raises(UsageError, match="already exists"):
        holder.seal(MASTER, replace=False)


@pytest.mark.parametrize("pin", ["1234", "", "4321 ", "0" * 300])
def test_a_wrong_pin_is_told_and_opens_nothing(holder: Pkcs11File, pin: str) -> None:
    with pytest.raises(WrongSecret, match="PIN does not open the token 'museum'"):
        opener(holder, pin).open()
    assert opener(holder).open() == MASTER


def test_a_token_that_was_taken_out_is_told_and_may_come_back(holder: Pkcs11File, tokens: Path, tmp_path: Path) -> None:
    tokens.rename(tmp_path / "drawer")
    tokens.mkdir()
    with pytest.raises(EnvironmentFailure, match="no token 'museum'"):
        opener(holder).open()
    with pytest.raises(EnvironmentFailure, match="no token 'museum'"):
        holder.seal(MASTER)
    tokens.rmdir()
    (tmp_path / "drawer").rename(tokens)
    assert opener(holder).open() == MASTER


def test_another_token_of_the_same_name_does_not_open(holder: Pkcs11File, tokens: Path, tmp_path: Path) -> None:
    tokens.rename(tmp_path / "drawer")
    tokens.mkdir()
    make_token(TOKEN)
    with pytest.raises(EnvironmentFailure, match="has no key 'faceward-custodian' with the identifier"):
        opener(holder).open()
    # Nor does one whose key was given the same identifier.
    identifier = bytes.fromhex(json.loads(holder.path.read_bytes())["id"])
    generate(identifier=identifier)
    with pytest.raises(WrongSecret, match="does not open"):
        opener(holder).open()


def test_two_tokens_of_one_name_are_told(holder: Pkcs11File) -> None:
    make_token(TOKEN)
    with pytest.raises(EnvironmentFailure, match="several tokens"):
        opener(holder).open()


def generate(label: str = "faceward-custodian", identifier: bytes = b"i", bits: int = 256, **template: Any) -> None:
    import pkcs11

    library = pkcs11.lib(str(MODULE))
    library.reinitialize()
    with library.get_token(token_label=TOKEN).open(rw=True, user_pin=PIN) as session:
        session.generate_key(
            pkcs11.KeyType.AES,
            bits,
            label=label,
            id=identifier,
            store=True,
            template={pkcs11.Attribute[name]: value for name, value in template.items()},
        )


@pytest.mark.parametrize(
    "template", [{"EXTRACTABLE": True}, {"SENSITIVE": False}, {"bits": 128}, {"identifier": b""}], ids=str
)
def test_a_key_that_could_leave_the_token_is_refused(tokens: Path, tmp_path: Path, template: dict[str, Any]) -> None:
    assert MODULE is not None
    generate("other", **template)
    holder = Pkcs11File(tmp_path / "k", MODULE, PIN, TokenKey(TOKEN, "other"))
    with pytest.raises(UsageError, match="never leaves it"):
        holder.seal(MASTER)
    assert not holder.path.exists()


def test_two_keys_of_one_label_are_told(tokens: Path, tmp_path: Path) -> None:
    assert MODULE is not None
    generate("other", b"1")
    generate("other", b"2")
    with pytest.raises(EnvironmentFailure, match="several keys"):
        Pkcs11File(tmp_path / "k", MODULE, PIN, TokenKey(TOKEN, "other")).seal(MASTER)


@pytest.mark.parametrize("target", [TokenKey(""), TokenKey("x" * 33), TokenKey("a\nb"), TokenKey(TOKEN, "")])
def test_a_label_that_no_token_can_have_is_a_usage_error(tokens: Path, tmp_path: Path, target: TokenKey) -> None:
    assert MODULE is not None
    with pytest.raises(UsageError, match="no label"):
        Pkcs11File(tmp_path / "k", MODULE, PIN, target).seal(MASTER)


@pytest.mark.parametrize("module", ["/nowhere/libnothing.so", "/etc/passwd", "/usr/lib", "libc.so.6"])
def test_a_library_that_is_no_module_is_one_line(holder: Pkcs11File, module: str) -> None:
    with pytest.raises(EnvironmentFailure, match="check its path") as caught:
        Pkcs11File(holder.path, Path(module), PIN).open()
    assert "\n" not in str(caught.value)


def test_a_module_that_lacks_its_configuration_is_one_line(
    holder: Pkcs11File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pkcs11

    pkcs11.unload(str(MODULE))
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "absent.conf"))
    with pytest.raises(EnvironmentFailure) as caught:
        opener(holder).open()
    assert "\n" not in str(caught.value)


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    document.pop("checksum")
    document["checksum"] = sha256_hex(canonical_json(document))
    path.write_bytes(canonical_json(document) + b"\n")


def test_a_damaged_file_is_told_from_a_wrong_token(holder: Pkcs11File) -> None:
    whole = holder.path.read_bytes()
    for place in range(0, len(whole), 7):
        holder.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(IntegrityError):
            opener(holder).open()
    for end in (0, 10, len(whole) // 2, len(whole) - 1):
        holder.path.write_bytes(whole[:end])
        with pytest.raises(IntegrityError):
            opener(holder).open()
    holder.path.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        opener(holder).open()


@pytest.mark.parametrize("name", ["token", "key", "id", "mechanism", "nonce", "ciphertext", "version"])
@pytest.mark.parametrize("value", [None, 2, "", "x", "AAAA", "ab", "0" * 64, []])
def test_a_file_that_somebody_wrote_opens_nothing(holder: Pkcs11File, name: str, value: object) -> None:
    rewrite(holder.path, lambda document: document.update({name: value}))
    with pytest.raises(FacewardError) as caught:
        opener(holder).open()
    assert "\n" not in str(caught.value)


def test_names_are_bound_to_what_was_sealed(holder: Pkcs11File) -> None:
    # The same key under a second label: the file's header is associated data.
    import pkcs11

    token = pkcs11.lib(str(MODULE)).get_token(token_label=TOKEN)
    with token.open(rw=True, user_pin=PIN) as session:
        [key] = session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY})
        key[pkcs11.Attribute.LABEL] = "renamed"
    rewrite(holder.path, lambda document: document.update(key="renamed"))
    with pytest.raises(WrongSecret):
        opener(holder).open()


def test_passphrase_and_token_give_way_to_each_other(holder: Pkcs11File) -> None:
    passphrase = PassphraseFile(holder.path, "secret", CHEAP)
    reseal(opener(holder), passphrase)
    assert backend_of(holder.path) is Backend.PASSPHRASE
    reseal(passphrase, holder)
    assert opener(holder).open() == MASTER


def test_K1_the_master_key_is_rotated_under_a_token(tokens: Path, tmp_path: Path) -> None:
    assert MODULE is not None
    holder = Pkcs11File(tmp_path / "master.key", MODULE, PIN, TokenKey(TOKEN))
    store = create_keys(tmp_path / "keys.db", holder)
    store.put_secret("seed", b"s")
    old = holder.open()
    rotate_master(store, opener(holder))
    # A crash between the steps: the next key is staged and the store rewrapped.
    opener(holder).staged().seal(b"n" * 32)
    store.rotate_master(b"n" * 32)
    store.close()
    again = open_keys(tmp_path / "keys.db", opener(holder))
    assert again.secret("seed") == b"s"
    again.close()
    assert opener(holder).open() == b"n" * 32 != old


def test_without_the_package_one_line_says_what_to_install(holder: Pkcs11File, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pkcs11", None)
        with pytest.raises(EnvironmentFailure, match=r"install faceward\[hsm\]"):
            opener(holder).open()


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    from faceward.cli import main

    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_custodian_is_set_up_and_resealed_with_a_token(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state, pin = tmp_path / "custodian", tmp_path / "pin"
    pin.write_text(f"{PIN}\n")
    monkeypatch.delenv("FACEWARD_CUSTODIAN_PIN", raising=False)
    token = ("--pkcs11-module", MODULE, "--token", TOKEN)
    init = ("custodian", "init", "--state", state, *token)
    code, _, said = run(capsys, *init)
    assert (code, "set FACEWARD_CUSTODIAN_PIN or give --pin-file FILE" in said) == (2, True)
    monkeypatch.setenv("FACEWARD_CUSTODIAN_PIN", "wrong")
    code, _, said = run(capsys, *init)
    assert (code, said.count("\n"), "the PIN does not open" in said) == (4, 1, True)
    assert not (state / "custodian.key").exists()
    monkeypatch.delenv("FACEWARD_CUSTODIAN_PIN")
    code, out, said = run(capsys, *init, "--pin-file", pin, "--json")
    assert (code, json.loads(out)["backend"]) == (0, "pkcs11"), said
    assert PIN not in out + said
    assert backend_of(state / "custodian.key") is Backend.PKCS11
    # To shares and back to the token, by way of which a second copy is made.
    reseal = ("custodian", "reseal", "--state", state)
    shares = tmp_path / "shares"
    to_shares = ("--to", "shares", "--shares", "2-of-2", "--out", shares)
    code, _, said = run(capsys, *reseal, *to_shares)
    assert (code, "name its library: --pkcs11-module" in said) == (2, True)
    assert run(capsys, *reseal, *to_shares, "--pkcs11-module", MODULE, "--pin-file", pin)[0] == 0
    files = [part for path in sorted(shares.iterdir()) for part in ("--share", path)]
    assert run(capsys, *reseal, "--to", "pkcs11", *token, "--pin-file", pin, *files)[0] == 0
    assert len(Pkcs11File(state / "custodian.key", holder_module(), PIN).open()) == 32
    # The token is taken out: one line, and no custodian.
    tokens.rename(tmp_path / "drawer")
    tokens.mkdir()
    serve = ("custodian", "serve", "--state", state, "--socket", tmp_path / "s", "--pkcs11-module", MODULE)
    code, _, said = run(capsys, *serve, "--pin-file", pin)
    assert (code, said.count("\n"), "no token 'museum'" in said) == (1, 1, True)


def holder_module() -> Path:
    assert MODULE is not None
    return MODULE


_SEALER = """
import sys
from pathlib import Path
from faceward.protection.pkcs11 import Pkcs11File, TokenKey
holder = Pkcs11File(Path(sys.argv[1]), Path(sys.argv[2]), "4321", TokenKey("museum"))
print("ready", flush=True)
while True:
    holder.seal(bytes(range(32)))
"""


@pytest.mark.slow
def test_killed_while_sealing_the_file_is_the_former_or_the_next(
    holder: Pkcs11File, tokens: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    seen = set()
    # What a kill does to SoftHSM's own files is not ours: they are put back each time.
    shutil.copytree(tokens, tmp_path / "kept")
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", _SEALER, str(holder.path), str(holder.module)],
            stdout=subprocess.PIPE,
            env=environment,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.05 + 0.0173 * number)
            process.send_signal(signal.SIGKILL)
        shutil.rmtree(tokens)
        shutil.copytree(tmp_path / "kept", tokens)
        assert opener(holder).open() == MASTER
        seen.add(holder.path.read_bytes())
    assert len(seen) > 1
