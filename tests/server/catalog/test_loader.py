"""The catalog file: what ships is right, and every mistake is told with its line."""

from pathlib import Path

import pytest

from vedette_server.catalog import CatalogError, load_catalog, shipped_catalog
from vedette_server.contracts.priority import Priority

RATIO = """rules:
  database_space:
    kind: ratio
    class: disk saturation
    title: Database {database} is {percent} full
    usage: database.usage
    limit: database.limit
    levels: [{at: 0.8, priority: P4}, {at: 0.9, priority: P3}]
    clear_below: 0.75
"""


def test_the_catalog_that_ships_holds_the_promised_rules() -> None:
    catalog = shipped_catalog()
    assert sorted(rule.code for rule in catalog.rules()) == [
        "application_crash",
        "channels_exhausted",
        "cloud_connection_lost",
        "database_space",
        "disk_space",
        "identity_conflict",
        "license_overrun",
        "unclassified_event",
        "voip_stack_crash",
    ]
    (database,) = [rule for rule in catalog.ratios if rule.code == "database_space"]
    assert [(level.at, level.priority) for level in database.levels] == [
        (0.8, Priority.P4),
        (0.9, Priority.P3),
    ]


def test_a_version_changes_with_a_rule_and_not_with_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    versions = []
    for text in (RATIO, "# a comment\n" + RATIO, RATIO.replace("0.75", "0.7")):
        path.write_text(text)
        versions.append(load_catalog(path).version)
    assert versions[0] == versions[1]
    assert versions[0] != versions[2]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind: ratio", "kind: ration", "3: rules.database_space.kind: must be one of"),
        (
            "    clear_below: 0.75",
            "    clear_bellow: 0.75",
            "9: rules.database_space.clear_bellow: unknown key",
        ),
        ("clear_below: 0.75", "clear_below: 0.85", "must be at most the first level, 0.8"),
        ("priority: P3", "priority: P4", "must rise, and their priority with them"),
        ("at: 0.9", "at: 0.7", "must rise, and their priority with them"),
        ("at: 0.8", "at: high", "8: rules.database_space.levels[0].at"),
        ("database.usage", "database usage", "6: rules.database_space.usage: must be a metric name"),
        ("{percent} full", "{percent full", "5: rules.database_space.title: has a brace that is not closed"),
        (
            "{percent} full",
            "{percent:d} full",
            "5: rules.database_space.title: must name its fields without a",
        ),
        (
            "{percent} full",
            "{percent!r} full",
            "5: rules.database_space.title: must name its fields without a",
        ),
        ("{percent} full", "{} full", "5: rules.database_space.title: has the unknown field {}"),
        ("{percent} full", "{a.b} full", "5: rules.database_space.title: has the unknown field {a.b}"),
        ("  database_space:", "  Database-Space:", "2: "),
    ],
)
def test_every_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = tmp_path / "catalog.yaml"
    assert old in RATIO
    path.write_text(RATIO.replace(old, new))
    with pytest.raises(CatalogError) as error:
        load_catalog(path)
    assert any(expected in str(problem) for problem in error.value.problems), error.value.problems


def test_a_title_may_only_use_fields_that_exist_and_an_event_must_say_when_it_clears(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(
        "rules:\n"
        "  crash: {kind: crash, class: c, title: '{compnent} died', priority: P1, clear_after: 10s}\n"
        "  hot: {kind: event, class: c, title: hot, priority: P2, events: [node.hot]}\n"
    )
    with pytest.raises(CatalogError) as error:
        load_catalog(path)
    assert [str(problem).removeprefix(f"{path}:") for problem in error.value.problems] == [
        '2: rules.crash.title: has the unknown field {compnent}; known: {component}, got "{compnent} died"',
        "3: rules.hot.quiet_for: or clear_events must say when the alarm clears",
    ]
