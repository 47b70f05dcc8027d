"""People of a day at the console: a process that serves, and for each person a browser that holds their passkey."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from PIL import Image, ImageEnhance, ImageFilter
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

SECONDS = 60
_DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Program:
    """`faceward serve`, running.

    Attributes:
        process: The process.
        said: Every line that it wrote.
    """

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def line(self, wanted: str) -> re.Match[str]:
        """Wait for a line that this pattern is found in."""
        until = time.monotonic() + SECONDS
        while True:
            for line in list(self.said):
                if found := re.search(wanted, line):
                    return found
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.02)


expect.set_options(timeout=15_000)


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[Program]:
    """Run `faceward serve` at a free port until the block ends; it must end by itself when told to."""
    command = [sys.executable, "-m", "faceward", "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    program = Program(process)
    assert process.stderr is not None
    told = process.stderr

    def listen() -> None:
        for line in told:
            program.said.append(line)

    reader = threading.Thread(target=listen, daemon=True)
    reader.start()
    try:
        yield program
        process.terminate()
        assert process.wait(SECONDS) == 0, program.said[-20:]
    finally:
        process.kill()
        process.wait()
        reader.join(SECONDS)
        told.close()


def faceward(program: str, *arguments: object, environment: dict[str, str]) -> str:
    """Run a program of the command line that must succeed; return what it printed."""
    command = [str(Path(sys.executable).with_name(program)), *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=SECONDS, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@dataclass
class Album:
    """Takes pictures of pages, where somebody wants them.

    Attributes:
        folder: Where they go; None takes none.
        shoot: What takes one in both themes and on a phone, of `console_kit`.
    """

    folder: Path | None
    kit: ModuleType
    taken: int = 0

    def __call__(self, page: Page, name: str) -> None:
        if self.folder is not None:
            self.taken += 1
            self.kit.shoot(page, self.folder, f"story-{self.taken:02}-{name}")


@dataclass
class Person:
    """Somebody at a browser of their own, whose virtual authenticator holds their passkey.

    Attributes:
        name: Who.
        page: What they look at.
        recorded: Where everything that their browser received is written when they leave.
    """

    name: str
    page: Page
    context: BrowserContext
    recorded: Path

    def go(self, path: str, heading: str | re.Pattern[str] | None = None) -> Page:
        """Open a page; one whose first heading says this."""
        self.page.goto(path)
        if heading is not None:
            expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading)
        return self.page

    def make_passkey(self, link: str, trained: str = "") -> str:
        """Follow a one-time link and make the passkey; return its fingerprint."""
        self.page.goto(link)
        if trained:
            self.page.get_by_label("Your name").fill(self.name)
            self.page.get_by_label("Your training is valid until").fill(trained)
        else:
            expect(self.page.get_by_label("Your name")).to_have_value(self.name)
        self.page.get_by_role("button", name="Make the passkey").click()
        made = self.page.locator("main code")
        expect(made).to_contain_text("SHA256:")
        return made.inner_text()

    def sign_in(self) -> None:
        """Sign in with the passkey."""
        self.page.goto("/auth/sign-in")
        self.page.get_by_label("Your name").fill(self.name)
        self.page.get_by_role("button", name="Sign in with a passkey").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(self.name)

    def sign(self, button: Locator, *shown: str, seen: Callable[[], None] | None = None) -> None:
        """Press a button whose act the passkey signs, having read what is signed."""
        button.click()
        dialog = self.page.get_by_role("dialog", name="Sign with your passkey")
        for text in shown:
            expect(dialog.locator(".signed")).to_contain_text(text)
        if seen is not None:
            seen()
        dialog.get_by_role("button", name="Sign", exact=True).click()
        expect(dialog).to_have_count(0)

    def said(self, text: str) -> None:
        """Look for what the page says was done."""
        expect(self.page.locator("#said")).to_contain_text(text)

    def save(self, press: Locator, folder: Path) -> Path:
        """Press what downloads something; return the file."""
        with self.page.expect_download() as coming:
            press.click()
        target = folder / coming.value.suggested_filename
        coming.value.save_as(target)
        return target

    def leave(self) -> None:
        """Close the browser, which writes down what it had received."""
        self.context.close()

    def received(self, until: datetime) -> dict[str, str]:
        """Return the text of all that had been asked for by then, by address and time."""
        found = {}
        for entry in json.loads(self.recorded.read_text())["log"]["entries"]:
            began = datetime.fromisoformat(entry["startedDateTime"])
            kind = entry["response"]["content"].get("mimeType", "")
            if began < until and ("html" in kind or "json" in kind or "text/plain" in kind):
                found[f"{entry['request']['url']} {began}"] = entry["response"]["content"].get("text", "")
        return found


@dataclass
class People:
    """Browsers of one service, one for each person."""

    browser: Browser
    origin: str
    folder: Path
    known: list[Person] = field(default_factory=list)

    def arrive(self, name: str, *, passkey: bool = True) -> Person:
        """Give somebody a browser; with what makes passkeys, unless they need none."""
        recorded = self.folder / f"{len(self.known)}.har"
        context = self.browser.new_context(
            base_url=self.origin,
            viewport={"width": 1440, "height": 900},
            locale="en-GB",
            record_har_path=recorded,
            record_har_content="embed",
        )
        context.set_default_timeout(20_000)
        page = context.new_page()
        if passkey:
            devices = context.new_cdp_session(page)
            devices.send("WebAuthn.enable")
            devices.send("WebAuthn.addVirtualAuthenticator", {"options": _DEVICE})
        person = Person(name, page, context, recorded)
        self.known.append(person)
        return person

    def leave(self) -> None:
        for person in self.known:
            person.leave()


def portrait(source: Path, target: Path) -> Path:
    """Write the portrait of somebody who does not exist, without the caption of the sheet that it was cut from."""
    with Image.open(source) as picture:
        edge = picture.width // 11
        cut = picture.convert("RGB").crop((edge, edge, picture.width - edge, picture.height - edge))
    cut.resize((480, 480)).save(target, quality=92)
    return target


def other_picture(enrolled: Path, target: Path) -> Path:
    """Write another picture of the same face, as a camera in a corridor might: smaller, darker, tilted, unsharp."""
    with Image.open(enrolled) as picture:
        turned = picture.rotate(-5, resample=Image.Resampling.BICUBIC, fillcolor=(70, 66, 60))
    face = turned.crop((30, 20, 460, 450)).resize((300, 300), Image.Resampling.LANCZOS)
    dark = ImageEnhance.Contrast(ImageEnhance.Brightness(face).enhance(0.82)).enhance(0.9)
    frame = Image.new("RGB", (520, 390), (70, 66, 60))
    frame.paste(dark.filter(ImageFilter.GaussianBlur(0.8)), (120, 50))
    frame.save(target, quality=80)
    return target


def environment(home: Path, passphrase: str) -> dict[str, str]:
    """Return the environment of a process that opens a deployment."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("FACEWARD_")},
        "FACEWARD_HOME": str(home),
        "FACEWARD_PASSPHRASE": passphrase,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def now() -> datetime:
    return datetime.now(UTC)
