"""A stream of bytes cut into LDAP messages, in whatever pieces it comes."""

from __future__ import annotations

from tui.ldap.ber import LENGTH_BYTES, SEQUENCE, number
from tui.ldap.errors import BadAnswer
from tui.ldap.messages import Message, message

LARGEST_MESSAGE = 64 * 1024 * 1024
_NUMBER_BYTES = 2 + 8


class Framer:
    """`feed` bytes, then take messages with `next` until it gives None. Holds at most one message beyond a piece.

    All raise `BadAnswer` for what cannot be LDAP, or is larger than `largest` bytes; nothing follows such an error.
    """

    def __init__(self, largest: int = LARGEST_MESSAGE) -> None:
        self._largest = largest
        self._data = b""
        self._at = 0
        self._partial = bytearray()
        self._missing = 0

    @property
    def is_empty(self) -> bool:
        """Nothing has been received beyond the messages that were taken."""
        return not self._partial and self._at >= len(self._data)

    @property
    def arriving(self) -> int | None:
        """The number of a message of which a part has come, once it can be told."""
        header = self._header(self._partial, 0) if self._partial else None
        if header is None or len(self._partial) < header[0] + _NUMBER_BYTES:
            return None
        return number(self._partial, header[0], len(self._partial))[0]

    def feed(self, piece: bytes) -> None:
        if not self._partial:
            self._data, self._at = (self._data[self._at :] + piece if self._at < len(self._data) else piece), 0
            return
        self._partial += piece
        if len(self._partial) >= self._missing:
            self._data, self._at = bytes(self._partial), 0
            self._partial = bytearray()

    def next(self) -> Message | None:
        if self._partial:
            return None
        data, at = self._data, self._at
        header = self._header(data, at)
        if header is None:
            self._set_aside(2)
            return None
        start, size = header
        if start + size > len(data):
            self._set_aside(start + size - at)
            return None
        self._at = start + size
        return message(data, start, self._at)

    def _header(self, data: bytes | bytearray, at: int) -> tuple[int, int] | None:
        """Where the content of the message at `at` starts, and its size; None while its header is incomplete."""
        have = len(data) - at
        if have and data[at] != SEQUENCE:
            raise BadAnswer("The server does not speak LDAP here")
        if have < 2:
            return None
        size, start = data[at + 1], at + 2
        if size > 127:
            digits = size & 0x7F
            if not 1 <= digits <= LENGTH_BYTES:
                raise BadAnswer("The server sent a message with a length that LDAP does not allow")
            if have < 2 + digits:
                return None
            size, start = int.from_bytes(data[start : start + digits], "big"), start + digits
        if size > self._largest:
            raise BadAnswer(f"The server sent a message of {size:,} bytes, more than the {self._largest:,} allowed")
        return start, size

    def _set_aside(self, wanted: int) -> None:
        """Keep what there is of an incomplete message until `wanted` bytes of it have come, or one more than now."""
        rest = self._data[self._at :]
        self._partial = bytearray(rest)
        self._missing = max(wanted, len(rest) + 1)
        self._data, self._at = b"", 0
