"""Pure decisions: what a standard allows, under which purpose, with which release, and for how long."""
