"""Scenario files: what ships is sound, and a mistake is told in one sentence."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.lab import scenario
from tui.lab.scenario import Action, ConnectFault, FaultKind, ScenarioError, seconds

REQUIRED = {
    "healthy",
    "first-sync",
    "no-recent-sync",
    "three-days",
    "bad-settings",
    "conflicts",
    "quarantine",
    "domain-network",
    "throttled",
    "denied",
    "flaky",
    "big",
    "story",
}
HEAD = 'title = "t"\nsays = "s"\n'


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_every_promised_scenario_can_be_chosen(name: str) -> None:
    """Each scenario of the documentation exists, and says in words what it shows."""
    loaded = scenario.load(name)
    assert loaded.name == name
    assert loaded.title
    assert loaded.says


def test_the_list_of_scenarios_is_what_ships() -> None:
    """`--scenario` offers exactly the files that come with the program."""
    assert set(scenario.names()) == REQUIRED


def test_a_healthy_lab_runs_slowly_and_the_story_fast() -> None:
    """An idle healthy screen stays quiet; the story is over in about three minutes."""
    assert scenario.load("healthy").speed <= 20
    story = scenario.load("story")
    assert story.repeat is not None
    assert 150 <= story.repeat / story.speed <= 210


def test_a_scenario_is_a_value() -> None:
    """Nothing can change a scenario while a lab runs it."""
    with pytest.raises(AttributeError):
        scenario.load("healthy").speed = 3.0  # type: ignore[misc]


def test_an_unknown_scenario_names_the_nearest() -> None:
    """A typing mistake in `--scenario` is answered with the right name."""
    with pytest.raises(ScenarioError, match="did you mean healthy"):
        scenario.load("helthy")


def test_a_scenario_name_cannot_leave_its_folder() -> None:
    """`--scenario ../../x` reads no file elsewhere."""
    with pytest.raises(ScenarioError, match="there is no scenario"):
        scenario.load("../scenarios/healthy")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('title = "t"', "'says' is missing"),
        (HEAD + "speeed = 3.0", "unknown key 'speeed'; did you mean 'speed'"),
        (HEAD + 'speed = "fast"', "'fast' is not a number"),
        (HEAD + "speed = 0", "must be above zero"),
        (HEAD + 'repeat = "soon"', "write one like 90s, 45m or 3d4h"),
        (HEAD + '[start]\nconnect_fault = "permission"', "did you mean 'permissions'"),
        (HEAD + '[start.spoiled]\nLargeObject = "many"', "'many' is not a whole number"),
        (HEAD + 'steps = [{at = "1m", do = "brake-connect"}]', "did you mean 'break-connect'"),
        (HEAD + 'steps = [{at = "1m", do = "break-connect"}]', "needs a fault"),
        (HEAD + 'repeat = "1h"\nsteps = [{at = "2h"}]', "would never happen"),
        (HEAD + 'steps = [{do = "say"}]', "steps 1: the key 'at' is missing"),
        (HEAD + 'faults = [{kind = "slow", share = 2.0}]', "share must be above 0"),
        (HEAD + "steps = 3", "3 is not a list"),
        ("title = ", "Invalid value"),
    ],
)
def test_a_mistake_names_file_and_key(text: str, complaint: str) -> None:
    """Whoever writes a scenario learns what is wrong and where."""
    with pytest.raises(ScenarioError, match="scenario mine") as caught:
        scenario.parse(text, "mine")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_everything_a_scenario_can_say_is_read() -> None:
    """Words become members, durations seconds, lists tuples, and never stays never."""
    text = (
        HEAD
        + """
        repeat = "1d"
        [start]
        domain_age = "never"
        connect_fault = "staging-mode"
        spoiled = {LargeObject = 2}
        [[steps]]
        at = "1h30m"
        do = "break-connect"
        fault = "credentials"
        [[faults]]
        kind = "throttled"
        paths = ["/v1.0/users"]
        begin = "2m"
        retry_after = "2.128"
        """
    )
    loaded = scenario.parse(text, "mine")
    assert loaded.repeat == 86400
    assert loaded.start.domain_age is None
    assert loaded.start.connect_fault is ConnectFault.STAGING_MODE
    assert loaded.start.spoiled == {"LargeObject": 2}
    assert (loaded.steps[0].at, loaded.steps[0].do) == (5400, Action.BREAK_CONNECT)
    assert loaded.faults[0].kind is FaultKind.THROTTLED
    assert (loaded.faults[0].paths, loaded.faults[0].begin) == (("/v1.0/users",), 120)


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_adds_up(days: int, hours: int, minutes: int, rest: int) -> None:
    """`3d4h` and its like mean what they say."""
    assert seconds(f"{days}d{hours}h{minutes}m{rest}s") == days * 86400 + hours * 3600 + minutes * 60 + rest


@given(st.text(max_size=20))
def test_any_text_as_a_duration_is_a_number_or_a_plain_refusal(text: str) -> None:
    """No text makes the parser fail in another way."""
    with contextlib.suppress(ValueError):
        assert seconds(text) >= 0
