"""synctop: a live terminal monitor for directory synchronization."""

__version__ = "1.0.0"
