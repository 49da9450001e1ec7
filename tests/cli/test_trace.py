"""`synctop trace` as a script sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.refusals import refusal
from tests.helpers import START
from tui import cli, cli_trace
from tui.cli_trace import NoAnswer, Traced
from tui.model.facts import ObjectRef
from tui.model.states import Side
from tui.model.trace import Outcome, Sighting, Trace
from tui.settings import Settings


def trace(outcome: Outcome = Outcome.CONSISTENT, name: str = "Jane Doe") -> Trace:
    seen = Sighting(side=Side.ENTRA, found=True, object=ObjectRef(type="user", name=name))
    return Trace(name=name, at=START, sightings=(seen,), outcome=outcome)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Traced]:
    """What asking the tenants finds."""
    found: list[Traced] = []

    def ask(settings: Settings, name: str) -> tuple[Traced, ...]:
        return tuple(one for one in found if one.tenant in [tenant.name for tenant in settings.tenants])

    monkeypatch.setattr(cli_trace, "ask_tenants", ask)
    return found


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([Outcome.CONSISTENT], 0),
        ([Outcome.DIFFERS], 1),
        ([Outcome.NOT_FOUND], 3),
        ([Outcome.UNKNOWN], 3),
        ([Outcome.NOT_FOUND, Outcome.CONSISTENT], 0),
        ([Outcome.UNKNOWN, Outcome.CONSISTENT], 3),
        ([Outcome.UNKNOWN, Outcome.DIFFERS], 1),
    ],
)
def test_exit_codes(answers: list[Traced], config: Path, outcomes: list[Outcome], code: int) -> None:
    """0 where it is found and consistent, 1 where it differs anywhere, 3 where that cannot be told."""
    answers += [Traced(name, trace(one)) for name, one in zip(("contoso", "fabrikam"), outcomes, strict=False)]
    assert cli.run(["trace", "jane", "--config", str(config)]) == code


def test_text_names_the_tenant(answers: list[Traced], config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each tenant's answer stands under its name; --tenant asks that one alone."""
    answers += [Traced("contoso", trace()), Traced("fabrikam", trace())]
    cli.run(["trace", "jane", "--config", str(config)])
    assert "contoso: user Jane Doe" in (out := capsys.readouterr().out)
    assert "\n\nfabrikam: user Jane Doe" in out
    cli.run(["trace", "jane", "--config", str(config), "--tenant", "fabrikam"])
    assert "contoso" not in capsys.readouterr().out


def test_json_is_one_document(answers: list[Traced], config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """stdout holds JSON and nothing else."""
    answers.append(Traced("contoso", trace()))
    cli.run(["trace", "jane", "--format", "json", "--config", str(config)])
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["traces"][0]["outcome"]) == (1, "consistent")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trace"], "Missing argument 'NAME'"),
        (["trace", " "], "NAME is empty"),
        (["trace", "jane", "--scenario", "story"], "--scenario is for the lab: add --demo"),
        (["trace", "jane", "--demo", "--tenant", "contoso"], '--tenant "contoso" is not one of: lab'),
    ],
)
def test_wrong_use_is_refused(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is missing or empty, and options that do not go together, are usage errors."""
    code, line = refusal(capsys, *arguments)
    assert code == 64
    assert told in line


def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing answers in time that is said in one line, and the exit code is 3."""

    def silent(settings: Settings, name: str) -> tuple[Traced, ...]:
        raise NoAnswer("nothing answered within 100 seconds")

    monkeypatch.setattr(cli_trace, "ask_tenants", silent)
    assert cli.run(["trace", "jane", "--config", str(config)]) == 3
    assert capsys.readouterr().err == "synctop: nothing answered within 100 seconds\n"


def test_the_lab_is_traced(capsys: pytest.CaptureFixture[str]) -> None:
    """In the demo a user of the lab is found on all three sides, and a name that nobody has is not found."""
    assert cli.run(["trace", "y.sharma0@contoso.com", "--demo", "--scenario", "healthy"]) == 0
    assert "The same on 3 sides." in capsys.readouterr().out
    assert cli.run(["trace", "nobody at all", "--demo", "--scenario", "healthy"]) == 3
