"""The one-way sync: a Graph-shaped tenant into a managed domain, never back."""
