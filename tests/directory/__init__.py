"""Real directory servers as test peers, and the tests that need them."""
