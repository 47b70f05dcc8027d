"""What pages say after something was done; an address names it by its key, so that nobody else puts words in them."""

from __future__ import annotations

from faceward.service.console.i18n import N_

NOTICES = {
    "saved": N_("Saved."),
    "asked": N_("Your request waits for another person's approval."),
    "carried-out": N_("It was carried out at once: no approval was needed."),
    "approved": N_("Your approval was recorded."),
    "refused": N_("Your refusal was recorded."),
    "revoked": N_("The mandate is revoked."),
    "stopped": N_("All recognition is stopped."),
    "restart-asked": N_("The restart waits for another person's approval."),
    "answered": N_("Your answer was recorded. It is final."),
    "amended": N_("Your amendment was recorded beside your answer."),
    "concluded": N_("The finding was recorded."),
    "edit-added": N_("The edit was added to the chain."),
    "sample-added": N_("The candidate's picture was added."),
    "erased": N_("Everything about the subject was erased. The receipt is below."),
    "withdrawn": N_("The consent was withdrawn, and the references were erased."),
    "complained": N_("The complaint was recorded. Its term runs."),
    "request-recorded": N_("Your request was recorded. It is to be answered within a month."),
    "suspended": N_("The references are compared with nobody until that ends."),
    "resumed": N_("The suspension is over."),
    "imported": N_("The releases are on file."),
    "key-revoked": N_("The program's key is revoked; no process accepts it from now on."),
    "camera-added": N_("The camera is configured. Nothing is watched with it before a watch begins."),
    "camera-changed": N_("The camera is changed. A watch that is under way takes it up with its next period."),
    "camera-removed": N_("The camera is removed, with its address."),
    "signed-out": N_("You are signed out."),
}
"""By key, in English; translated when shown. Other pages of the console add theirs here."""
