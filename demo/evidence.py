"""The report's sections about accountability: refusals, erasure, the log."""

from __future__ import annotations

from html import escape

from faceward.core.reports import LogLine
from people import searched, verdict
from story import Needle, Story

_LONG = 24


def refusals(story: Story) -> str:
    """Show what the rules refused."""
    items = "".join(
        f"<h3>Tried {escape(one.tried)}</h3><blockquote><p>{verdict(f'rule {one.rule}', 'bad')} "
        f"{escape(one.message)}</p>"
        "</blockquote>"
        for one in story.refusals
    )
    return (
        "<section><h2>What the rules refused</h2><p>Each of these was tried in this run. The program refused, "
        "named the "
        f"rule and the remedy, and wrote the refusal to the log.</p>{items}</section>"
    )


def erasure(story: Story) -> str:
    """Show the erasure, the scan of the files, and the backup put back."""
    erased = story.erased
    if erased is None:
        return ""
    who = escape(erased.result.subject)
    rows = "".join(_needle(needle) for needle in erased.needles)
    receipt = "".join(f"<li>{escape(line)}</li>" for line in erased.receipt)
    return (
        f"<section><h2>Erasure: {who} is gone, from the backup too</h2>"
        "<p>What is stored is sealed with a key for each reference, and the keys lie in another file than the "
        "references. Erasing somebody destroys theirs. A copy of the references made before remains in the world, and "
        "is of no use.</p>"
        f"<p>Before the erasure the file of references was copied, as a backup would. All {erased.files} files of the "
        f"deployment were then searched for {who}'s bytes:</p>"
        '<div class="scroll"><table><thead><tr><th>what</th><th class=number>bytes</th><th>before</th><th>after</th>'
        f"<th>in the backup</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f"<p>Then the backup was put back beside the keys as they are now. It holds {erased.rows} row of {who}; the "
        f"key store holds {erased.keys} keys for it. Asked for {who}, the restored deployment answers: "
        f"<q>{escape(erased.answer)}</q>. The group picture, searched in it among {erased.restored.references:,} "
        "references:</p>"
        f"<figure>{searched(story, erased.restored, 'group picture searched after the backup was put back')}</figure>"
        '<p class="soft">This holds because the file of keys is never part of a backup of the references. Who '
        "keeps old "
        "copies of both keeps the person.</p>"
        f"<p>{who} gets a receipt. Checked with the log's public key alone, it proves:</p><ul>{receipt}</ul>"
        f"<details><summary>The receipt</summary><pre>{escape(erased.result.receipt)}</pre></details></section>"
    )


def _needle(needle: Needle) -> str:
    cells = "".join(f"<td>{escape(', '.join(found)) or 'nowhere'}</td>" for found in (needle.before, needle.after))
    return (
        f'<tr><td>{escape(needle.what)}</td><td class="number">{needle.size}</td>{cells}'
        f"<td>{'yes' if needle.backup else 'no'}</td></tr>"
    )


def log(story: Story) -> str:
    """Show the log, what its verifier says, and one entry's proof."""
    record, erased = story.record, story.erased
    if record is None or erased is None:
        return ""
    rows = "".join(_line(line) for line in erased.lines)
    proven = "".join(f"<li>{escape(line)}</li>" for line in record.proven)
    verified = "".join(f"<li>{escape(line)}</li>" for line in record.verified)
    return (
        "<section><h2>The log</h2><p>Every use is written down before it begins and after it ends. Entries are "
        "chained in "
        "a tree of hashes whose root is signed, so none can be altered or taken out unnoticed. The entries hold only "
        "commitments; the details beside them are sealed, and those about an erased person can no longer be "
        'opened.</p><div class="scroll"><table><thead><tr><th class=number>entry</th><th>time '
        "(UTC)</th><th>operation</th>"
        f"<th>details</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f"<details><summary>What the verifier says of the whole log, before the erasure</summary><ul>{verified}</ul>"
        "</details>"
        f"<h3>Proof of entry {record.entry}, the search of the group picture</h3><p>Somebody who holds only this "
        "text and "
        f"the log's public key can check it, offline. It proves:</p><ul>{proven}</ul><pre>{escape(record.proof)}</pre>"
        f"<p>With one number in it altered, the verifier answers: <q>{escape(record.altered)}</q>.</p></section>"
    )


def _line(line: LogLine) -> str:
    phase = line.phase if line.refers is None else f"{line.phase} of {line.refers}"
    details = [_details(slot, dict(opened)) for slot, opened in line.opened.items()]
    details += [f'<span class="closed">{escape(slot)}: sealed for ever</span>' for slot in line.sealed]
    return (
        f'<tr><td class="number">{line.index}</td><td class="tight">{escape(line.time[11:19])}</td>'
        f'<td class="tight">{escape(line.operation)}, '
        f"{escape(phase)}</td><td>{'<br>'.join(filter(None, details))}</td></tr>"
    )


def _details(slot: str, opened: dict[str, object]) -> str:
    parts = []
    for key, value in opened.items():
        if slot == "details" and key in ("operator", "standard"):
            continue
        if isinstance(value, dict):
            parts.append(_details(key, value))
            continue
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        is_digest = len(text) > _LONG and " " not in text
        parts.append(f"{escape(key)} {escape(text[:10] + '…' if is_digest else text)}")
    return ", ".join(parts)
