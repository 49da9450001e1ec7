"""What comes in on a connection: bytes become messages, and messages find the operation they belong to."""

from __future__ import annotations

from collections.abc import Generator
from time import monotonic

from tui.ldap.entries import Entry
from tui.ldap.errors import BadAnswer, Disconnected
from tui.ldap.framing import Framer
from tui.ldap.messages import (
    DONE,
    ENTRY,
    INTERMEDIATE,
    NOTICE_OF_DISCONNECTION,
    REFERENCE,
    RESULTS,
    Message,
    result,
)
from tui.ldap.operations import Operation, Operations
from tui.ldap.result_codes import result_name
from tui.ldap.search_entries import Names, entry, entry_in_steps
from tui.model.text import clean

_LARGE_ENTRY = 64 * 1024
_LONGEST_NOTICE = 300
_WAKES_A_SLICE = 64


class Inbox:
    """`feed` bytes and `read` them in slices. Both raise `BadAnswer` or `Disconnected` where the connection is over."""

    def __init__(self, host: str, operations: Operations) -> None:
        self._host = host
        self._operations = operations
        self._names = Names()
        self._framer = Framer()
        self._woken = 0
        self._slow: tuple[Operation, Message, Generator[None, None, Entry]] | None = None

    @property
    def is_empty(self) -> bool:
        """No message has been begun."""
        return self._framer.is_empty

    def feed(self, data: bytes) -> None:
        self._operations.heard()
        self._framer.feed(data)

    def read(self, until: float) -> bool:
        """Handle what was fed, but stop when `time.monotonic()` reaches `until`. True when nothing is left to do.

        It stops as well when it has woken many, whose own work comes before the next slice.
        """
        self._woken = 0
        while self._step():
            if self._woken >= _WAKES_A_SLICE or monotonic() >= until:
                return False
        arriving = self._framer.arriving
        if arriving is not None:
            self._operations.touch(arriving)
        return True

    def _step(self) -> bool:
        if self._slow is not None:
            self._go_on(*self._slow)
            return True
        message = self._framer.next()
        if message is not None:
            self._handle(message)
        return message is not None

    def _handle(self, message: Message) -> None:
        if message.number == 0:
            self._unsolicited(message)
            return
        operation = self._operations.find(message.number)
        if operation is None:
            return
        if message.tag == ENTRY:
            self._collect(operation, message)
        elif message.tag in RESULTS:
            self._finish(operation, message)
        elif message.tag == REFERENCE:
            operation.references += 1
        elif message.tag != INTERMEDIATE:
            raise BadAnswer(f"{self._host} sent a message of an unknown type (0x{message.tag:02x})")

    def _collect(self, operation: Operation, message: Message) -> None:
        if operation.kind != DONE:
            raise BadAnswer(f"{self._host} sent an entry where none was asked for")
        if message.stop - message.start > _LARGE_ENTRY:
            self._slow = (operation, message, entry_in_steps(message, self._names))
            return
        self._keep(operation, entry(message, self._names), message)

    def _go_on(self, operation: Operation, message: Message, steps: Generator[None, None, Entry]) -> None:
        try:
            next(steps)
        except StopIteration as done:
            self._slow = None
            self._keep(operation, done.value, message)

    def _keep(self, operation: Operation, found: Entry, message: Message) -> None:
        """An answer without end fails its own search alone; the rest of it is ignored as it comes."""
        try:
            operation.collect(found, message.stop - message.start)
        except BadAnswer as error:
            self._operations.end(operation, error)

    def _finish(self, operation: Operation, message: Message) -> None:
        if message.tag != operation.kind:
            raise BadAnswer(f"{self._host} answered another question than was asked")
        self._operations.end(operation, result(message))
        self._woken += 1

    def _unsolicited(self, message: Message) -> None:
        """Of messages that answer no request a client knows one, and ignores all others (RFC 4511 section 4.4)."""
        if message.tag not in RESULTS:
            return
        notice = result(message)
        if notice.oid == NOTICE_OF_DISCONNECTION:
            why = clean(notice.diagnostic, _LONGEST_NOTICE) or "no reason given"
            raise Disconnected(f"{self._host} ended the connection: {why} ({result_name(notice.code)})")
