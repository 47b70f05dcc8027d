"""What the terminal shows while the demo runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from faceward.core.results import IdentificationResult
from story import Comparison, Story, recognised


class Teller:
    """Prints the steps."""

    def __init__(self, console: Console) -> None:
        self._console, self._number = console, 0

    def step(self, title: str) -> None:
        """Begin a step."""
        self._number += 1
        self._console.print(f"\n[bold]{self._number}. {escape(title)}[/bold]")

    def note(self, text: str) -> None:
        """Say something."""
        self._console.print(f"   {escape(text)}", soft_wrap=True)

    def outcome(self, text: str, *, good: bool) -> None:
        """Say how something came out."""
        mark = "[green]✓[/green]" if good else "[red]✗[/red]"
        self._console.print(f"   {mark} {escape(text)}", soft_wrap=True)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show a bar while the block runs."""
        with Progress(console=self._console, transient=True) as bar:
            task = bar.add_task(f"   {what}", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def comparisons(self, comparisons: Sequence[Comparison]) -> None:
        """Show verifications."""
        table = Table(box=None, padding=(0, 2, 0, 1))
        for column in ("shows", "claims to be", "picture", "decision", "score"):
            table.add_column(column, no_wrap=column not in ("picture", "score"))
        for one in comparisons:
            colour = "green" if one.right else "yellow"
            if one.result is None:
                cells = (f"[{colour}]refused[/]", "")
            else:
                score = one.result.score
                cells = (f"[{colour}]{one.result.decision}[/]", "withheld" if score is None else f"{score:.3f}")
            table.add_row(escape(one.shown), escape(one.claimed), escape(one.title), *cells)
        self._console.print(table)
        for error in {one.error: None for one in comparisons if one.error}:
            self.note(f"refused: {error}")
        point = next((one.result.operating_point for one in comparisons if one.result), None)
        if point is not None:
            self.note(f"a match needs {point.score:.3f}; below it the score is withheld")

    def search(self, story: Story, result: IdentificationResult) -> None:
        """Show whom a search of the group picture found."""
        for guest in story.guests:
            found = recognised(result, guest)
            said = "no face found" if found is None else ", ".join(found) or "unknown"
            expected = not found or set(found) == {guest.label}
            self.outcome(f"{guest.label}: {said}, among {result.references:,} references", good=expected)
