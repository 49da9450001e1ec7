"""The one table of actions: key bindings, command palette, help screen and README come from here."""

from __future__ import annotations

from functools import partial

from msgspec import Struct


class Action(Struct, frozen=True):
    """`keys` as Textual names them, the first is the one to tell; `short` is for the footer, empty: not there.

    `palette` False: of no use in a list of commands, such as moving the cursor. `screen`: the screen in front does it.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    short: str = ""
    palette: bool = True
    screen: bool = False

    @property
    def call(self) -> str:
        """The action as Textual calls it, on the app or on the screen in front."""
        return f"screen.{self.id}" if self.screen else self.id


_Here = partial(Action, screen=True)

ACTIONS = (
    Action("quit", ("q", "ctrl+c"), "Quit", "Leave synctop.", "quit"),
    Action("help", ("question_mark",), "Help", "Keys, marks and what the columns mean.", "help"),
    Action("palette", ("colon", "ctrl+p"), "Commands", "Find a command by its name.", "command", palette=False),
    _Here("filter", ("slash",), "Filter", "Narrow a list by plain words, all of which must occur.", "filter"),
    Action("why", ("w",), "Why", "All reasons for the verdict, with causes and remedies in the order to try.", "why"),
    _Here("open", ("enter",), "Open", "What the cursor is on: a failure, what a row of the counts differs by.", "open"),
    _Here("back", ("escape",), "Back", "One level back; clears the filter; ends a look; stops reading.", palette=False),
    Action("trace", ("T",), "Trace", "Follow one user or group, by any of its names, over every side.", "trace"),
    Action("sources", ("o",), "Sources", "Each poller: state, last success, latency, next poll, errors.", "sources"),
    _Here("sort", ("s",), "Sort", "Next order of the failures: last seen, severity, code, object.", "sort"),
    Action("pause", ("p",), "Pause", "Take no more snapshots; polling goes on. The header says for how long.", "pause"),
    Action("poll", ("r",), "Refresh now", "Ask the sources of this tenant now; trace or compare again.", "refresh"),
    Action("copy", ("y",), "Copy", "Copy what the cursor is on to the terminal's clipboard (OSC 52).", "copy"),
    _Here("failures", ("f",), "Failures only", "The failures over the whole screen, and back.", "failures"),
    _Here("counts", ("c",), "Counts only", "The counts over the whole screen, and back.", "counts"),
    Action("time", ("t",), "UTC or local time", "Times in UTC (with Z) or in your zone.", "utc/local"),
    Action("mouse", ("m",), "Mouse on or off", "Off at the start, so that the terminal selects text.", "mouse"),
    _Here("next_pane", ("tab",), "Next pane", "Move to the next pane, or to the other hop.", palette=False),
    _Here("previous_pane", ("shift+tab",), "Previous pane", "Move to the pane before.", palette=False),
    _Here("move(1)", ("down", "j"), "Down", "One line down.", palette=False),
    _Here("move(-1)", ("up", "k"), "Up", "One line up.", palette=False),
    _Here("page(1)", ("pagedown", "space"), "Page down", "One page down.", palette=False),
    _Here("page(-1)", ("pageup",), "Page up", "One page up.", palette=False),
    _Here("edge(False)", ("g", "home"), "First", "To the first line, following new failures again.", palette=False),
    _Here("edge(True)", ("G", "end"), "Last", "To the last line.", palette=False),
    *(
        Action(f"tenant({n})", (str(n),), f"Tenant {n}", f"Show tenant {n} of the strip.", palette=False)
        for n in range(1, 10)
    ),
)

_SPOKEN = {"escape": "esc", "question_mark": "?", "colon": ":", "slash": "/", "pagedown": "pgdn", "pageup": "pgup"}


def spoken(key: str) -> str:
    """A key as people say it."""
    return _SPOKEN.get(key, key)


def spoken_keys(action: Action) -> str:
    """All keys of an action, each once: `q, ctrl+c`."""
    return ", ".join(dict.fromkeys(spoken(key) for key in action.keys))
