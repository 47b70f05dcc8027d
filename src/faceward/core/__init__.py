"""Types, errors, canonical bytes and time: pure, and imported by every other layer."""
