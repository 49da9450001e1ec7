"""The options of the command line: those every command takes, those of the screen, those of the lab."""

from __future__ import annotations

import math
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct

DEFAULT_LISTEN = "127.0.0.1:8001"
# Named here because Textual, which has them, is not loaded for a help text or a mistyped name.
THEMES = (
    *(
        "ansi",
        "none",
        "textual-dark",
        "textual-light",
        "nord",
        "gruvbox",
        "dracula",
        "tokyo-night",
        "monokai",
        "flexoki",
    ),
    *("catppuccin-mocha", "catppuccin-latte", "catppuccin-frappe", "catppuccin-macchiato"),
    *("solarized-light", "solarized-dark", "rose-pine", "rose-pine-moon", "rose-pine-dawn"),
    *("atom-one-dark", "atom-one-light"),
)
SCENARIOS = Path(__file__).with_name("lab") / "scenarios"

F = TypeVar("F", bound=Callable[..., Any])


class Common(Struct, frozen=True, kw_only=True):
    """The options that every command takes, given before or after its name."""

    config: Path | None = None
    tenant: tuple[str, ...] = ()
    log_file: Path | None = None
    log_level: str = "info"
    ascii: bool = False
    theme: str | None = None


def scenarios() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in SCENARIOS.glob("*.toml")))


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Collect a common option at the root; the later place wins, repeated ones add up."""
    if value is None or value is False or value == ():
        return
    kept = context.find_root().ensure_object(dict)
    name = str(option.name)
    kept[name] = (*kept.get(name, ()), *value) if isinstance(value, tuple) else value


def _kept(*names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, **{"callback": _keep, **attributes})


def _stacked(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def _known(value: str, known: tuple[str, ...], context: click.Context, option: click.Parameter) -> str:
    """`value` if it is one of `known`, else the error that names them and the nearest."""
    if value in known:
        return value
    near = get_close_matches(value, known, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    raise click.BadParameter(f'"{value}" is not one of: {", ".join(known)}{hint}', context, option)


def _keep_theme(context: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None:
        _keep(context, option, _known(value, THEMES, context, option))


def _scenario(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    return None if value is None else _known(value, scenarios(), context, option)


def _finite(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter("must be a finite number", context, option)
    return value


_file = click.Path(path_type=Path)
common_options = _stacked(
    _kept("--config", type=_file, metavar="FILE", help="Config file (also: SYNCTOP_CONFIG)."),
    _kept("--tenant", multiple=True, metavar="NAME", help="Only this tenant of the config file; repeatable."),
    _kept("--log-file", type=_file, metavar="FILE", help="Write a log to this file, rotated at 1 MiB."),
    _kept(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
        help="How much to log; default info.",
    ),
)
screen_options = _stacked(
    _kept("--ascii", is_flag=True, help="Draw with ASCII characters only."),
    _kept("--theme", metavar="NAME", callback=_keep_theme, help="Colours; default: the terminal's own."),
)
scenario_option = click.option("--scenario", callback=_scenario, metavar="NAME", help="What the lab goes through.")
seed_option = click.option(
    "--seed", type=click.IntRange(0), default=1, metavar="N", help="Another seed, another population."
)
speed_option = click.option(
    "--speed",
    type=click.FloatRange(0.1, 3600),
    callback=_finite,
    metavar="X",
    help="Lab seconds per second.",
)
demo_options = _stacked(
    click.option("--demo", is_flag=True, help="Ask the embedded lab instead of the tenants of the config file."),
    scenario_option,
    seed_option,
)


def listen_address(text: str) -> tuple[str, int]:
    """(host, port) of `HOST:PORT`; raises `UsageError`. The lab asks for no sign-in, so only loopback will do."""
    from tui.config_values import is_loopback

    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise click.UsageError(f'--listen "{text}" is not HOST:PORT, such as {DEFAULT_LISTEN}')
    if not is_loopback(host):
        raise click.UsageError(
            f"--listen {host}: the lab lets everyone in, so it listens on this machine only (127.0.0.1, ::1, localhost)"
        )
    return host, int(port)
