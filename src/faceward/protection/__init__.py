"""Protection of references: sealed bytes, the keys that open them and the holders of the master key.

The vocabulary is that of ISO/IEC 24745: a reference is *renewable* (the same features under a new key) and
*revocable* (its key is destroyed, and with it every copy of the reference).
"""
