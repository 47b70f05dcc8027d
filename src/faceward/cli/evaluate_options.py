"""Options of evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

_MOST_ROUNDS = 100_000

Data = Annotated[Path, typer.Option(metavar="FOLDER", help="The test data.", readable=False)]
Protocol = Annotated[str, typer.Option(metavar="NAME|FILE", help="A protocol's name, or its .toml file.")]
Pack = Annotated[Optional[str], typer.Option(help="Model pack.", show_default="the built-in one")]
Labels = Annotated[
    Optional[Path],
    typer.Option(metavar="FILE", help="CSV of labels of people, instead of the protocol's.", readable=False),
]
Rates = Annotated[
    Optional[str],
    typer.Option(metavar="1e-2,1e-3", help="Rates to state operating points for.", show_default="the protocol's"),
]
Sizes = Annotated[
    Optional[str],
    typer.Option(metavar="10,100", help="Numbers of references to search.", show_default="the protocol's"),
]
Simulated = Annotated[
    Optional[int],
    typer.Option(help="Most simulated references that may fill a gallery up.", show_default="the protocol's"),
]
Samples = Annotated[Optional[int], typer.Option(help="Samples that make a template.", show_default="the protocol's")]
Rounds = Annotated[int, typer.Option(min=10, max=_MOST_ROUNDS, help="Rounds of the bootstrap over subjects.")]
Out = Annotated[
    Optional[Path],
    typer.Option("--out", "-o", metavar="FILE", help="Write the evaluation as JSON, for evidence.", readable=False),
]
Report = Annotated[
    Optional[Path], typer.Option(metavar="FOLDER", help="Write a report as HTML and PDF.", readable=False)
]
Cache = Annotated[
    Optional[Path],
    typer.Option(
        metavar="FOLDER", help="Where features are kept; else FACEWARD_FEATURES.", show_default=False, readable=False
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no features.")]
Threads = Annotated[
    Optional[int],
    typer.Option(min=1, max=256, help="Pictures worked on at once.", show_default="one a processor"),
]
