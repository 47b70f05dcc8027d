"""From pictures to features: decode, detect, align, assess, embed, redact."""
