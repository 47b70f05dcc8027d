"""Footage and cameras: sources, motion, tracks, watching and redaction; what it may do, operations decide."""
