"""The service: recognition over HTTP, and the console."""
