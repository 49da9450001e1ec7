"""Commands, options, errors and exit codes, over a service and a demo that only pretend."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import builders
from tests.cli.refusals import refusal
from tui import cli, cli_options
from tui.config import default_path
from tui.model.snapshot import TenantSnapshot
from tui.options import DemoOptions, LiveOptions


def test_check_prints_one_line_and_exits_zero_when_all_is_well(
    upstream: SimpleNamespace, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A healthy tenant is exit 0, one line on stdout and nothing on stderr."""
    assert cli.run(["check", "--config", str(config)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("SYNCTOP OK - contoso: AD > Entra 12m04s old")
    assert out.count("\n") == 1
    assert err == ""


@pytest.mark.parametrize(
    ("tenants", "code"),
    [
        ((builders.healthy(),), 0),
        ((builders.many_failures(2), builders.healthy()), 1),
        ((builders.healthy(), builders.trouble()), 2),
        ((builders.never_read(), builders.trouble()), 2),
        ((builders.never_read(), builders.many_failures(1)), 1),
        ((builders.healthy(), builders.never_read()), 3),
        ((builders.stale(),), 3),
        ((), 3),
    ],
)
def test_the_exit_code_is_the_worst_tenants(
    upstream: SimpleNamespace, config: Path, tenants: tuple[TenantSnapshot, ...], code: int
) -> None:
    """0 ok, 1 warning, 2 critical, 3 unknown; critical outranks warning, warning outranks unknown."""
    upstream.tenants = tenants
    assert cli.run(["check", "--config", str(config), "--format", "json"]) == code


def test_check_as_json_is_one_document(
    upstream: SimpleNamespace, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """stdout holds JSON and nothing else."""
    upstream.tenants = (builders.trouble(),)
    assert cli.run(["check", "--format", "json", "--config", str(config)]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "critical"
    assert document["tenants"][0]["hops"][0]["age_s"] == 266_400.0


def test_common_options_stand_before_or_after_the_command(upstream: SimpleNamespace, config: Path) -> None:
    """`synctop --tenant a check --tenant b` asks both, in the order of the file."""
    assert cli.run(["--config", str(config), "--tenant", "fabrikam", "check", "--tenant", "contoso"]) == 0
    assert [tenant.name for tenant in upstream.settings.tenants] == ["contoso", "fabrikam"]
    assert cli.run(["--tenant", "fabrikam", "check", "--config", str(config)]) == 0
    assert [tenant.name for tenant in upstream.settings.tenants] == ["fabrikam"]


def test_the_later_config_wins(upstream: SimpleNamespace, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option after the command wins over the one before it, and both over the environment."""
    monkeypatch.setenv("SYNCTOP_CONFIG", "/nowhere/env.toml")
    assert cli.run(["--config", "/nowhere/early.toml", "check", "--config", str(config)]) == 0
    assert cli.run(["check"]) == cli.CONFIG


def test_the_environment_names_the_config(
    upstream: SimpleNamespace, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SYNCTOP_CONFIG is read where --config is not given."""
    monkeypatch.setenv("SYNCTOP_CONFIG", str(config))
    assert cli.run(["check"]) == 0
    assert upstream.settings is not None


def test_the_default_config_is_found(upstream: SimpleNamespace, config: Path) -> None:
    """Without option and environment the user's config folder is looked at."""
    default_path().parent.mkdir(parents=True)
    default_path().write_bytes(config.read_bytes())
    assert cli.run(["check"]) == 0


USAGE_ERRORS = [
    (("--zzz",), "No such option"),
    (("chekc",), 'no such command "chekc"; did you mean "check"?'),
    (("x\x1b[31m\ny",), "no such command"),
    (("check", "--format", "xml"), "'xml' is not one of 'text', 'json'"),
    (("check", "--formt", "json"), "--format"),
    (("check", "extra"), "unexpected extra argument"),
    (("check", "--tenant", "nobody"), '--tenant "nobody" is not one of: contoso, fabrikam'),
    (("check", "--scenario", "healthy"), "--scenario is for the lab: add --demo"),
    (("check", "--demo", "--scenario", "helthy"), 'did you mean "healthy"?'),
    (("check", "--demo", "--scenario", "zzz"), "is not one of: healthy, story, throttled"),
    (("check", "--demo", "--tenant", "nobody"), '--tenant "nobody" is not one of: contoso'),
    (("check", "--log-level", "loud"), "is not one of 'debug', 'info', 'warning', 'error'"),
    (("check", "--log-file", "/nowhere/x.log"), "--log-file /nowhere/x.log: cannot be written: No such file"),
    (("--theme", "nrd"), '"nrd" is not one of: ansi, none'),
    (("demo", "--theme", "nrd"), 'did you mean "nord"?'),
    (("demo", "--speed", "nan"), "must be a finite number"),
    (("demo", "--speed", "0"), "is not in the range"),
    (("demo", "--objects", "0"), "is not in the range"),
    (("demo", "--seed", "x"), "is not a valid integer"),
    (("demo",), "the live screen needs a terminal; for scripts there is: synctop check"),
    ((), "the live screen needs a terminal"),
    (("lab", "--listen", "8001"), "is not HOST:PORT, such as 127.0.0.1:8001"),
    (("lab", "--listen", "127.0.0.1:99999"), "is not HOST:PORT"),
    (("lab", "--listen", "127.0.0.1:-1"), "is not HOST:PORT"),
    (("lab", "--listen", "0.0.0.0:8001"), "it listens on this machine only"),
    (("lab", "--listen", "[::]:8001"), "it listens on this machine only"),
    (("lab", "--listen", "lab.contoso.com:80"), "it listens on this machine only"),
]


@pytest.mark.parametrize(("args", "words"), USAGE_ERRORS)
def test_a_usage_error_is_one_line_and_exit_64(
    upstream: SimpleNamespace,
    config: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    words: str,
) -> None:
    """What is wrong and what is allowed, on stderr; never exit 2, which means critical."""
    monkeypatch.setenv("SYNCTOP_CONFIG", str(config))
    monkeypatch.setattr(sys, "__stdin__", None)
    code, line = refusal(capsys, *args)
    assert code == 64
    assert words in line
    assert "\x1b" not in line


def test_a_config_error_is_one_line_and_exit_78(
    upstream: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, line, key, what is wrong, what is allowed."""
    path = tmp_path / "bad.toml"
    path.write_text('[[tenant]]\nname = "x"\ntenant_id = "x.com"\nclod = "global"\n')
    for args in (("check",), ("failures",), ()):
        code, line = refusal(capsys, "--config", str(path), *args)
        assert code == 78
        assert line == f'{path}, line 4: tenant[1].clod: is not a known key; did you mean "cloud"?'


@pytest.mark.parametrize("command", ["check", "failures"])
def test_without_a_config_file_scripts_get_an_error_not_the_demo(
    upstream: SimpleNamespace, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """A monitoring check must never be green because it looked at the demo."""
    code, line = refusal(capsys, command)
    assert code == 78
    assert str(default_path()) in line
    assert "--demo" in line


def test_check_of_the_demo_asks_the_lab(upstream: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    """`check --demo` needs no config file."""
    assert cli.run(["check", "--demo", "--scenario", "healthy", "--seed", "7"]) == 0
    assert upstream.asked == {"scenario": "healthy", "seed": 7}
    assert capsys.readouterr().out.startswith("SYNCTOP OK")


def test_without_a_config_file_the_screen_shows_the_demo_and_says_so(upstream: SimpleNamespace, terminal: None) -> None:
    """The banner names the place of the config file and how to connect a tenant."""
    assert cli.run(["--ascii"]) == 0
    assert upstream.demo.live.ascii is True
    assert default_path().name in upstream.demo.live.notice
    assert "[[tenant]]" in upstream.demo.live.notice


def test_with_a_config_file_the_screen_shows_its_tenants(
    upstream: SimpleNamespace, terminal: None, config: Path
) -> None:
    """Bare `synctop` is the live screen over the config file."""
    assert cli.run(["--config", str(config), "--theme", "nord", "--tenant", "fabrikam"]) == 0
    assert upstream.live == LiveOptions(theme="nord")
    assert [tenant.name for tenant in upstream.settings.tenants] == ["fabrikam"]


def test_a_config_file_that_was_asked_for_must_exist(
    upstream: SimpleNamespace, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped --config is an error, not the demo."""
    code, line = refusal(capsys, "--config", "/nowhere/config.toml")
    assert code == 78
    assert "/nowhere/config.toml: cannot be read: No such file" in line


def test_the_demo_takes_its_options(upstream: SimpleNamespace, terminal: None) -> None:
    """Scenario, seed, speed, size and looks reach the demo."""
    args = "demo --scenario story --seed 3 --speed 2.5 --objects 500 --ascii --theme nord --tenant lab"
    assert cli.run(args.split()) == 0
    assert upstream.demo == DemoOptions(
        scenario="story",
        seed=3,
        speed=2.5,
        objects=500,
        tenants=("lab",),
        live=LiveOptions(ascii=True, theme="nord"),
    )


def test_every_theme_offered_exists() -> None:
    """A name that the command line takes is one that the screen can show."""
    from textual.theme import BUILTIN_THEMES

    assert set(cli_options.THEMES) - {"ansi", "none"} <= set(BUILTIN_THEMES)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:9", ("127.0.0.1", 9)),
        ("[::1]:8001", ("::1", 8001)),
        ("localhost:0", ("localhost", 0)),
        (cli_options.DEFAULT_LISTEN, ("127.0.0.1", 8001)),
    ],
)
def test_the_lab_listens_on_loopback(
    upstream: SimpleNamespace, tmp_path: Path, listen: str, address: tuple[str, int]
) -> None:
    """The lab gets its address, scenario and folder."""
    assert cli.run(["lab", "--listen", listen, "--scenario", "throttled", "--state", str(tmp_path)]) == 0
    assert upstream.lab == (address, "throttled", tmp_path, None)


def test_failures_prints_each_format(
    upstream: SimpleNamespace, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same three failures as a table, CSV, JSON and JSON lines; a source that could not tell makes it exit 3."""
    upstream.tenants = (builders.trouble(),)
    sizes = {}
    for form in ("table", "csv", "json", "jsonl"):
        assert cli.run(["failures", "--config", str(config), "--format", form]) == 3
        out, err = capsys.readouterr()
        sizes[form] = out.count("\n")
        assert "synctop: contoso: connect-health denied: 403" in err
    assert sizes == {"table": 5, "csv": 4, "json": 5, "jsonl": 3}


def test_failures_exits_zero_when_every_source_told(
    upstream: SimpleNamespace, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That objects fail is the answer, not an error."""
    upstream.tenants = (builders.many_failures(5),)
    assert cli.run(["failures", "--config", str(config)]) == 0
    out, err = capsys.readouterr()
    assert "contoso: 5 failing objects" in out
    assert err == ""
