"""Galleries: where references are stored, indexed, compared, expired and erased. Nothing else touches one."""
