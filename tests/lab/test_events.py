"""The lab's queue of events."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START
from tui.lab.events import EventQueue

MINUTE = timedelta(minutes=1)


def queue_and_log() -> tuple[EventQueue, list[datetime | None]]:
    presents: list[datetime | None] = []
    return EventQueue(presents.append), presents


@given(st.lists(st.integers(0, 50), max_size=30))
def test_things_happen_in_order_whenever_one_looks(minutes: list[int]) -> None:
    """However late the lab wakes up, events take place in the order of their time."""
    queue, _ = queue_and_log()
    done: list[int] = []
    for minute in minutes:
        queue.add(START + minute * MINUTE, lambda minute=minute: done.append(minute))  # type: ignore[misc]
    while queue.run_piece(START + 100 * MINUTE):
        pass
    assert done == sorted(minutes)


def test_nothing_happens_before_its_time() -> None:
    """An event a second away is not done yet."""
    queue, _ = queue_and_log()
    queue.add(START + MINUTE, lambda: None)
    assert not queue.run_piece(START + MINUTE - timedelta(seconds=1))
    assert queue.next_due() == START + MINUTE
    assert queue.run_piece(START + MINUTE)


def test_long_work_is_done_in_pieces_before_what_comes_after() -> None:
    """A long cycle gives way between pieces, and the next event waits for its end."""
    queue, presents = queue_and_log()
    done: list[str] = []

    def cycle():  # type: ignore[no-untyped-def]
        for part in "ab":
            done.append(part)
            yield

    queue.add(START, cycle)
    queue.add(START + MINUTE, lambda: done.append("later"))
    pieces = 0
    while queue.run_piece(START + 5 * MINUTE):
        pieces += 1
    assert done == ["a", "b", "later"]
    assert pieces == 5
    assert set(presents) == {START, START + MINUTE, None}


def test_what_repeats_comes_again_on_the_minute() -> None:
    """A late wake-up does not shift a schedule."""
    queue, presents = queue_and_log()
    queue.add(START, lambda: None, every=MINUTE)
    while queue.run_piece(START + 3.5 * MINUTE):
        pass
    assert presents[::2] == [START + number * MINUTE for number in range(4)]


def test_work_that_fails_does_not_block_the_queue() -> None:
    """After an error the next event takes place all the same."""
    queue, presents = queue_and_log()
    done: list[str] = []

    def failing():  # type: ignore[no-untyped-def]
        yield
        raise OSError("disk full")

    queue.add(START, failing)
    queue.add(START, lambda: done.append("next"))
    errors = 0
    for _ in range(6):
        try:
            queue.run_piece(START)
        except OSError:
            errors += 1
    assert (done, errors) == (["next"], 1)
    assert presents[-1] is None
