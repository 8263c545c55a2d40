"""Lines of a log that are events."""

import re
from pathlib import Path

import pytest

from tests.agent.support.clocks import ManualClock
from vedette_agent.clock import SystemClock
from vedette_agent.collectors.log_events import LogCollector, event_of
from vedette_agent.facts import Severity
from vedette_agent.settings.model import CollectorSettings, LogPatternSettings, LogSettings

SUITE_LINE = "2026-01-01T10:00:00.000Z INFO voip-stack component.stop_planned stopping for upgrade"
PLANNED = LogPatternSettings(match=re.compile(r"stopping for (?P<why>\w+)"), code="component.stop_planned")
ANY = LogPatternSettings(
    match=re.compile(r"^\S+ (?P<severity>\w+) (?P<component>\S+) (?P<code>[a-z]+\.[a-z_]+) ?(?P<message>.*)$")
)


def log(*patterns: LogPatternSettings, path: Path = Path("x"), component: str = "suite") -> LogSettings:
    return LogSettings(path=path, component=component, patterns=patterns)


def test_named_groups_become_attributes_and_the_line_the_message() -> None:
    event = event_of(SUITE_LINE, log(PLANNED), 7)
    assert event is not None
    assert (event.time_us, event.code, event.component) == (7, "component.stop_planned", "suite")
    assert event.severity is Severity.INFO
    assert event.attributes == (("why", "upgrade"),)
    assert event.message == SUITE_LINE


def test_groups_of_reserved_names_fill_the_events_own_fields() -> None:
    event = event_of(SUITE_LINE, log(ANY), 7)
    assert event is not None
    assert event.code == "component.stop_planned"
    assert event.component == "voip-stack"
    assert event.message == "stopping for upgrade"
    assert event.attributes == ()


def test_what_the_settings_say_goes_before_the_line() -> None:
    fixed = LogPatternSettings(
        match=ANY.match,
        code="fixed.code",
        severity=Severity.CRITICAL,
        component="fixed",
        message="{component} said {message}, {unknown}",
    )
    event = event_of(SUITE_LINE, log(fixed), 7)
    assert event is not None
    assert (event.code, event.component, event.severity) == ("fixed.code", "fixed", Severity.CRITICAL)
    assert event.message == "voip-stack said stopping for upgrade, {unknown}"


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("INFO", Severity.INFO),
        ("warn", Severity.WARNING),
        ("ERROR", Severity.ERROR),
        ("Fatal", Severity.CRITICAL),
        ("whatever", Severity.INFO),
    ],
)
def test_severity_words_are_understood(word: str, severity: Severity) -> None:
    event = event_of(f"t {word} ivr a.b", log(ANY), 7)
    assert event is not None
    assert event.severity is severity


def test_the_first_pattern_that_matches_wins_and_other_lines_are_nothing() -> None:
    event = event_of(SUITE_LINE, log(PLANNED, ANY), 7)
    assert event is not None
    assert event.attributes == (("why", "upgrade"),)
    assert event_of("nothing to see", log(PLANNED, ANY), 7) is None


def test_new_lines_become_events_and_the_position_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "suite.log"
    path.write_text(SUITE_LINE + "\n")
    clock = SystemClock()
    settings = CollectorSettings()
    collector = LogCollector(settings, log(ANY, path=path), clock)
    first = collector.collect()
    assert first.events == ()
    assert first.memory is not None
    with path.open("a") as file:
        file.write(SUITE_LINE + "\n")
    again = LogCollector(settings, log(ANY, path=path), clock)
    again.restore(first.memory)
    second = again.collect()
    assert [event.code for event in second.events] == ["component.stop_planned"]
    assert 0 <= clock.now_us() - second.events[0].time_us < 5_000_000
    assert again.collect().memory is None


def test_a_memory_that_cannot_be_read_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "suite.log"
    path.write_text(SUITE_LINE + "\n")
    collector = LogCollector(CollectorSettings(), log(ANY, path=path), SystemClock())
    collector.restore(b"garbage")
    assert collector.collect().events == ()


def test_lines_happened_between_two_looks_however_the_file_is_dated(tmp_path: Path) -> None:
    path = tmp_path / "suite.log"
    path.write_text("")
    clock = ManualClock(now_us=50_000_000)  # the file's own time is decades ahead of this clock
    collector = LogCollector(CollectorSettings(), log(ANY, path=path), clock)
    collector.collect()
    clock.advance(10)
    path.write_text(SUITE_LINE + "\n")
    (event,) = collector.collect().events
    assert event.time_us == 60_000_000
