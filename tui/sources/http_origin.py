"""Where a token may travel: to the configured origin (scheme, host and port), and nowhere else.

`nextLink`s are absolute and redirects may name any host: facts/domain.md 2.1, 2.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import quote

import httpx

from tui.model.text import clean
from tui.sources.errors import BadAnswer

LONGEST_LINK = 16_384
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ODATA_SAFE = "$,:'()/*@!"


def base_url(text: str) -> httpx.URL:
    """The upstream's root. Raises `ValueError` for anything but https, or plain http to this machine."""
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError(f"not a URL: {clean(text, 100)!r}") from error
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        raise ValueError(f"not an https URL: {clean(text, 100)!r}")
    if url.userinfo or url.query or url.fragment:
        raise ValueError(f"the URL of {url.host} must hold neither user, query nor fragment")
    if url.scheme == "http" and not is_loopback(url):
        raise ValueError(f"plain http would show the token to the network: use https for {url.host}")
    return url


def is_loopback(url: httpx.URL) -> bool:
    """True for this machine: `localhost`, 127.0.0.0/8 and ::1."""
    try:
        return url.host == "localhost" or ip_address(url.host).is_loopback
    except ValueError:
        return False


def address(base: httpx.URL, path: str, params: Mapping[str, str] | None = None) -> httpx.URL:
    """`path` below `base`. Spaces become %20, since OData services do not all read `+` as one.

    Raises `BadAnswer` for a path that cannot be asked for: some are made of what an upstream said.
    """
    query = "&".join(
        f"{quote(key, safe='$')}={quote(value, safe=_ODATA_SAFE)}" for key, value in (params or {}).items()
    )
    joint = "&" if "?" in path else "?"
    try:
        return httpx.URL(f"{base}".rstrip("/") + "/" + path.lstrip("/") + (joint + query if query else ""))
    except (httpx.InvalidURL, ValueError):
        raise BadAnswer(f"{base.host} has no address like {clean(path, 80)}") from None


def linked(base: httpx.URL, current: httpx.URL, link: object) -> httpx.URL:
    """Where a `nextLink` or `Location` leads; raises `BadAnswer` naming the host when that is another origin."""
    if not isinstance(link, str) or not link or len(link) > LONGEST_LINK:
        raise BadAnswer(f"{base.host} sent a link that cannot be read")
    try:
        url = current.join(link)
    except (httpx.InvalidURL, ValueError):
        raise BadAnswer(f"{base.host} sent a link that cannot be read") from None
    if url.userinfo or _origin(url) != _origin(base):
        port = f":{url.port}" if url.port else ""
        raise BadAnswer(
            f"{base.host} sent a link to {clean(f'{url.scheme}://{url.host}', 120)}{port}: "
            "not followed, since the token belongs to the configured host alone"
        )
    return url


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host.lower(), url.port or _DEFAULT_PORTS.get(url.scheme)
