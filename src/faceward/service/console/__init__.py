"""The console: pages for operators, reviewers, approvers, auditors and subjects, rendered here."""
