"""What only a person can judge: the questions of each document, and the file in which people answer them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faceward.core.errors import BadInput
from faceward.core.toml import loads_bounded

MAX_ANSWER = 20_000
Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    Attributes:
        key: Its key in the file of answers.
        text: What is asked.
        source: The provision that asks it.
        own: Name of the fact that answers it where the file does not, or empty.
    """

    key: str
    text: str
    source: str
    own: str = ""


QUESTIONS: Mapping[str, tuple[Question, ...]] = {
    "dpia": (
        Question("controller", "Who is the controller (name, address)?", "GDPR Art. 4(7), 24", "controller"),
        Question("contact", "How do people reach the controller?", "GDPR Art. 13(1)(a)", "contact"),
        Question(
            "context",
            "Where and on whom is it used: places, cameras, groups of people, numbers, children or others who need "
            "protection?",
            "GDPR Art. 35(7)(a)",
        ),
        Question(
            "article_9",
            "Which exception of Art. 9(2) carries each purpose, and which provision of national law, if it needs one?",
            "GDPR Art. 9(2)",
        ),
        Question(
            "necessity",
            "Why is each purpose not reached without face recognition, or with less of it? Which milder means were "
            "weighed?",
            "GDPR Art. 35(7)(b)",
        ),
        Question(
            "proportionality",
            "Why is what is gained in proportion to what it costs the people concerned?",
            "GDPR Art. 35(7)(b)",
        ),
        Question(
            "risks",
            "How likely and how severe is each risk below for the people concerned, here? Which others are there?",
            "GDPR Art. 35(7)(c)",
        ),
        Question(
            "measures",
            "Which measures beside the software are taken: signs, training, rooms, contracts, checks?",
            "GDPR Art. 35(7)(d)",
        ),
        Question(
            "consulted",
            "Whose views were asked (people concerned, staff, works council), when, and what came of it? If nobody's, "
            "why not?",
            "GDPR Art. 35(9)",
        ),
        Question("officer", "What did the data protection officer advise, and when?", "GDPR Art. 35(2), 39(1)(c)"),
        Question(
            "residual",
            "Which risk remains, who accepts it, and must the authority be asked first?",
            "GDPR Art. 35(7)(d), 36(1)",
        ),
        Question("review", "When is this assessment reviewed next, and by whom?", "GDPR Art. 35(11)"),
    ),
    "fria": (
        Question("controller", "Who deploys the system (name, address)?", "AI Act Art. 3(4), 27(1)", "controller"),
        Question(
            "processes",
            "In which of your processes is the system used, step by step, and what follows from a result?",
            "AI Act Art. 27(1)(a)",
        ),
        Question(
            "frequency",
            "From when until when, on which days and hours, and how often is it used?",
            "AI Act Art. 27(1)(b)",
        ),
        Question(
            "people",
            "Which categories of people and groups are likely to be affected, also those who are not enrolled?",
            "AI Act Art. 27(1)(c)",
        ),
        Question(
            "harms",
            "Which specific harms may reach those people and groups: dignity, equality, free movement, assembly, work, "
            "remedy?",
            "AI Act Art. 27(1)(d)",
        ),
        Question(
            "oversight",
            "Who oversees the system, with which training, time and power to stop it?",
            "AI Act Art. 27(1)(e), 14, 26(2)",
        ),
        Question(
            "materialised",
            "What is done when a harm occurs: who decides, who is told, how is it made good, who hears complaints?",
            "AI Act Art. 27(1)(f)",
        ),
        Question(
            "notified",
            "When was the market surveillance authority notified of the result?",
            "AI Act Art. 27(3)",
        ),
    ),
    "record": (
        Question(
            "controller",
            "Name and address of the controller, and of joint controllers?",
            "GDPR Art. 30(1)(a)",
            "controller",
        ),
        Question("contact", "How are they reached?", "GDPR Art. 30(1)(a)", "contact"),
        Question(
            "officer",
            "Name and contact of the data protection officer and of the representative in the Union? "
            "Write 'none' where the law asks for none.",
            "GDPR Art. 30(1)(a)",
        ),
        Question(
            "subjects",
            "Which categories of people are concerned (staff, visitors, passengers, …)?",
            "GDPR Art. 30(1)(c)",
        ),
        Question(
            "recipients",
            "To which categories of recipients are data disclosed, processors and authorities included?",
            "GDPR Art. 30(1)(d)",
        ),
        Question(
            "transfers",
            "To which third countries or international organisations are data transferred, with which safeguards?",
            "GDPR Art. 30(1)(e)",
        ),
        Question(
            "measures",
            "Which technical and organisational measures are taken beside the software?",
            "GDPR Art. 30(1)(g), 32(1)",
        ),
    ),
    "system-card": (
        Question(
            "provider", "Who provides the system as put into service here (name, contact)?", "AI Act Art. 13(3)(a)"
        ),
        Question(
            "intended",
            "What is its intended purpose here, and what must it not be used for?",
            "AI Act Art. 13(3)(b)(i)",
        ),
        Question(
            "measured",
            "Which error rates were measured here, on these cameras and people, and by groups of people?",
            "AI Act Art. 13(3)(b)(ii), (v)",
        ),
        Question(
            "maintenance",
            "Who maintains it, how often, and what is its expected lifetime?",
            "AI Act Art. 13(3)(e)",
        ),
    ),
    "model-card": (
        Question(
            "groups",
            "Which error rates were measured for groups of people, on which data, and which is the worst?",
            "AI Act Art. 13(3)(b)(v); ISO/IEC 19795-10",
        ),
    ),
    "annual-report": (
        Question("controller", "Who reports?", "AI Act Art. 26(10); FTC v. Rite Aid (2024), III.C", "controller"),
        Question("contact", "How does the public reach whoever reports?", "own design", "contact"),
        Question(
            "consequences",
            "What followed from the candidates: how many were confirmed, how many were wrong, what was done?",
            "FTC v. Rite Aid (2024), III.C, III.D.3",
        ),
        Question(
            "findings",
            "What did the year's checks of accuracy, bias and staff find, and what was changed?",
            "FTC v. Rite Aid (2024), III.C",
        ),
    ),
}
"""The questions by document; every document asks each of its own exactly once."""


def parse_answers(data: bytes, where: str) -> Mapping[str, Answers]:
    """Parse a file of answers: a table for each document, a text for each question.

    Args:
        data: TOML 1.0 in UTF-8.
        where: Names the file in messages.

    Returns:
        For each document the answers that are not blank.

    Raises:
        BadInput: It is not TOML, or holds an unknown table or key, or something that is no text.
    """
    try:
        raw = loads_bounded(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise BadInput(f"{where}: not UTF-8 text; save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        first = (str(error).splitlines() or ["unreadable"])[0]
        raise BadInput(f"{where}: not valid TOML ({first}); correct it") from None
    return {name: _answers(name, table, where) for name, table in raw.items()}


def _answers(name: str, table: object, where: str) -> Answers:
    if name not in QUESTIONS:
        raise BadInput(f"{where}: there is no document {name!r}; tables are {', '.join(QUESTIONS)}")
    known = {question.key for question in QUESTIONS[name]}
    if not isinstance(table, dict):
        raise BadInput(f"{where}: {name!r} must be a table: write [{name}]")
    answers = {}
    for key, value in table.items():
        if key not in known:
            raise BadInput(f"{where}: [{name}]: unknown key {key!r}; known are {', '.join(sorted(known))}")
        if not isinstance(value, str) or len(value) > MAX_ANSWER:
            raise BadInput(f"{where}: [{name}]: {key!r} must be text in quotes of at most {MAX_ANSWER} characters")
        if value.strip():
            answers[key] = value.strip()
    return answers


def template(names: tuple[str, ...]) -> str:
    """Write a file of answers to fill in, for one document or several."""
    lines = [
        "# Answers that only people can give. Write each between the quotes; three quotes hold several lines.",
        "# What stays empty is printed as NOT ANSWERED. What is written here is printed as it is, so name nobody",
        "# who must not be named. None of this is legal advice.",
    ]
    for name in names:
        lines += ["", f"[{name}]"]
        for question in QUESTIONS[name]:
            asked = f"{question.text} ({question.source})"
            lines += ["", *(f"# {line}" for line in _wrapped(asked, 110))]
            if question.own:
                lines.append(f"# Where it stays empty, the deployment's own '{question.own}' is printed.")
            lines.append(f'{question.key} = ""')
    return "\n".join(lines) + "\n"


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
