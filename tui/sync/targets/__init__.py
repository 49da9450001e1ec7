"""Where the sync writes to."""
