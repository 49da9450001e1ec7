"""Search result entries (RFC 4511 section 4.5.2): most of what a directory sends, so read with the least work.

The inner loops spell out what `ber.element` does, for one-byte lengths; they raise `BadAnswer` and nothing else.
"""

from __future__ import annotations

from collections.abc import Generator

from tui.ldap.ber import OCTETS, SEQUENCE, SET, long_size, value
from tui.ldap.entries import Entry
from tui.ldap.errors import BadAnswer
from tui.ldap.messages import Message

_MOST_NAMES, _LONGEST_NAME = 4096, 256
_VALUES_A_STEP = 4096
_NO_ATTRIBUTE = "The server sent an entry with something else in it than a name and values"

Attributes = dict[str, tuple[bytes, ...]]


class Names(dict[bytes, str]):
    """Attribute names in lower case by the bytes they come as; most entries repeat those of the one before."""

    def __missing__(self, raw: bytes) -> str:
        name = raw.decode("utf-8", "replace").lower()
        if len(self) >= _MOST_NAMES:
            self.clear()
        if len(raw) <= _LONGEST_NAME:
            self[raw] = name
        return name


def entry(answer: Message, names: Names) -> Entry:
    """A whole entry at once."""
    dn, at, stop = _head(answer)
    return Entry(dn, _attributes(answer.data, at, stop, names))


def entry_in_steps(answer: Message, names: Names) -> Generator[None, None, Entry]:
    """The same, pausing now and then: a group of 100,000 members must not hold up everything else."""
    data = answer.data
    dn, at, stop = _head(answer)
    attributes: Attributes = {}
    while at < stop:
        name, at, end = _attribute(data, at, stop)
        values: list[bytes] = []
        while at < end:
            at = _read(data, at, end, values, _VALUES_A_STEP)
            yield
        _keep(attributes, names[name], tuple(values))
    return Entry(dn, attributes)


def _head(answer: Message) -> tuple[str, int, int]:
    """The entry's name, and where its list of attributes starts and stops."""
    start, end = value(answer.data, answer.start, answer.stop, OCTETS)
    at, stop = value(answer.data, end, answer.stop, SEQUENCE)
    return answer.data[start:end].decode("utf-8", "replace"), at, stop


def _attributes(data: bytes, at: int, stop: int, names: Names) -> Attributes:
    """`_attribute` and `_read` spelled out for a whole list: calling them would double the time of a large read."""
    found: Attributes = {}
    while at < stop:
        if at + 2 > stop or data[at] != SEQUENCE:
            raise BadAnswer(_NO_ATTRIBUTE)
        size, at = data[at + 1], at + 2
        if size > 127:
            size, at = long_size(data, at, size)
        end = at + size
        if end > stop or at + 2 > end or data[at] != OCTETS:
            raise BadAnswer(_NO_ATTRIBUTE)
        size, at = data[at + 1], at + 2
        if size > 127:
            size, at = long_size(data, at, size)
        name, at = names[data[at : at + size]], at + size
        if at + 2 > end or data[at] != SET:
            raise BadAnswer(_NO_ATTRIBUTE)
        size, at = data[at + 1], at + 2
        if size > 127:
            size, at = long_size(data, at, size)
        if at + size != end:
            raise BadAnswer(_NO_ATTRIBUTE)
        if at + 2 <= end and data[at] == OCTETS and data[at + 1] == size - 2 < 128:
            values: tuple[bytes, ...] = (data[at + 2 : end],)
        else:
            values = tuple(_values(data, at, end))
        _keep(found, name, values)
        at = end
    return found


def _values(data: bytes, at: int, stop: int) -> list[bytes]:
    values: list[bytes] = []
    _read(data, at, stop, values, stop - at)
    return values


def _attribute(data: bytes, at: int, stop: int) -> tuple[bytes, int, int]:
    """The name of the attribute at `at`, and where its set of values starts and stops."""
    at, end = value(data, at, stop, SEQUENCE)
    at, name_end = value(data, at, end, OCTETS)
    name = data[at:name_end]
    at, end_of_set = value(data, name_end, end, SET)
    if end_of_set != end:
        raise BadAnswer(_NO_ATTRIBUTE)
    return name, at, end


def _read(data: bytes, at: int, stop: int, values: list[bytes], most: int) -> int:
    """Append at most `most` values; where the next one starts."""
    try:
        while at < stop and most:
            if data[at] != OCTETS:
                raise BadAnswer("The server sent a value of a wrong type")
            size = data[at + 1]
            at += 2
            if size > 127:
                size, at = long_size(data, at, size)
            end = at + size
            values.append(data[at:end])
            at = end
            most -= 1
    except IndexError:
        at = len(data) + 1
    if at > stop:
        raise BadAnswer("The server sent a value that is longer than its set")
    return at


def _keep(attributes: Attributes, name: str, values: tuple[bytes, ...]) -> None:
    attributes[name] = attributes[name] + values if name in attributes else values
