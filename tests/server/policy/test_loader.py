"""The policy file: the sample loads, mistakes are all told, and versions follow content."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from vedette_server.calendars.intervals import is_open
from vedette_server.contracts.customer import HaRole
from vedette_server.contracts.plan import CountsIn, ResponseTarget, SelfClear
from vedette_server.contracts.policy import Policy
from vedette_server.contracts.priority import Priority
from vedette_server.policy import PolicyError, load_policy
from vedette_server.policy.loader import SAMPLE_PATH

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
P1, P2, P3, P4 = Priority

SMALL = """\
theaters:
  emea:
    title: EMEA
    zone: Europe/Berlin
    holidays: {country: DE, subdivision: BE}
    closed_days: [2026-12-24]
    half_days: {2026-12-31: 00:00-13:00}
    calendars:
      business:
        title: Business hours
        week: {mon-fri: [09:00-12:30, 13:00-18:00]}
customers:
  acme:
    name: Acme
    theater: emea
    contracts:
      K-1: {plan: platinum, starts: 2026-01-01, ends: 2026-12-31}
    installations:
      berlin:
        name: Berlin
        product_version: 2020.Winter.1
        cloud_connected: true
        consent: true
        licensed_components: [ivr]
        nodes: {node-1: }
"""


def policy_of(tmp_path: Path, text: str, *, now: datetime = NOW) -> Policy:
    path = tmp_path / "customers.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path, now=now)


def problems_of(tmp_path: Path, text: str) -> list[str]:
    """Return the problems of a policy text, without the folder."""
    with pytest.raises(PolicyError) as caught:
        policy_of(tmp_path, text)
    return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]


def edited(*edits: tuple[str, str]) -> str:
    """Return the small policy with texts replaced, each of which must be there."""
    text = SMALL
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


def test_the_sample_loads_and_holds_what_it_says() -> None:
    policy = load_policy(SAMPLE_PATH, now=NOW)
    assert [theater.id for theater in policy.theaters] == ["americas", "emea", "mideast"]
    assert [customer.id for customer in policy.customers] == [
        "blue-lake-clinics",
        "cedar-bank",
        "northwind-logistics",
    ]
    assert {contract.plan for contract in policy.contracts} == {"basic", "gold", "platinum"}
    assert len(policy.calendars) == 9
    berlin = policy.installation("northwind-logistics", "berlin")
    assert berlin is not None
    assert [(node.id, node.ha_role) for node in berlin.nodes] == [
        ("node-1", HaRole.ACTIVE),
        ("node-2", HaRole.STANDBY),
    ]
    assert berlin.licensed_components == ("call-recording", "ivr", "queue-manager", "voip-stack")
    gold = policy.plan("gold")
    assert gold is not None
    assert gold.crm_case


def test_the_shipped_plans_are_the_contract_table(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, SMALL)
    basic, gold, platinum = policy.plans
    assert [plan.id for plan in policy.plans] == ["basic", "gold", "platinum"]
    assert [plan.coverage for plan in policy.plans] == ["business", "extended", "always"]
    assert [plan.proactive for plan in policy.plans] == [False, True, True]
    assert [plan.customer_notices for plan in policy.plans] == [False, True, True]
    assert [plan.crm_case for plan in policy.plans] == [False, False, True]
    assert [plan.page_priorities for plan in policy.plans] == [(), (), (P1, P2)]
    assert {plan.minimum_release for plan in policy.plans} == {"2020.Winter.1"}
    assert basic.response == ()
    assert (
        gold.response
        == platinum.response
        == tuple(
            ResponseTarget(priority=priority, target=target, counts_in=counts_in)
            for priority, target, counts_in in (
                (P1, timedelta(minutes=60), CountsIn.COVERAGE),
                (P2, timedelta(hours=2), CountsIn.BUSINESS),
                (P3, timedelta(hours=4), CountsIn.BUSINESS),
                (P4, timedelta(hours=8), CountsIn.BUSINESS),
            )
        )
    )
    assert gold.self_clear_for(P1) == SelfClear(priority=P1, stops_clock=False, resolve_after=None)
    assert gold.self_clear_for(P4) == SelfClear(
        priority=P4, stops_clock=True, resolve_after=timedelta(minutes=15)
    )
    assert [(service.id, service.start_date) for service in platinum.services] == [
        ("maintenance", None),
        ("security-updates", None),
        ("support-expert", date(2020, 4, 1)),
    ]


def test_calendars_are_compiled_with_holidays_and_half_days(tmp_path: Path) -> None:
    calendar = policy_of(tmp_path, SMALL).calendar("emea", "business")
    assert calendar is not None
    opened = [
        is_open(calendar, datetime.fromisoformat(f"2026-{text}+00:00"))
        for text in ("05-05 08:00", "05-14 08:00", "12-24 09:00", "12-31 11:00", "12-31 13:00")
    ]
    assert opened == [True, False, False, True, False]  # 14 May is Ascension Day


def test_every_theater_has_a_calendar_that_never_closes(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, SMALL)
    always = policy.calendar("emea", "always")
    assert always is not None
    assert always.always
    assert policy.theaters[0].calendars == ("emea/always", "emea/business")


def test_the_days_of_a_contract_are_days_of_its_theater(tmp_path: Path) -> None:
    (contract,) = policy_of(tmp_path, SMALL).contracts
    assert (contract.starts, contract.ends) == (date(2026, 1, 1), date(2026, 12, 31))
    assert contract.starts_at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert contract.ends_at == datetime(2026, 12, 31, 23, tzinfo=UTC)


def test_a_policy_changes_a_shipped_plan_key_by_key(tmp_path: Path) -> None:
    plans = "plans:\n  gold:\n    response: {P1: {target: 30m, counts_in: business}}\n"
    before, after = policy_of(tmp_path, SMALL).plan("gold"), policy_of(tmp_path, SMALL + plans).plan("gold")
    assert before is not None
    assert after is not None
    assert after.response == (
        ResponseTarget(priority=P1, target=timedelta(minutes=30), counts_in=CountsIn.BUSINESS),
    )
    assert (after.title, after.on_self_clear) == (before.title, before.on_self_clear)
    assert after.version != before.version


def test_a_plan_of_another_name_must_give_every_key(tmp_path: Path) -> None:
    found = problems_of(tmp_path, SMALL + "plans:\n  silver: {title: Silver, coverage: business}\n")
    assert [line.split(": ")[1] for line in found] == [
        f"plans.silver.{key}"
        for key in (
            "response",
            "proactive",
            "customer_notices",
            "crm_case",
            "page_priorities",
            "minimum_release",
            "on_self_clear",
            "services",
        )
    ]


WEEK = "theaters.emea.calendars.business.week"
CONTRACT = "customers.acme.contracts.K-1"
BERLIN = "customers.acme.installations.berlin"


@pytest.mark.parametrize(
    ("edit", "line", "key", "problem"),
    [
        (
            ("zone: Europe/Berlin", "zone: Europe/Berln"),
            4,
            "theaters.emea.zone",
            'must be an IANA time zone, got "Europe/Berln", did you mean "Europe/Berlin"?',
        ),
        (
            ("country: DE", "country: XX"),
            5,
            "theaters.emea.holidays.country",
            'must be a country whose holidays are known; list other holidays under closed_days, got "XX"',
        ),
        (
            ("DE, subdivision: BE", "KW, subdivision: BE"),
            5,
            "theaters.emea.holidays.subdivision",
            'must be a subdivision of KW (none), got "BE"',
        ),
        (
            ("[2026-12-24]", "[2026-12-31]"),
            7,
            "theaters.emea.half_days",
            "2026-12-31 is among closed_days too, got a mapping",
        ),
        (
            ("closed_days: [2026-12-24]", "open_days: [2026-12-24]\n    closed_days: [2026-12-24]"),
            6,
            "theaters.emea.open_days",
            "2026-12-24 is among closed_days too, got a list",
        ),
        (
            ("00:00-13:00", "22:00-03:00"),
            7,
            "theaters.emea.half_days.2026-12-31",
            'a half day must not run over midnight, got "22:00-03:00"',
        ),
        (
            ("mon-fri", "mon-fry"),
            11,
            WEEK + ".mon-fry",
            "must be a weekday or a span of weekdays such as mon, mon-fri or sun-thu",
        ),
        (
            ("{mon-fri:", "{fri: [], mon-fri:"),
            11,
            WEEK + ".mon-fri",
            "fri is given twice, first on line 11",
        ),
        (
            ("{mon-fri: [09:00-12:30, 13:00-18:00]}", "{}"),
            11,
            WEEK,
            "must have at least one hour, got a mapping",
        ),
        (
            ("12:30, 13:00", "12:30, 12:00"),
            11,
            WEEK + ".mon-fri[1]",
            'overlaps another shift of the same day, got "12:00-18:00"',
        ),
        (
            ("13:00-18:00", "13:00-25:00"),
            11,
            WEEK + ".mon-fri[1]",
            'must be hours such as 09:00-12:30, at most until 24:00, got "13:00-25:00"',
        ),
        (
            ("13:00-18:00", "13:00-24:01"),
            11,
            WEEK + ".mon-fri[1]",
            'must be hours such as 09:00-12:30, at most until 24:00, got "13:00-24:01"',
        ),
        (
            ("13:00-18:00", "13:00-13:00"),
            11,
            WEEK + ".mon-fri[1]",
            'opens and closes at the same time; write 00:00-24:00 for a whole day, got "13:00-13:00"',
        ),
        (
            ("13:00-18:00", "13:00-23:59"),
            11,
            WEEK + ".mon-fri[1]",
            'leaves the last minute of the day closed; write 24:00 for midnight, got "13:00-23:59"',
        ),
        (
            ("      business:", "      always:"),
            9,
            "theaters.emea.calendars.always",
            "is built in: every theater has the calendar always, open at every instant",
        ),
        (
            ("theater: emea", "theater: emae"),
            15,
            "customers.acme.theater",
            'must be one of the theaters above, got "emae", did you mean "emea"?',
        ),
        (
            ("theater: emea", "theatre: emea"),
            15,
            "customers.acme.theatre",
            'unknown key, did you mean "theater"?',
        ),
        (
            ("plan: platinum", "plan: platin"),
            17,
            CONTRACT + ".plan",
            'must be one of basic, gold, platinum, got "platin", did you mean "platinum"?',
        ),
        (
            ("plan: platinum", "plan: gold"),
            17,
            CONTRACT + ".plan",
            'needs calendars that theater emea does not have (extended), got "gold"',
        ),
        (
            ("ends: 2026-12-31", "ends: 2025-12-31"),
            17,
            CONTRACT + ".ends",
            'must not be before starts (2026-01-01), got "2025-12-31"',
        ),
        (
            ("ends: 2026-12-31", "ends: 2026-13-31"),
            17,
            CONTRACT + ".ends",
            'must be a date such as 2026-12-31, from 1970-01-01 to 2999-12-31, got "2026-13-31"',
        ),
        (
            ("2020.Winter.1", "2020.Fall.1"),
            21,
            BERLIN + ".product_version",
            'must be a release such as 2020.Winter.1, got "2020.Fall.1"',
        ),
        (
            ("consent: true", "consent: yes"),
            23,
            BERLIN + ".consent",
            'must be true or false, got "yes"',
        ),
        (
            ("{node-1: }", "{}"),
            25,
            BERLIN + ".nodes",
            "must have at least one node, got a mapping",
        ),
        (
            ("{node-1: }", "{node-1: {ha_role: primary}}"),
            25,
            BERLIN + ".nodes.node-1.ha_role",
            'must be one of active, standby, got "primary"',
        ),
        (
            ("  acme:", "  Acme Inc:"),
            13,
            "customers.Acme Inc",
            'must be a slug of at most 63 lower-case letters, digits and dashes, got "Acme Inc"',
        ),
        (
            ("    name: Acme\n", ""),
            14,
            "customers.acme.name",
            "is missing",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_key_and_value(
    tmp_path: Path, edit: tuple[str, str], line: int, key: str, problem: str
) -> None:
    assert f"customers.yaml:{line}: {key}: {problem}" in problems_of(tmp_path, edited(edit))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = edited(("mon-fri", "mon-fry"), ("consent: true", "consent: 1"), ("plan: platinum", "plan: none"))
    lines = [int(line.split(":")[1]) for line in problems_of(tmp_path, text)]
    assert lines == sorted(lines)
    assert {11, 17, 23} <= set(lines)


def test_contracts_of_a_customer_must_not_overlap_and_may_follow_each_other(tmp_path: Path) -> None:
    second = "      K-1: {plan: platinum, starts: 2026-01-01, ends: 2026-12-31}\n"
    renewal = second + second.replace("K-1", "K-2").replace("2026", "2027")
    assert len(policy_of(tmp_path, edited((second, renewal))).contracts) == 2
    overlap = renewal.replace("starts: 2027-01-01", "starts: 2026-12-31")
    assert problems_of(tmp_path, edited((second, overlap))) == [
        "customers.yaml:18: customers.acme.contracts.K-2: overlaps contract K-1, which runs to 2026-12-31"
    ]


def test_a_contract_id_is_used_once_in_the_whole_file(tmp_path: Path) -> None:
    other = (
        "  bolt:\n    name: Bolt\n    theater: emea\n"
        "    contracts: {K-1: {plan: platinum, starts: 2026-01-01, ends: 2026-12-31}}\n"
    )
    assert problems_of(tmp_path, SMALL + other) == [
        "customers.yaml:29: customers.bolt.contracts.K-1: contract is given twice, first on line 17"
    ]


def test_the_policy_version_follows_content_not_comments_or_order(tmp_path: Path) -> None:
    first = policy_of(tmp_path, SMALL)
    assert len(first.version) == 16
    assert policy_of(tmp_path, "# a comment\n" + SMALL) == first
    customers = SMALL.index("customers:")
    assert policy_of(tmp_path, SMALL[customers:] + SMALL[:customers]) == first
    assert policy_of(tmp_path, SMALL, now=NOW + timedelta(days=1)) == first
    assert policy_of(tmp_path, edited(("name: Acme", "name: Acme Corp"))).version != first.version


def test_editing_a_holiday_makes_a_new_version_of_that_calendar_only(tmp_path: Path) -> None:
    before = policy_of(tmp_path, SMALL)
    after = policy_of(tmp_path, edited(("[2026-12-24]", "[2026-12-23]")))
    changed = [
        one.id
        for one, two in zip(before.calendars, after.calendars, strict=True)
        if one.version != two.version
    ]
    assert changed == ["emea/business"]
    assert before.plans == after.plans


def test_a_policy_survives_encoding(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, SMALL)
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Policy) == policy
