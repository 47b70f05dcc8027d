"""What the verifier of the log says in the browser, so that it can be translated; a test asserts that both agree."""

from __future__ import annotations

from faceward.service.console.i18n import N_

TEXTS = {
    "browser": N_("This browser cannot check Ed25519 signatures. Use a newer one, or faceward-verify."),
    "insecure": N_("Browsers check signatures on pages that come by HTTPS, or from this machine, alone."),
    "network": N_("{path} cannot be fetched: {reason}"),
    "key-form": N_("This is no log key. It is one line: name, plus sign, eight digits, plus sign, key."),
    "witness-form": N_("This is no witness's key: {text}"),
    "key-missing": N_("Paste the log's key first. Take it from somewhere else than this service."),
    "note-form": N_("The checkpoint is malformed."),
    "origin": N_("The checkpoint is of the log {found}, not of {wanted}."),
    "unsigned": N_("The checkpoint is not signed by the key of {name}. This is another log, or the key is another's."),
    "signature": N_("The signature of {name} is wrong: the checkpoint was altered."),
    "cosignature": N_("The cosignature of the witness {name} is wrong."),
    "not-cosigned": N_("The witness {name} has not cosigned the log."),
    "bundle": N_("The published entries {path} are damaged."),
    "tile": N_("The published tile {path} does not follow from the entries. It was altered."),
    "root": N_("The entries do not lead to the root that the log signed: entries were changed, added or left out."),
    "cosigned-root": N_(
        "What the witnesses cosigned at {size} entries is not what the log holds now. It was rewritten."
    ),
    "rolled-back": N_("The log had {kept} entries when you looked last, and has {size} now. It was rolled back."),
    "forked": N_(
        "The log does not continue what you saw at {kept} entries. It was rewritten, or you are shown another one."
    ),
    "receipt-form": N_("The receipt is malformed."),
    "receipt-entry": N_("The receipt's entry is not the one that it proves."),
    "receipt-opening": N_("What the receipt says of the entry is not what the log committed to."),
    "receipt-proof": N_("The receipt does not prove that its entry was in the log."),
    "receipt-behind": N_(
        "The receipt is of {size} entries, and the log published here has {found}. It was rolled back."
    ),
    "receipt-fork": N_("The receipt's checkpoint is of another history than the log published here."),
    "did-key": N_("The checkpoint is signed by {name}, with the key that you gave."),
    "did-entries": N_("All {size} entries were hashed, and every tile follows from them."),
    "did-root": N_("They lead to the very root that was signed."),
    "did-period": N_("They are from {first} to {last}."),
    "did-witness": N_("The witness {name} cosigned {size} of them on {time}."),
    "did-kept": N_("The log continues what you saw at your last visit, at {kept} entries."),
    "did-first": N_(
        "This is your first visit with this key. From now on, what you saw today is kept here and compared."
    ),
    "did-receipt": N_("Your receipt's entry is number {index} of this log: {operation}, {phase}, of {time}."),
    "did-openings": N_("What the receipt says is what that entry committed to."),
    "verified": N_("Everything that was checked is true."),
    "failed": N_("This log failed the check."),
    "stopped": N_("The check could not be made."),
    "step-key": N_("Checking the signature"),
    "step-entries": N_("Fetching and hashing the entries"),
    "step-tree": N_("Computing the tree"),
    "step-tiles": N_("Comparing the tiles"),
}
"""By code, in English, with placeholders that the script fills in."""
