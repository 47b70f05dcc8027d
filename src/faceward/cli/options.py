"""Options that every command takes, before its name or after it, and what opens a deployment."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Optional, ParamSpec

import typer

from faceward.core.errors import BadInput, UsageError

if TYPE_CHECKING:
    from faceward.operations.signing_in import Credentials
    from faceward.operations.system import System
    from faceward.policy.sshsig import PrivateKey

P = ParamSpec("P")
_MAX_PASSPHRASE_FILE = 4096

Home = Annotated[
    Optional[Path],
    typer.Option(
        "--home", metavar="DIR", help="The deployment's folder; else FACEWARD_HOME.", show_default=False, readable=False
    ),
]
PassphraseFile = Annotated[
    Optional[Path],
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="File whose first line is the passphrase; else FACEWARD_PASSPHRASE_FILE. FACEWARD_PASSPHRASE comes first.",
        show_default=False,
        readable=False,
    ),
]
Identity = Annotated[
    Optional[Path],
    typer.Option(
        "--identity", metavar="FILE", help="age identity that holds the master key.", show_default=False, readable=False
    ),
]
Operator = Annotated[
    Optional[str],
    typer.Option(
        "--operator",
        metavar="NAME",
        help="Who acts, as claimed, where nobody signs in; else your login.",
        show_default=False,
    ),
]
Person = Annotated[
    Optional[str],
    typer.Option("--as", metavar="NAME", help="Sign in as this person; else FACEWARD_AS.", show_default=False),
]
Key = Annotated[
    Optional[Path],
    typer.Option(
        "--key",
        metavar="FILE",
        help="Private key of who signs in (OpenSSH, Ed25519); else FACEWARD_KEY.",
        show_default=False,
        readable=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options that every command takes were set to.

    Attributes:
        home: The deployment's folder as given, or None.
        passphrase_file: File with the passphrase, or None.
        identity: File with an age identity, or None.
        operator: Who acts, or None for the login.
        person: Who signs in, or None.
        key: File of the person's private key, or None.
        as_json: Whether one JSON object is wanted.
        debug: Whether tracebacks are wanted.
    """

    home: Path | None = None
    passphrase_file: Path | None = None
    identity: Path | None = None
    operator: str | None = None
    person: str | None = None
    key: Path | None = None
    as_json: bool = False
    debug: bool = False

    def require_home(self) -> Path:
        """Return the deployment's folder.

        Raises:
            UsageError: Neither the option nor the environment names it.
        """
        if self.home is not None:
            return self.home
        named = os.environ.get("FACEWARD_HOME")
        if not named:
            raise UsageError("no deployment is named; give --home DIR or set FACEWARD_HOME")
        return Path(named)

    def open(self) -> System:
        """Open the deployment.

        Raises:
            UsageError: There is no deployment, or nothing that opens it was given.
            WrongSecret: The passphrase or identity is not the deployment's.
        """
        from faceward.bootstrap import open_system
        from faceward.operations.config import read_config
        from faceward.protection.process import forbid_core_files

        # Before any secret is read.
        forbid_core_files()
        home = self.require_home()
        who = self.credentials()
        if read_config(home).age:
            if self.identity is None:
                raise UsageError("this deployment's master key is held by an age identity; name its file: --identity")
            return open_system(home, identity_file=self.identity, operator=self.operator, credentials=who)
        if self.identity is not None:
            raise UsageError("this deployment is opened by a passphrase; leave out --identity")
        return open_system(home, passphrase=self.passphrase(), operator=self.operator, credentials=who)

    def credentials(self) -> Credentials | None:
        """Return who signs in with which key, or None where nobody does.

        Raises:
            UsageError: Only one of the two was given, or nobody can be asked for the key's passphrase.
            WrongSecret: The passphrase does not open the key.
            BadInput: The key cannot be used.
        """
        from faceward.operations.signing_in import Credentials

        person = self.person or os.environ.get("FACEWARD_AS")
        named = os.environ.get("FACEWARD_KEY")
        key = self.key or (Path(named) if named else None)
        if person is None and key is None:
            return None
        if person is None or key is None:
            raise UsageError("to sign in, give both --as NAME and --key FILE (or FACEWARD_AS and FACEWARD_KEY)")
        if self.operator is not None:
            raise UsageError("--operator is for where nobody signs in; leave it out, or leave out --as and --key")
        return Credentials(person, self.private_key(key))

    @staticmethod
    def private_key(path: Path) -> PrivateKey:
        """Read a private key, asking for its passphrase where it has one and the environment does not say it.

        Raises:
            UsageError: There is nobody to ask.
            WrongSecret: The passphrase does not open it.
            BadInput: It cannot be used.
        """
        from faceward.policy.sshkeys import has_passphrase
        from faceward.policy.sshsig import PrivateKey

        given = os.environ.get("FACEWARD_KEY_PASSPHRASE")
        if given is None and has_passphrase(path):
            if not sys.stdin.isatty():
                raise UsageError(f"{path}: is sealed with a passphrase; set FACEWARD_KEY_PASSPHRASE")
            from getpass import getpass

            given = getpass(f"Passphrase of {path.name}: ", stream=sys.stderr)
        return PrivateKey.load(path, given)

    def passphrase(self, *, new: bool = False) -> str:
        """Return the passphrase: from FACEWARD_PASSPHRASE, else the file (or FACEWARD_PASSPHRASE_FILE), else a prompt.

        Args:
            new: Ask twice, because it is being chosen.

        Raises:
            UsageError: There is none and nobody to ask, or the two differ.
            BadInput: The file cannot be used.
        """
        given = os.environ.get("FACEWARD_PASSPHRASE")
        if given:
            return given
        named = os.environ.get("FACEWARD_PASSPHRASE_FILE")
        file = self.passphrase_file or (Path(named) if named else None)
        if file is not None:
            return _from_file(file)
        if not sys.stdin.isatty():
            raise UsageError("no passphrase; set FACEWARD_PASSPHRASE or give --passphrase-file FILE")
        return _prompt(new=new)

    def merged(self, given: dict[str, Any]) -> Settings:
        """Return these settings, with what was given nearer to the command winning."""
        return replace(self, **{name: value for name, value in given.items() if value not in (None, False)})


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_PASSPHRASE_FILE + 1)
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        raise BadInput(f"{path}: the passphrase file is not text in UTF-8; write the passphrase on its line") from None
    except OSError as error:
        raise BadInput(f"{path}: the passphrase file cannot be read: {error.strerror}; check the path") from None
    if len(data) > _MAX_PASSPHRASE_FILE or not lines or not lines[0]:
        raise BadInput(f"{path}: the first line is no passphrase; write it there, in at most 4096 bytes")
    return lines[0]


def _prompt(*, new: bool) -> str:
    from getpass import getpass

    passphrase = getpass("Passphrase: ", stream=sys.stderr)
    if not passphrase:
        raise UsageError("the passphrase is empty; type one, or set FACEWARD_PASSPHRASE")
    if new and getpass("The same again: ", stream=sys.stderr) != passphrase:
        raise UsageError("the two passphrases differ; nothing was set up; start again")
    return passphrase


def gather(
    context: typer.Context,
    *,
    home: Home = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    operator: Operator = None,
    person: Person = None,
    key: Key = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Keep the options given before a command's name."""
    given = {
        "home": home,
        "passphrase_file": passphrase_file,
        "identity": identity,
        "operator": operator,
        "person": person,
        "key": key,
        "as_json": as_json,
        "debug": debug,
    }
    context.obj = (context.obj or Settings()).merged(given)


_SHARED = tuple(inspect.signature(gather, eval_str=True).parameters.values())


def command(function: Callable[Concatenate[Settings, P], None]) -> Callable[..., None]:
    """Give a command the options that every command takes, after its own, and hand it the settings.

    Args:
        function: The command; its first parameter receives the settings.

    Returns:
        What Typer registers: the same name and help, with a signature of the own and the shared options.
    """
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    # Typer calls by keyword, which the type of the command cannot say.
    run: Callable[..., None] = function
    # A command's own option of the same name means something else there; the shared one goes before the command.
    taken = {spelling for parameter in own for spelling in _spellings(parameter)}
    shared = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in _SHARED if not taken & _spellings(p)]

    @wraps(function)
    def wrapper(**given: Any) -> None:  # noqa: ANN401 - Typer has checked them against the signature
        context = given.pop("context")
        gather(context, **{p.name: given.pop(p.name) for p in shared[1:]})
        run(context.obj, **given)

    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    vars(wrapper)["__signature__"] = inspect.Signature([*own, *shared])
    wrapper.__annotations__ = {p.name: p.annotation for p in (*own, *shared)}
    del vars(wrapper)["__wrapped__"]
    return wrapper


def _spellings(parameter: inspect.Parameter) -> set[str]:
    """Return a parameter's name, and the options that it is given by."""
    described = getattr(parameter.annotation, "__metadata__", ())
    return {parameter.name, *(option for info in described for option in getattr(info, "param_decls", None) or ())}


def group(name: str, text: str) -> typer.Typer:
    """Return a group of commands that takes the shared options as well."""
    return typer.Typer(
        name=name, help=text, callback=gather, no_args_is_help=True, rich_markup_mode=None, add_completion=False
    )
