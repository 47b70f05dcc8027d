"""A service that really listens, a browser, and people who signed in with passkeys that the browser holds.

Signing in for a test is what the service does itself: a passkey signs a session, and the session goes into the vault.
"""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import uvicorn
from axe_playwright_python.base import AXE_SCRIPT
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from faceward.operations.system import System
from faceward.policy.sessions import OpenSession
from faceward.service import passkeys, sessions
from faceward.service.app import create_app
from faceward.service.callers import Kind
from faceward.service.serving import listen
from faceward.service.settings import Settings
from faceward.service.state import Service

# The shell is the same browser without windows of its own, which cost more than what is tested here.
_BROWSERS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
CHROMIUM = next((path for path in _BROWSERS if Path(path).exists()), _BROWSERS[-1])
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
_ROLES = ("operator", "approver", "reviewer", "auditor")
_SECONDS = 20
# A machine that does much else beside the tests is slow, and says nothing of the pages.
expect.set_options(timeout=15_000)


@contextmanager
def browser() -> Iterator[Browser]:
    """Run Debian's browser."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield started
        started.close()


@dataclass
class Site:
    """A service of one world.

    Attributes:
        world: The world, of `fakes`.
        system: Its deployment, opened.
        service: What is served.
        browser: The browser.
        passkey_kit: The module.
        keys: People's passkeys by name.
        contexts: What was opened in the browser.
        errors: What no script of a page caught.
    """

    world: Any
    system: System
    service: Service
    browser: Browser
    passkey_kit: ModuleType
    keys: dict[str, Any] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return self.service.settings.origin

    def people(self, **roles: tuple[str, ...]) -> None:
        """Found the roster: each person has a passkey of this site; the first two are approvers."""
        asker: str | None = None
        for name, given in roles.items():
            self.person(name, given or _ROLES, asker)
            asker = asker or name

    def person(self, name: str, roles: tuple[str, ...], asker: str | None = None, approver: str | None = None) -> None:
        """Add somebody; as `asker`, once there is anybody, and with an approval of `approver` once there are two."""
        kit = self.passkey_kit
        made = kit.SoftPasskey(self.service.settings.site, self.origin)
        known = len(self.system.people.roster())
        trained = date(2027, 1, 1)

        def add(system: System) -> Any:
            return system.people.add(name, made.public.line, roles, trained)

        asked = add(self.system) if not known else self.as_person(asker or next(iter(self.keys)), add)
        if asked.state == "waiting":
            from faceward.policy.requests import Decision

            other = approver or next(one for one in self.keys if one != (asker or next(iter(self.keys))))
            self.as_person(other, lambda system: system.requests.decide(asked.digest, Decision.APPROVE))
        self.keys[name] = made
        sessions.forget_roster()

    def session(self, name: str) -> OpenSession:
        """Open a session of somebody with their passkey."""
        now = self.service.now()
        prepared = OpenSession.prepare(name, self.system.accounts.origin, now, timedelta(hours=8))
        opened: OpenSession = self.keys[name].open(prepared)
        return opened

    def as_person(self, name: str, act: Any) -> Any:
        """Do something as somebody, with as many signatures of their passkey as it takes."""
        from faceward.core.errors import SignatureNeeded

        session, had = self.session(name), []
        for _ in range(4):
            try:
                return act(self.system.acting(name, session.with_signatures(*had)))
            except SignatureNeeded as needed:
                had.append(self.keys[name].presign(needed))
        raise AssertionError("an act asked for too many signatures")

    def enter(self, name: str | None = None, *, subject: bool = False, **options: Any) -> Page:
        """Return a page of a browser in which somebody signed in; nobody, if no name is given.

        Args:
            name: Who.
            subject: A subject with a link, who is in no roster.
            options: The browser's: `viewport`, `color_scheme`, `locale`, `java_script_enabled`.
        """
        context = self.browser.new_context(base_url=self.origin, **{"viewport": WIDE, "locale": "en-GB", **options})
        self.contexts.append(context)
        context.set_default_timeout(8000)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        if name is None:
            return page
        if subject:
            who = sessions.SignedIn(Kind.SUBJECT, name, timedelta(hours=1))
        else:
            who = sessions.SignedIn(Kind.PERSON, name, timedelta(hours=8), self.session(name))
            self._authenticator(context, page, name)
        token = sessions.begin(self.service, who)
        cookie = sessions.cookie_name(self.service.settings)
        context.add_cookies([{"name": cookie, "value": token, "url": self.origin, "sameSite": "Strict"}])
        return page

    def _authenticator(self, context: BrowserContext, page: Page, name: str) -> None:
        """Put somebody's passkey into the browser's virtual authenticator (WebDriver WebAuthn, over CDP)."""
        made, credential = self.keys[name], secrets.token_bytes(16)
        known = passkeys.Made(base64.urlsafe_b64encode(credential).rstrip(b"=").decode(), made.public, 0, ("internal",))
        passkeys.keep(self.service, name, known)
        devices = context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        added = devices.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        key = made.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        devices.send(
            "WebAuthn.addCredential",
            {
                "authenticatorId": added["authenticatorId"],
                "credential": {
                    "credentialId": base64.b64encode(credential).decode(),
                    "isResidentCredential": True,
                    "rpId": self.service.settings.site,
                    "privateKey": base64.b64encode(key).decode(),
                    "userHandle": base64.b64encode(self.system.accounts.handle(name)).decode(),
                    "signCount": 1,
                },
            },
        )

    def leave(self) -> None:
        """Close what was opened in the browser."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()


@contextmanager
def serve(world: Any, browser: Browser, passkey_kit: ModuleType, **options: Any) -> Iterator[Site]:
    """Serve a world's deployment at a free port of this machine."""
    system = world.open(**options)
    opened = listen(Settings(port=0))
    settings = Settings(port=opened.getsockname()[1], threads=2)
    service = Service.begin(system, settings, world.clock)
    server = uvicorn.Server(
        uvicorn.Config(create_app(service), log_config=None, access_log=False, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, args=([opened],), daemon=True)
    thread.start()
    until = time.monotonic() + _SECONDS
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < until
        time.sleep(0.005)
    site = Site(world, system, service, browser, passkey_kit)
    try:
        yield site
        assert site.errors == []
    finally:
        site.leave()
        server.should_exit = True
        thread.join(_SECONDS)
        service.close()
        opened.close()


_RUN = """async only => {
    const options = { runOnly: only, resultTypes: ["violations"] };
    const { violations } = await axe.run(document, options);
    return violations.map(({ id, help, nodes }) => [id, help, ...nodes.slice(0, 3).map(one => one.html.slice(0, 160))]);
}"""
_COLOURS = ("color-contrast", "link-in-text-block")
_EVERYTHING = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def violations(page: Page, only: Sequence[str] = _EVERYTHING) -> list[str]:
    """Return what axe finds against WCAG 2.2 A and AA, and its best practices; nothing is left out.

    Args:
        page: The page.
        only: Tags of rules, or names of rules.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return [": ".join(one) for one in page.evaluate(_RUN, list(only))]


def dress(page: Page, theme: str) -> None:
    """Show a page in a theme; what fades has faded when this returns.

    A click returns when the next page is on its way, which has no elements yet; so it is waited for.
    """
    page.wait_for_load_state()
    page.evaluate(
        """theme => {
            document.documentElement.dataset.theme = theme;
            for (const one of document.getAnimations()) if (one instanceof CSSTransition) one.finish();
        }""",
        theme,
    )


def check(page: Page) -> None:
    """Assert what holds of every page: no barrier in either theme, nothing wider than the window.

    Of all that axe looks at, a theme changes colours alone; so the second is asked about these.
    """
    dress(page, "light")
    assert violations(page) == [], (page.url, "light")
    dress(page, "dark")
    assert violations(page, _COLOURS) == [], (page.url, "dark")
    for size in (PHONE, WIDE):
        page.set_viewport_size(size)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], (page.url, size, wide)


def shoot(page: Page, folder: Path, name: str, *, full: bool = True) -> None:
    """Take a picture of a page in both themes and on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    page.wait_for_load_state()
    page.evaluate("scrollTo(0, 0)")
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        page.wait_for_timeout(200)
        page.screenshot(path=folder / f"{name}-{theme}.png", full_page=full)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(200)
    page.screenshot(path=folder / f"{name}-phone.png", full_page=full)
    page.set_viewport_size(WIDE)


def scene(world: Any, path: Path, *people: tuple[str, Path | None], side: int = 340) -> Path:
    """Write a picture that `FakePipeline` finds people in, side by side, with portraits of nobody."""
    import numpy as np
    from PIL import Image

    world.drawn += 1
    whole = np.full((side, side * len(people), 3), 96, dtype=np.uint8)
    for number, (_, portrait) in enumerate(people):
        if portrait is not None:
            with Image.open(portrait) as picture:
                # The sheets' captions stand at the edges.
                small = picture.convert("RGB").resize(
                    (side, side), box=(50, 50, picture.width - 50, picture.height - 50)
                )
            whole[:, number * side : (number + 1) * side] = np.asarray(small)
    whole[0] = 0
    for number, (name, _) in enumerate(people):
        whole[0, number] = np.frombuffer(world_colour(name), dtype=np.uint8)
    whole[1, 0] = (world.drawn % 256, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(whole).save(path)
    return path


def world_colour(name: str) -> bytes:
    """Return the pixel by which `fakes` knows a person."""
    import hashlib

    return bytes(b | 1 for b in hashlib.sha256(name.encode()).digest()[:3])


def investigate(site: Site, portraits: dict[str, Path | None]) -> dict[str, Path]:
    """Prepare an investigation: five people, a purpose, evidence, and a watchlist of these, each from a picture.

    Args:
        site: A site of a world of the standard `investigation`, for trial, opened without a purpose.
        portraits: By subject a portrait of nobody, or None.

    Returns:
        By subject the picture that they were enrolled from.
    """
    from faceward.core.canonical import sha256_hex
    from faceward.operations.grounds import Grounds
    from faceward.policy.requests import Decision
    from faceward.policy.watchlist import Particulars

    world, system = site.world, site.system
    world.fake(system)._floors = system._deployment.standard.parameters.enrolment_floors
    site.people(Ana=("operator", "approver", "auditor"), Ben=("approver", "operator", "auditor"))
    for name in ("Rosa", "Remy"):
        site.person(name, ("reviewer",), "Ana", "Ben")
    ana = site.system.acting("Ana", site.session("Ana"))
    ana.add_purpose("missing", basis="public-task", fmr=1e-3, retention=timedelta(days=365))
    asked = site.as_person("Ana", world.prove)
    if asked.request:
        site.as_person("Ben", lambda s: s.requests.decide(asked.request, Decision.APPROVE))
    pictures = {}
    for who, portrait in portraits.items():
        picture = pictures[who] = scene(world, world.folder / "enrolled" / f"{len(pictures)}.png", (who, portrait))
        said = Particulars(
            subject=who,
            purpose="missing",
            gallery="missing",
            source="handed in by the family",
            evidence="report 2026/118, cabinet 2",
            samples=(sha256_hex(picture.read_bytes()),),
            born=date(1990, 1, 31),
        )
        entry = site.as_person("Ana", lambda s, said=said: s.rights.request_entry(said)).digest
        site.as_person("Ben", lambda s, entry=entry: s.requests.decide(entry, Decision.APPROVE))
        grounds = Grounds(entry=entry, exemption="disproportionate")
        act = lambda s, g=grounds, p=picture, w=who: s.enrol_on(g, [p], subject=w, purpose="missing")  # noqa: E731
        site.as_person("Ana", act)
    return pictures


def mandate(site: Site, *, approved: bool = True, **changes: Any) -> str:
    """Have Ana ask for a mandate, and Ben approve it; return its digest."""
    from faceward.policy.mandates import Mandate
    from faceward.policy.requests import Decision

    now = site.service.now()
    values: dict[str, Any] = {
        "purpose": "missing",
        "operations": ("identify",),
        "galleries": ("missing",),
        "cameras": (),
        "place": "main station",
        "case": "K-12/26",
        "basis": "police act, section 27",
        "starts": now,
        "until": now + timedelta(days=7),
        "searches": 5,
        "operators": ("Ana",),
        "urgent": False,
    }
    wanted = Mandate(**{**values, **changes})
    asked = site.as_person("Ana", lambda s: s.mandates.request(wanted))
    if approved:
        site.as_person("Ben", lambda s: s.requests.decide(asked.digest, Decision.APPROVE))
    digest: str = asked.digest
    return digest
