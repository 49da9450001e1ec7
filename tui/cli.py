"""The command line: commands, options, exit codes. Nothing is imported before a command needs it.

Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown (the monitoring-plugin convention); 64 usage, 70 unexpected,
74 output, 78 config (sysexits.h); 130 interrupted, 141 the reader of a pipe went away.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from msgspec.structs import replace

from tui import __version__
from tui.cli_options import (
    DEFAULT_LISTEN,
    Common,
    common_options,
    demo_options,
    listen_address,
    scenario_option,
    scenarios,
    screen_options,
    seed_option,
    speed_option,
)

if TYPE_CHECKING:
    from tui.answers import Answer
    from tui.options import DemoOptions, LiveOptions
    from tui.settings import DirectorySettings, Settings

USAGE, UNEXPECTED, OUTPUT, CONFIG, INTERRUPTED, CLOSED_PIPE = 64, 70, 74, 78, 130, 141
_log = logging.getLogger(__name__)


class ConfigProblem(click.ClickException):
    exit_code = CONFIG


class Commands(click.Group):
    """A group that offers the nearest command for a mistyped one."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(context, name) is None and not name.startswith("-"):
            near = get_close_matches(name, self.list_commands(context), n=1)
            known = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(self.list_commands(context))}"
            raise click.UsageError(f'no such command "{name}"; {known}', context)
        return super().resolve_command(context, args)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown, 64 usage error, 78 config error.",
)
@common_options
@screen_options
@click.version_option(__version__, prog_name="synctop", message="%(prog)s %(version)s")
@click.pass_context
def commands(context: click.Context) -> int | None:
    """Watch directory synchronization live: AD to Entra ID to Entra Domain Services.

    Without a command: the live screen over the tenants of the config file; without a config file, the demo.
    """
    return None if context.invoked_subcommand else _live()


@commands.command(short_help="The live screen over the embedded lab.", epilog=f"Scenarios: {', '.join(scenarios())}.")
@scenario_option
@seed_option
@speed_option
@click.option("--objects", type=click.IntRange(1, 1_000_000), metavar="N", help="Size of the lab's directory.")
@common_options
@screen_options
def demo(scenario: str | None, seed: int, speed: float | None, objects: int | None) -> int:
    """The live screen over an embedded lab: nothing to configure."""
    from tui.options import DemoOptions

    common = _begin()
    _need_known(common.tenant, ["lab"])
    _need_terminal()
    return _run_demo(
        DemoOptions(
            scenario=scenario, seed=seed, speed=speed, objects=objects, tenants=common.tenant, live=_look(common)
        )
    )


@commands.command(short_help="Ask once, print the verdict, exit 0 to 3.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@demo_options
@common_options
def check(form: str, demo: bool, scenario: str | None, seed: int) -> int:
    """Ask everything once, print the verdict and exit: 0 ok, 1 warning, 2 critical, 3 unknown.

    Text is one line with performance data, as monitoring plugins print it. Ends within the poll timeout plus five
    seconds, whatever is asked does.
    """
    from tui.answers import check_chunks
    from tui.reports.verdicts import exit_code, worst

    answer = _answer(demo, scenario, seed)
    _write(check_chunks(answer, form))
    return exit_code(worst(snapshot.verdict for snapshot in answer.snapshots))


@commands.command(short_help="Ask once, print every failing object.")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json", "jsonl"]), default="table", show_default=True
)
@demo_options
@common_options
def failures(form: str, demo: bool, scenario: str | None, seed: int) -> int:
    """Ask once and print every failing object; exit 3 where some source could not tell.

    In CSV a cell that a spreadsheet would run as a formula begins with an apostrophe, and so does one that begins
    with an apostrophe itself: drop one to get the value.
    """
    from tui.answers import failures_chunks, missing

    answer = _answer(demo, scenario, seed)
    width = shutil.get_terminal_size().columns if sys.stdout and sys.stdout.isatty() else None
    _write(failures_chunks(answer, form, width))
    doubts = missing(answer)
    for doubt in doubts:
        _complain(doubt.text)
    return 3 if any(doubt.unknown for doubt in doubts) else 0


@commands.command(short_help="Follow one user or group over every side.")
@click.argument("name")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@demo_options
@common_options
def trace(name: str, form: str, demo: bool, scenario: str | None, seed: int) -> int:
    """Ask every side for one user or group: where it is, since when, what differs, and what stops it.

    NAME is a sign-in name, account name, mail or proxy address, display name, id, source anchor or distinguished name.
    Exit code 0: found and consistent; 1: it differs or something stops it; 3: not found, or it cannot be told.
    """
    from tui.cli_trace import NoAnswer, ask_lab, ask_tenants, exit_code, trace_chunks
    from tui.model.text import clean

    if not clean(name):
        raise click.UsageError("NAME is empty")
    common = _begin_asking(demo, scenario)
    if demo:
        _need_known(common.tenant, ["lab"])
    try:
        traced = ask_lab(scenario, seed, name) if demo else ask_tenants(_settings(common), name)
    except NoAnswer as error:
        _complain(str(error))
        return 3
    _write(trace_chunks(traced, form))
    return exit_code(traced)


@commands.command(short_help="The embedded lab as an HTTP server.", epilog=f"Scenarios: {', '.join(scenarios())}.")
@click.option("--listen", metavar="HOST:PORT", default=DEFAULT_LISTEN, show_default=True, help="Loopback only.")
@scenario_option
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Keep the lab's data here."
)
@click.option(
    "--on-premises", is_flag=True, help="Invent nobody: read the config's [tenant.on_premises], as Connect does."
)
@common_options
def lab(listen: str, scenario: str | None, state: Path | None, on_premises: bool) -> int:
    """The embedded lab as a server of its own: HTTP in the shapes of Graph, ARM and Connect Health."""
    address = listen_address(listen)
    directory = _on_premises(_begin(), scenario) if on_premises else None
    from tui.demo import run_lab

    try:
        return run_lab(address, scenario, state, directory)
    except OSError as error:
        raise click.UsageError(f"--listen {listen}: cannot listen there: {error.strerror or error}") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _on_premises(common: Common, scenario: str | None) -> DirectorySettings:
    """The one on-premises directory that the config file names."""
    if scenario:
        raise click.UsageError("--scenario is for invented people: leave it out with --on-premises")
    named = [tenant.on_premises for tenant in _settings(common).tenants if tenant.on_premises]
    if len(named) != 1:
        many = "several; choose one with --tenant NAME" if named else "none"
        raise ConfigProblem(f"--on-premises reads the directory of a [tenant.on_premises]; the config has {many}")
    return named[0]


@commands.command(short_help="The one-way sync into a managed domain.")
@click.option("--once", is_flag=True, help="One round, then exit.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@click.option(
    "--allow-deletions", type=click.IntRange(0), metavar="N", help="Let up to N deletions through that are held back."
)
@common_options
def sync(once: bool, dry_run: bool, allow_deletions: int | None) -> int:
    """Bring a tenant's users and groups into the directory of its [tenant.sync] section, one way, until interrupted.

    The tenant is only read, and in the directory only what the sync itself made is changed. With --once it exits 0
    when all is done, 1 when objects are set aside, 2 when it is held by the deletion brake or not possible, 3 when an
    end cannot be reached.
    """
    settings = _settings(_begin())
    from tui.cli_sync import SyncOptions, run_sync

    return run_sync(settings, SyncOptions(once=once, dry_run=dry_run, allow_deletions=allow_deletions), _write)


def _live() -> int:
    from tui.config import chosen_path

    common = _begin()
    path, asked_for = chosen_path(common.config)
    if not asked_for and not path.exists():
        from tui.options import DemoOptions

        _need_terminal()
        where = str(path).replace(str(Path.home()), "~", 1)
        notice = f"Demo, no config file yet. To watch your tenant write {where}: [[tenant]] name, tenant_id"
        return _run_demo(DemoOptions(tenants=common.tenant, live=replace(_look(common), notice=notice)))
    settings = _settings(common)
    _need_terminal()
    from tui.demo import run_live

    return run_live(settings, _look(common))


def _run_demo(options: DemoOptions) -> int:
    from tui.demo import run_demo

    return run_demo(options)


def _begin() -> Common:
    """The common options, with the log started."""
    from tui import logs

    common = Common(**click.get_current_context().find_root().ensure_object(dict))
    try:
        logs.start(common.log_file, common.log_level)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise click.UsageError(f"--log-file {common.log_file}: cannot be written: {reason}") from None
    return common


def _look(common: Common) -> LiveOptions:
    from tui.options import LiveOptions

    return LiveOptions(ascii=common.ascii, theme=common.theme)


def _settings(common: Common) -> Settings:
    """The settings of the config file, with the tenants that were asked for."""
    from tui.config import ConfigError, chosen_path, load, shown_path

    path, asked_for = chosen_path(common.config)
    if not asked_for and not path.exists():
        raise ConfigProblem(f"no config file at {shown_path(path)}: write one (README, Configuration), or add --demo")
    try:
        settings = load(path)
    except ConfigError as error:
        raise ConfigProblem(str(error)) from None
    known = [tenant.name for tenant in settings.tenants]
    _need_known(common.tenant, known)
    chosen = [tenant for tenant in settings.tenants if not common.tenant or tenant.name in common.tenant]
    return replace(settings, tenants=tuple(chosen))


def _need_known(asked: Iterable[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            raise click.UsageError(f'--tenant "{name}" is not one of: {", ".join(known)}')


def _begin_asking(demo: bool, scenario: str | None) -> Common:
    common = _begin()
    if not demo and scenario:
        raise click.UsageError("--scenario is for the lab: add --demo")
    return common


def _answer(demo: bool, scenario: str | None, seed: int) -> Answer:
    from tui.answers import ask_lab, ask_tenants

    common = _begin_asking(demo, scenario)
    if not demo:
        return ask_tenants(_settings(common))
    answer = ask_lab(scenario, seed)
    _need_known(common.tenant, [snapshot.name for snapshot in answer.snapshots])
    return answer.only(common.tenant)


def _need_terminal() -> None:
    """The screen is drawn on stderr and steered from stdin."""
    streams = (sys.__stdin__, sys.__stderr__)
    if not all(stream is not None and stream.isatty() for stream in streams):
        raise click.UsageError("the live screen needs a terminal; for scripts there is: synctop check")


def _write(chunks: Iterable[str]) -> None:
    """Write the answer. A closed pipe ends quietly; what the locale cannot show is written as an escape."""
    if sys.stdout is None:
        return
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        for chunk in chunks:
            sys.stdout.write(chunk)
        sys.stdout.flush()
    except BrokenPipeError:
        raise click.exceptions.Exit(CLOSED_PIPE) from None
    except OSError as error:
        _complain(f"the answer cannot be written: {error.strerror}")
        raise click.exceptions.Exit(OUTPUT) from None


def _complain(text: str) -> None:
    """One clean line on stderr."""
    from tui.model.text import clean

    with suppress(OSError, ValueError):
        click.echo(f"synctop: {clean(text)}", err=True)


def _unexpected(error: Exception) -> int:
    from tui import logs

    file = logs.current_file()
    if file:
        _log.error("unexpected error", exc_info=error)
    advice = f"the details are in {file}" if file else "run it again with --log-file FILE to record the details"
    _complain(f"unexpected error ({type(error).__name__}); {advice}")
    return UNEXPECTED


def _usage(error: click.UsageError) -> int:
    path = error.ctx.command_path if error.ctx else "synctop"
    _complain(f"{error.format_message().rstrip('.')} (try: {path} --help)")
    return USAGE


def run(args: Sequence[str]) -> int:
    """Run one command and return its exit code; never raises, whatever happens inside."""
    try:
        return commands.main(list(args), prog_name="synctop", standalone_mode=False) or 0
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        _complain(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else UNEXPECTED
    except Exception as error:
        return _unexpected(error)


def main() -> NoReturn:
    """End the process at once: a thread that is stuck in a name lookup or a sign-in must not hold it."""
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)
