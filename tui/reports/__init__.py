"""A snapshot as text, JSON or CSV."""
