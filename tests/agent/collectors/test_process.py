"""The product's components, as real processes."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest

from vedette_agent.clock import SystemClock
from vedette_agent.collectors.collector import Reading
from vedette_agent.collectors.process import ProcessCollector
from vedette_agent.facts import Event
from vedette_agent.settings.model import CollectorSettings, ComponentSettings

IDLE = "import time, sys\nprint('up', flush=True)\ntime.sleep(60)"
WITH_WORKER = """
import os, sys, time
if os.fork() == 0:
    time.sleep(60)
print('up', flush=True)
time.sleep(60)
"""


class Children:
    """Starts Python processes with a recognisable command line."""

    def __init__(self) -> None:
        self.mark = f"vedette-test-{uuid.uuid4().hex}"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, name: str = "voip", code: str = IDLE) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", code, f"{self.mark}-{name}"],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        return child

    def kill(self, child: subprocess.Popen[str], *, reap: bool = True) -> None:
        os.kill(child.pid, signal.SIGKILL)
        if reap:
            child.wait()
        else:
            until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)

    def close(self) -> None:
        for child in self.started:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            assert child.stdout is not None
            child.stdout.close()


@pytest.fixture
def children() -> Iterator[Children]:
    one = Children()
    yield one
    one.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def collector(children: Children, *names: str, boot_id: str = "boot") -> ProcessCollector:
    components = [
        ComponentSettings(name=name, command=re.compile(f"{children.mark}-{name}$"))
        for name in names or ("voip",)
    ]
    return ProcessCollector(CollectorSettings(), components, clock=SystemClock(), boot_id=boot_id)


def values(reading: Reading, component: str = "voip") -> dict[str, float]:
    return {
        series.name: value
        for series, value in reading.samples
        if dict(series.labels)["component"] == component
    }


def told(events: tuple[Event, ...]) -> list[tuple[str, str, str]]:
    return [(event.code, event.component, dict(event.attributes)["pid"]) for event in events]


def test_what_a_component_uses_is_added_up(children: Children) -> None:
    watching = collector(children)
    child = children.start(code=WITH_WORKER)
    until(lambda: values(watching.collect())["component.process.count"] == 2)
    found = values(watching.collect())
    assert found["process.memory.usage"] > 2_000_000
    assert found["process.cpu.utilization"] >= 0.0
    assert found["component.create_time"] == pytest.approx(psutil.Process(child.pid).create_time(), abs=1)
    assert found["component.restarts"] == 0


def test_processor_time_is_the_share_of_one_core(children: Children) -> None:
    watching = collector(children)
    children.start(code="print('up', flush=True)\nwhile True: pass")
    watching.collect()
    time.sleep(0.4)
    assert 0.2 < values(watching.collect())["process.cpu.utilization"] < 1.5


def test_a_component_without_processes_has_none(children: Children) -> None:
    watching = collector(children)
    watching.collect()
    assert values(watching.collect()) == {
        "component.process.count": 0.0,
        "component.restarts": 0.0,
        "process.memory.usage": 0.0,
        "process.cpu.utilization": 0.0,
    }


def test_an_exit_and_a_start_are_events(children: Children) -> None:
    child = children.start()
    watching = collector(children)
    assert watching.collect().events == ()
    children.kill(child)
    exited = watching.collect().events
    assert told(exited) == [("component.exited", "voip", str(child.pid))]
    assert float(dict(exited[0].attributes)["uptime_seconds"]) >= 0
    again = children.start()
    assert told(watching.collect().events) == [("component.started", "voip", str(again.pid))]
    assert values(watching.collect())["component.restarts"] == 1


def test_a_restart_between_two_looks_is_seen(children: Children) -> None:
    child = children.start()
    watching = collector(children)
    watching.collect()
    children.kill(child)
    again = children.start()
    reading = watching.collect()
    assert told(reading.events) == [
        ("component.exited", "voip", str(child.pid)),
        ("component.started", "voip", str(again.pid)),
    ]
    assert values(reading)["component.restarts"] == 1
    assert reading.events[0].time_us <= reading.events[1].time_us


def test_a_killed_process_that_nobody_reaped_has_exited(children: Children) -> None:
    child = children.start()
    watching = collector(children)
    watching.collect()
    children.kill(child, reap=False)
    assert told(watching.collect().events) == [("component.exited", "voip", str(child.pid))]


def test_a_workers_end_is_no_exit(children: Children) -> None:
    child = children.start(code=WITH_WORKER)
    watching = collector(children)
    until(lambda: values(watching.collect())["component.process.count"] == 2)
    (worker,) = psutil.Process(child.pid).children()
    worker.kill()
    until(lambda: values(watching.collect())["component.process.count"] == 1)
    assert watching.collect().events == ()


def test_an_exit_while_the_agent_was_down_is_found_on_the_same_boot_only(children: Children) -> None:
    child = children.start()
    memory = collector(children).collect().memory
    assert memory is not None
    children.kill(child)
    later = collector(children)
    later.restore(memory)
    assert told(later.collect().events) == [("component.exited", "voip", str(child.pid))]
    rebooted = collector(children, boot_id="another boot")
    rebooted.restore(memory)
    assert rebooted.collect().events == ()


def test_what_did_not_change_is_not_remembered_again(children: Children) -> None:
    children.start()
    watching = collector(children)
    assert watching.collect().memory is not None
    assert watching.collect().memory is None


def test_components_do_not_mix_and_a_new_one_starts_with_what_is_there(children: Children) -> None:
    children.start("voip")
    memory = collector(children, "voip").collect().memory
    assert memory is not None
    children.start("ivr")
    both = collector(children, "voip", "ivr")
    both.restore(memory)
    reading = both.collect()
    assert reading.events == ()
    assert values(reading, "voip")["component.process.count"] == 1
    assert values(reading, "ivr")["component.process.count"] == 1


def test_a_component_can_be_recognised_by_process_name(children: Children) -> None:
    child = children.start()
    name = psutil.Process(child.pid).name()
    components = [ComponentSettings(name="python", process_name=name)]
    watching = ProcessCollector(CollectorSettings(), components, clock=SystemClock(), boot_id="b")
    assert values(watching.collect(), "python")["component.process.count"] >= 1


def test_processes_that_may_not_be_looked_at_are_a_problem_not_a_failure(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = children.start()

    def denied(_self: psutil.Process) -> list[str]:
        raise psutil.AccessDenied(child.pid)

    monkeypatch.setattr(psutil.Process, "cmdline", denied)
    reading = collector(children).collect()
    assert any("may not be looked at" in problem for problem in reading.problems)
    assert values(reading)["component.process.count"] == 0
