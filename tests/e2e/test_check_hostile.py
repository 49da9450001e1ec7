"""`synctop check` as a process of its own, against upstreams that answer as badly as can be."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.terminal import SYNCTOP
from tests.e2e.upstream import Answer, BadUpstream, Reply, as_json

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not SYNCTOP.exists(), reason=f"{SYNCTOP} is not installed")]

TOKEN = "SECRET-token-of-the-test"
TIMEOUT_S = 1
EXIT_OF = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


@dataclass
class Checked:
    code: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)  # type: ignore[no-any-return]

    @property
    def tenant(self) -> dict[str, Any]:
        return self.document["tenants"][0]  # type: ignore[no-any-return]

    def hop(self, name: str) -> dict[str, Any]:
        return next(hop for hop in self.tenant["hops"] if hop["hop"] == name)

    @property
    def codes(self) -> set[str]:
        return {reason["code"] for reason in self.tenant["reasons"]}


def config(folder: Path, url: str) -> Path:
    file = folder / "config.toml"
    token = [sys.executable, "-c", f"print('{TOKEN}')"]
    file.write_text(f"""
[poll]
timeout = {TIMEOUT_S}
[[tenant]]
name = "contoso"
tenant_id = "00000000-0000-0000-0000-000000000001"
graph_url = "{url}"
arm_url = "{url}"
[tenant.auth]
method = "token-command"
command = {json.dumps(token)}
[tenant.domain_services]
subscription_id = "{SUBSCRIPTION}"
[tenant.connect_health]
enabled = true
""")
    return file


def check(folder: Path, answer: Answer, drip_s: float = 0.0) -> Checked:
    with BadUpstream(answer, drip_s) as upstream:
        return run(config(folder, upstream.url))


def run(file: Path) -> Checked:
    start = time.monotonic()
    done = subprocess.run(
        [str(SYNCTOP), "check", "--format", "json", "--config", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Checked(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


def holds_the_contract(checked: Checked) -> None:
    """What must be true whatever the upstream does."""
    assert checked.seconds < TIMEOUT_S + 5
    assert "Traceback" not in checked.out + checked.err
    assert TOKEN not in checked.out + checked.err
    assert checked.code == EXIT_OF[checked.document["verdict"]]
    assert [hop["hop"] for hop in checked.tenant["hops"]] == ["connect", "password", "domain-services"]
    assert [row["type"] for row in checked.tenant["counts"]] == ["users", "groups", "contacts", "devices"]


def organization(**fields: Any) -> Reply:
    tenant = {"id": "x", "displayName": "Contoso", "verifiedDomains": [], "createdDateTime": "2020-01-01T00:00:00Z"}
    return as_json({"value": [{**tenant, **fields}]})


def only_organization(reply: Reply) -> Answer:
    def answer(_: str, path: str) -> Reply:
        return reply if path.startswith("/v1.0/organization") else as_json({"error": {"code": "NotFound"}}, 404)

    return answer


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_never_answers(tmp_path: Path) -> None:
    """An upstream that accepts and never answers ends in unknown within the timeout plus five seconds."""
    checked = check(tmp_path, lambda *_: None)
    holds_the_contract(checked)
    assert checked.code == 3
    assert checked.hop("connect")["state"] == "error"


def test_drips_bytes(tmp_path: Path) -> None:
    """An upstream that sends a byte now and then is cut off in time."""
    checked = check(tmp_path, lambda *_: as_json({"value": ["x" * 10000]}), drip_s=0.3)
    holds_the_contract(checked)
    assert checked.code == 3


def test_nobody_listens(tmp_path: Path) -> None:
    """A closed port is unknown and names the refused connection."""
    with BadUpstream(lambda *_: None) as upstream:
        url = upstream.url
    checked = run(config(tmp_path, url))
    holds_the_contract(checked)
    assert "source-error" in checked.codes
    assert checked.code == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"value": 5}',
        b'{"value": [5, null, "x", [], {}]}',
        b'"text"',
        b"\xff\xfe\x00garbage",
        b"[" * 100_000,
        b'{"value": [{"onPremisesSyncEnabled": "yes", "onPremisesLastSyncDateTime": {"a": 1}, "createdDateTime": 1}]}',
        b'{"value": [{"id": "\\ud800\\u001b]52;c;YQ==\\u0007", "displayName": ["\\u202e"], "createdDateTime": "x"}]}',
        b"<html>Sign in to the hotel network</html>",
        b"9" * 20_000,
    ],
)
def test_nonsense_is_unknown(tmp_path: Path, body: bytes) -> None:
    """Whatever nonsense answers with 200, the verdict is unknown and nothing looks healthy."""
    checked = check(tmp_path, lambda *_: (200, {"Content-Type": "application/json"}, body))
    holds_the_contract(checked)
    assert checked.code == 3
    assert checked.hop("connect")["verdict"] == "unknown"
    assert all(row["entra"] is None for row in checked.tenant["counts"])


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [(401, "denied", "not-permitted"), (403, "denied", "not-permitted"), (500, "error", "source-error")],
)
def test_refusals_are_named(tmp_path: Path, status: int, state: str, code: str) -> None:
    """Refused or failing upstreams are unknown, each source with its state and HTTP status."""
    checked = check(tmp_path, lambda *_: as_json({"error": {"code": "X", "message": TOKEN}}, status))
    holds_the_contract(checked)
    source = next(one for one in checked.tenant["sources"] if one["source"] == "graph.organization")
    assert (source["state"], source["http_status"]) == (state, status)
    assert code in checked.codes


@pytest.mark.parametrize("wait", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT", "1e9"])
def test_throttled_for_long_is_told(tmp_path: Path, wait: str) -> None:
    """A long Retry-After is not waited for; the source is throttled with the time to come back."""
    checked = check(tmp_path, lambda *_: as_json({"error": {"code": "TooManyRequests"}}, 429, Retry_After=wait))
    holds_the_contract(checked)
    source = next(one for one in checked.tenant["sources"] if one["source"] == "graph.organization")
    assert source["state"] == "throttled"
    assert source["retry_at"] is not None
    assert checked.code == 3


def test_short_throttle_is_waited_for(tmp_path: Path) -> None:
    """A fraction of a second of throttling is waited for within the poll."""
    seen: list[str] = []

    def answer(_: str, path: str) -> Reply:
        if path.startswith("/v1.0/organization"):
            seen.append(path)
            if len(seen) == 1:
                return as_json({"error": {"code": "TooManyRequests"}}, 429, Retry_After="0.128")
            return organization(onPremisesSyncEnabled=True, onPremisesLastSyncDateTime=ago(minutes=10))
        return as_json({}, 404)

    checked = check(tmp_path, answer)
    holds_the_contract(checked)
    assert checked.hop("connect")["state"] == "ok"


def test_token_stays_on_its_host(tmp_path: Path) -> None:
    """Redirects and next links to another host are not followed, and no token reaches it."""
    with BadUpstream(lambda *_: as_json({"value": []})) as other:

        def answer(_: str, path: str) -> Reply:
            if path.startswith("/v1.0/users"):
                return as_json({"value": [], "@odata.nextLink": f"{other.url}/v1.0/users?page=2"})
            return 302, {"Location": f"{other.url}{path}"}, b""

        checked = check(tmp_path, answer)
        holds_the_contract(checked)
        assert checked.code == 3
        assert other.requests == []


def test_endless_pages_end(tmp_path: Path) -> None:
    """Pages that lead to ever new pages end within the time, and what was read is marked as truncated."""
    users = [{"id": str(n), "onPremisesProvisioningErrors": [{"category": "PropertyConflict"}]} for n in range(5)]
    numbers = iter(range(10**6))

    def answer(_: str, path: str) -> Reply:
        if path.startswith("/v1.0/users?"):
            return as_json({"value": users, "@odata.nextLink": f"{upstream.url}/v1.0/users?$skiptoken={next(numbers)}"})
        if path.startswith("/v1.0/organization"):
            return organization(onPremisesSyncEnabled=True, onPremisesLastSyncDateTime=ago(minutes=10))
        return as_json({"value": []})

    with BadUpstream(answer) as upstream:
        checked = run(config(tmp_path, upstream.url))
    holds_the_contract(checked)
    assert checked.tenant["failures_truncated"] is True
    assert checked.tenant["failures_total"] == 5


def test_blanked_answer_is_not_off(tmp_path: Path) -> None:
    """An organization of which only id, name and domains are shown is not permitted, never off."""
    blank = as_json(
        {
            "value": [
                {
                    "id": "x",
                    "displayName": "Contoso",
                    "verifiedDomains": [{"name": "contoso.com"}],
                    "onPremisesSyncEnabled": None,
                    "onPremisesLastSyncDateTime": None,
                    "provisionedPlans": [],
                    "createdDateTime": None,
                }
            ]
        }
    )
    checked = check(tmp_path, only_organization(blank))
    holds_the_contract(checked)
    assert checked.hop("connect")["state"] == "not-permitted"
    assert checked.code == 3


@pytest.mark.parametrize(
    ("fields", "state", "verdict"),
    [
        ({"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": ago(minutes=10)}, "ok", "unknown"),
        ({"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": ago(minutes=90)}, "late", "warning"),
        ({"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": ago(hours=4)}, "stale", "critical"),
        ({"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": ago(days=4)}, "stale", "critical"),
        ({"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": None}, "never", "critical"),
        ({"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": "0001-01-01T00:00:00Z"}, "never", "critical"),
        ({"onPremisesSyncEnabled": False, "onPremisesLastSyncDateTime": ago(days=9)}, "disabled", "warning"),
        ({"onPremisesSyncEnabled": None, "onPremisesLastSyncDateTime": None}, "off", "unknown"),
        ({}, "not-reported", "unknown"),
        ({"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": ago(days=-400)}, "not-reported", "unknown"),
    ],
)
def test_states_of_hop_one(tmp_path: Path, fields: dict[str, Any], state: str, verdict: str) -> None:
    """Each combination of switch and date gives the contract's state; with all else denied nothing is ok."""
    checked = check(tmp_path, only_organization(organization(**fields)))
    holds_the_contract(checked)
    assert checked.hop("connect")["state"] == state
    assert checked.document["verdict"] == verdict


def test_ages_follow_the_upstreams_clock(tmp_path: Path) -> None:
    """With an upstream whose clock is a day ahead, age is by its clock and not a day wrong."""
    ahead = datetime.now(UTC) + timedelta(days=1)
    reply = organization(
        onPremisesSyncEnabled=True, onPremisesLastSyncDateTime=(ahead - timedelta(minutes=5)).isoformat()
    )
    date = format_datetime(ahead, usegmt=True)

    def answer(_: str, path: str) -> Reply:
        status, headers, body = reply if path.startswith("/v1.0/organization") else as_json({}, 404)
        return status, {**headers, "Date": date}, body

    checked = check(tmp_path, answer)
    holds_the_contract(checked)
    assert checked.hop("connect")["state"] == "ok"
    assert 290 <= checked.hop("connect")["age_s"] <= 330


def noise(chance: random.Random, depth: int = 0) -> Any:
    keys = [
        "value",
        "id",
        "properties",
        "replicaSets",
        "healthMonitors",
        "onPremisesSyncEnabled",
        "status",
        "responses",
        "details",
        "body",
        "severity",
        "onPremisesProvisioningErrors",
        "@odata.nextLink",
        "displayName",
        "count",
    ]
    texts = ["", "\x1b[31m", "[/red]", "\u202ex", "2026-11-22T03:00:00Z", "AADDS500", "-1", "1e400", "x" * 5000]
    kind = chance.randrange(7 if depth < 5 else 4)
    if kind >= 5:
        return {chance.choice(keys): noise(chance, depth + 1) for _ in range(chance.randrange(6))}
    if kind == 4:
        return [noise(chance, depth + 1) for _ in range(chance.randrange(4))]
    return [chance.choice(texts), chance.choice([0, -1, 10**30, 1.5]), None, chance.choice([True, False])][kind]


@pytest.fixture(params=range(6))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


def test_random_answers(tmp_path: Path, chance: random.Random) -> None:
    """Random JSON from every endpoint never breaks the contract and never makes a healthy tenant."""
    statuses = [200, 200, 200, 200, 404, 429, 503]
    checked = check(tmp_path, lambda *_: as_json(noise(chance), chance.choice(statuses)))
    holds_the_contract(checked)
    assert checked.code != 0
