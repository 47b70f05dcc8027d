"""What the terminal shows while the demo runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from story import Comparison, Story, recognised

from faceward.core.results import IdentificationResult


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
        for column in ("shows", "claimed to be", "picture", "decision", "score", "needed"):
            table.add_column(column)
        for one in comparisons:
            colour = "green" if one.right else "yellow"
            if one.result is None:
                cells = (f"[{colour}]refused[/]", escape(one.error), "")
            else:
                score = one.result.score
                shown = "not disclosed" if score is None else f"{score:.3f}"
                cells = (f"[{colour}]{one.result.decision}[/]", shown, f"{one.result.operating_point.score:.3f}")
            table.add_row(escape(one.shown), escape(one.claimed), escape(one.title), *cells)
        self._console.print(table)

    def search(self, story: Story, result: IdentificationResult) -> None:
        """Show whom a search of the group picture found."""
        for guest in story.guests:
            found = recognised(result, guest)
            said = "no face found" if found is None else ", ".join(found) or "unknown"
            expected = not found or set(found) == {guest.label}
            self.outcome(f"{guest.label}: {said}, among {result.references:,} references", good=expected)
