"""Documents that a law asks for, as content, HTML and PDF; pure: what they say is handed in."""
