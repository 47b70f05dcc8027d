"""Witnesses over HTTP: a server that anybody can run, and the log's side. Nothing else reaches a network."""
