"""Audit: browsing, opening, and the published log checked in the browser with WebCrypto; every way to cheat shows."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from faceward.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import keep_cosignatures
from faceward.audit.note import Signer, Verifier, parse_note
from faceward.operations.config import LOG_FILE
from faceward.service.console.verify_words import TEXTS

pytestmark = pytest.mark.slow


def filled(site: Any) -> Any:
    """Return a site with some entries in its log."""
    site.world.enrol(site.system, "Ada", "Bob")
    site.people(Ana=(), Ben=())
    return site


def verified(page: Any, key: str, *, receipt: str = "", witnesses: str = "", texts: bool = True) -> tuple[str, str]:
    """Check the log on the page; return the code of what came of it, and the words."""
    page.goto("/log/verify")
    page.fill("#key", key)
    page.fill("#receipt", receipt)
    page.fill("#witnesses", witnesses)
    page.get_by_role("button", name="Check everything").click()
    shown = page.locator("#verify-result")
    shown.locator(".notice").wait_for()
    assert not texts or "{" not in shown.inner_text().splitlines()[0]
    return str(shown.get_attribute("data-code")), shown.inner_text()


def key_of(site: Any) -> str:
    return str(site.system.log_key())


def current(site: Any) -> Checkpoint:
    return open_checkpoint(site.system.log_checkpoint(), Verifier.from_vkey(key_of(site)))


def tampered(page: Any, pattern: str, change: Callable[[bytes], bytes]) -> None:
    """Let whatever serves the log change what lies under a path."""

    def handle(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=change(answer.body()))

    page.route(pattern, handle)


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def keep(page: Any, site: Any, note: str) -> None:
    """Put into the browser what it is to have seen before."""
    page.goto("/log/verify")
    place = f"faceward-log {site.origin}/log/ checkpoint {key_of(site)}"
    page.evaluate("([place, note]) => localStorage.setItem(place, note)", [place, note])


def test_entries_are_found_by_operation_phase_and_day(site: Any, console: Any) -> None:
    filled(site)
    page = site.enter("Ana")
    page.goto("/audit")
    console.check(page)
    total = page.locator("#entries tbody tr").count()
    page.fill("#operation", "enrol")
    page.select_option("#phase", "end")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#entries tbody tr")).to_have_count(2)
    assert total > 2
    page.fill("#day", "2020-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No entry is like that")).to_be_visible()
    console.check(page)


def test_L1_opening_an_entry_is_an_entry_and_names_are_opened_there_alone(site: Any, console: Any) -> None:
    filled(site)
    page = site.enter("Ana")
    line = next(one for one in site.system.log_lines() if one.operation == "enrol" and one.phase == "begin")
    page.goto(f"/audit/entries/{line.index}")
    console.check(page)
    assert "Ada" not in page.inner_text("main")
    size = site.system.log_size
    page.get_by_role("button", name="Open it").click()
    expect(page.locator("#opened")).to_contain_text("Ada")
    console.check(page)
    assert [one.operation for one in site.system.log_lines(size)] == ["audit.show", "audit.show"]
    with page.expect_download() as download:
        page.get_by_role("link", name="Receipt").click()
    assert download.value.path().read_text().startswith("c2sp.org/tlog-proof@v1\n")


def test_L4_everybody_may_fetch_the_published_log_and_nothing_of_it_names_anybody(site: Any) -> None:
    filled(site)
    page = site.enter()
    size = current(site).size
    for path in ("checkpoint", "vkey", f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"):
        answer = page.request.get(f"/log/{path}")
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert b"Ada" not in answer.body()
        assert b"door" not in answer.body()
    tile = page.request.get(f"/log/tile/0/000.p/{size}")
    assert "immutable" in tile.headers["cache-control"]
    for path in (f"tile/0/000.p/{size + 9}", "tile/0/001", "tile/x/000", "tile/0/../../config.json", "cosigned"):
        assert page.request.get(f"/log/{path}").status == 404


def test_L1_the_browser_checks_the_log_and_a_receipt_without_anybody_signed_in(site: Any, console: Any) -> None:
    filled(site)
    ada = site.as_person("Ana", lambda system: system.rights.account("Ada"))
    entry = next(line.index for line in ada.view.history if (line.operation, line.phase) == ("enrol", "end"))
    receipt = site.as_person("Ana", lambda system: system.rights.receipt("Ada", entry))
    page = site.enter()

    code, words = verified(page, key_of(site), receipt=receipt)

    assert code == "verified", words
    assert f"number {entry} of this log: enrol, end" in words
    assert "What the receipt says is what that entry committed to." in words
    assert "first visit" in words
    console.check(page)
    site.as_person("Ana", lambda system: system.rights.account("Ada"))
    code, words = verified(page, key_of(site))
    assert code == "verified", words
    assert "continues what you saw at your last visit" in words


def test_L1_the_key_of_first_use_is_kept_and_not_asked_for_again(site: Any) -> None:
    filled(site)
    page = site.enter()
    page.goto("/log/verify")
    page.get_by_role("button", name="Check everything").click()
    expect(page.locator("#verify-result .notice")).to_have_count(0)
    page.click("#verify-first-use")
    expect(page.locator("#key")).not_to_have_value("")
    page.get_by_role("button", name="Check everything").click()
    page.locator("#verify-result[data-code=verified]").wait_for()
    page.goto("/log/verify")
    assert page.input_value("#key") == key_of(site)
    page.click("#verify-forget")
    page.goto("/log/verify")
    assert page.input_value("#key") == ""


def test_L1_the_check_speaks_the_visitors_language(site: Any) -> None:
    filled(site)
    page = site.enter(locale="de-DE")
    page.goto("/log/verify")
    page.fill("#key", key_of(site))
    page.locator("form[data-verify-log] button.primary").click()
    page.locator("#verify-result[data-code=verified]").wait_for()
    assert "Alles, was geprüft wurde, stimmt." in page.inner_text("#verify-result")


@pytest.mark.parametrize(
    ("pattern", "change", "code"),
    [
        ("**/log/tile/entries/**", flipped, "root"),
        ("**/log/tile/entries/**", lambda data: data[:-1], "bundle"),
        ("**/log/tile/0/**", flipped, "tile"),
        ("**/log/checkpoint", lambda data: data.replace(b"\n", b"\n1", 1), "signature"),
        ("**/log/checkpoint", lambda data: data.replace(b"\n\n", b"\n", 1), "note-form"),
    ],
    ids=["an entry was changed", "an entry was cut", "a tile was changed", "another size", "no signature"],
)
def test_L1_what_was_altered_on_the_way_is_shown_as_a_failure(
    site: Any, pattern: str, change: Callable[[bytes], bytes], code: str
) -> None:
    filled(site)
    page = site.enter()
    tampered(page, pattern, change)

    found, words = verified(page, key_of(site))

    assert found == code, words
    assert "This log failed the check." in words


def test_L1_another_key_a_fork_and_a_rollback_are_shown_as_failures(site: Any) -> None:
    filled(site)
    page, now = site.enter(), current(site)
    stranger = Signer(now.origin, b"\7" * 32)
    assert verified(page, stranger.verifier.vkey)[0] == "unsigned"
    assert verified(page, "no key at all")[0] == "key-form"

    signer = site.system._deployment.log._signer
    keep(page, site, sign_checkpoint(Checkpoint(now.origin, now.size - 3, b"\1" * 32), signer))
    code, words = verified(page, key_of(site))
    assert (code, "did not" in words or "does not continue" in words) == ("forked", True)
    assert f"{now.origin}\n{now.size - 3}\n" in words

    keep(page, site, sign_checkpoint(Checkpoint(now.origin, now.size + 3, b"\1" * 32), signer))
    assert verified(page, key_of(site))[0] == "rolled-back"
    # What was seen before stays what it was: a failure teaches the browser nothing.
    assert verified(page, key_of(site))[0] == "rolled-back"


def test_L3_witnesses_count_whose_keys_the_visitor_holds(site: Any) -> None:
    filled(site)
    witness, other = Cosigner("witness.example.org/one", b"\3" * 32), Cosigner("witness.example.org/two", b"\4" * 32)
    note = site.system.log_checkpoint()
    cosignature = witness.cosign(parse_note(note).text, site.service.now())
    keep_cosignatures(site.system.home / LOG_FILE, note, [cosignature])
    # The log goes on; what was cosigned is some entries behind.
    site.as_person("Ana", lambda system: system.subject("Ada"))
    page = site.enter()

    code, words = verified(page, key_of(site), witnesses=witness.verifier.vkey)
    assert code == "verified", words
    assert "witness.example.org/one cosigned" in words
    assert verified(page, key_of(site), witnesses=other.verifier.vkey)[0] == "not-cosigned"
    impostor = Cosigner("witness.example.org/one", b"\5" * 32)
    assert verified(page, key_of(site), witnesses=impostor.verifier.vkey)[0] == "not-cosigned"


def test_L1_forged_receipts_are_refused(site: Any) -> None:
    filled(site)
    account = site.as_person("Ana", lambda system: system.rights.account("Ada"))
    entry = account.view.history[0].index
    receipt = site.as_person("Ana", lambda system: system.rights.receipt("Ada", entry))
    extra = receipt.split("\n")[1].removeprefix("extra ")
    plain = base64.b64decode(extra).decode()
    page = site.enter()

    def with_extra(text: str) -> str:
        return receipt.replace(extra, base64.b64encode(text.encode()).decode())

    assert verified(page, key_of(site), receipt=with_extra(plain.replace('"Ada"', '"Eve"')))[0] == "receipt-opening"
    assert verified(page, key_of(site), receipt=with_extra(plain.replace('"begin"', '"end"')))[0] == "receipt-proof"
    assert verified(page, key_of(site), receipt=with_extra(plain.replace(":", ": ", 1)))[0] == "receipt-form"
    assert verified(page, key_of(site), receipt=receipt.replace(f"index {entry}", f"index {entry + 1}"))[0] == (
        "receipt-proof"
    )
    assert verified(page, key_of(site), receipt="hello")[0] == "receipt-form"


def test_the_verifiers_words_are_those_that_are_translated(site: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter()
    page.goto("/log/verify")
    assert page.evaluate("FacewardLog.TEXTS") == TEXTS


def test_L1_an_outsider_checks_with_a_file_of_their_own(site: Any, console: Any, tmp_path: Any) -> None:
    """The script and its page are opened from disk, where nothing of the service reaches them."""
    from faceward.service.console.assets import FOLDER

    filled(site)
    for name in ("verify-log.js", "verify-log.html"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    page = site.enter()
    page.goto((tmp_path / "verify-log.html").as_uri())
    page.fill("#base", f"{site.origin}/log/")
    page.fill("#key", key_of(site))
    page.get_by_role("button", name="Check everything").click()
    page.locator("#verify-result[data-code=verified]").wait_for()
    assert console.violations(page) == []
