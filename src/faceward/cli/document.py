"""Documents that a law asks for: making them, signing them off, and how they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli.files import read_limited
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, print_text, say, table
from faceward.cli.words import plural

_MAX_ANSWERS = 2**20
_NAMES = "dpia, fria, record, system-card, model-card, annual-report or all"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    documents = group("document", "Documents that a law asks for, made of the running configuration.")
    documents.command("make")(command(_make))
    documents.command("template")(command(_template))
    documents.command("sign")(command(_sign))
    documents.command("status")(command(_status))
    app.add_typer(documents)


def _make(
    settings: Settings,
    name: Annotated[list[str], typer.Argument(metavar="NAME", help=f"What to make: {_NAMES}.")],
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder they are written to.", readable=False)
    ],
    form: Annotated[str, typer.Option("--format", metavar="html,pdf", help="As HTML, as PDF, or both.")] = "html,pdf",
    year: Annotated[Optional[int], typer.Option(help="The year that the annual report counts; else this one.")] = None,
    answers: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="Answers that people gave; see 'document template'.", readable=False),
    ] = None,
) -> None:
    """Make documents of the configuration as it runs, and of the log."""
    from faceward.documents.questions import parse_answers
    from faceward.operations.documents import Order

    data = b"" if answers is None else read_limited(answers, _MAX_ANSWERS + 1, "file of answers")
    given = parse_answers(data, str(answers))
    formats = tuple(part.strip() for part in form.split(","))
    with settings.open() as system:
        made = system.make_documents(Order(tuple(name), folder, formats, year, given))
    if settings.as_json:
        emit(made.to_json())
        return
    rows = [[file.document, file.path, len(file.missing)] for file in made.files]
    say(f"configuration {made.configuration}")
    table(("document", "file", "not answered#"), rows)
    open_questions = sum({file.document: len(file.missing) for file in made.files}.values())
    if open_questions:
        note(
            f"{plural(open_questions, 'question')} not answered; 'faceward document template' prints a file for answers"
        )


def _template(
    settings: Settings,
    name: Annotated[list[str], typer.Argument(metavar="NAME", help=f"For which: {_NAMES}.")],
) -> None:
    """Print a file in which people answer what only they can judge. Needs no deployment."""
    from faceward.documents.questions import template
    from faceward.operations.documents import chosen_documents

    text = template(chosen_documents(name))
    if settings.as_json:
        emit({"file": text})
    else:
        print_text(text)


def _sign(
    settings: Settings,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is: dpia, fria, record, …")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that was read and is signed.", readable=False)],
) -> None:
    """Sign a document off: it stands until the configuration changes."""
    with settings.open() as system:
        signed = system.sign_document(name, file)
    if settings.as_json:
        emit(signed.to_json())
    else:
        pairs({"document": signed.document, "state": signed.sentence, "SHA-256": signed.sha256}, "Signed off")


def _status(settings: Settings) -> None:
    """Say which documents are signed off, and what changed since."""
    with settings.open() as system:
        found = system.documents_status()
    if settings.as_json:
        emit({"documents": [one.to_json() for one in found]})
        return
    table(("document", "state"), [[one.document, one.sentence] for one in found])
