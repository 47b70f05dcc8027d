"""The only door: each operation authorises, records, releases keys, acts and records the outcome."""
