"""Keys of galleries, released only against a log entry (rule L2)."""
