"""The polling status service. Knows no widget."""
