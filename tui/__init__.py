"""synctop: a live terminal monitor for directory synchronization."""

import sys

__version__ = "1.0.0"

# httpx's own command line, an optional part of it, would load rich's tables and pygments with every start: 60 ms.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
