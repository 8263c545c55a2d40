"""The product suite as processes: it comes up, takes commands, crashes, comes back and leaves nothing."""

import asyncio
import signal

import pytest

from demo.suite import control
from demo.suite.supervisor import COMPONENTS
from demo.waiting import until
from tests.demo.suites import Suite


async def test_each_component_shows_used_and_limit_in_one_answer(suite: Suite) -> None:
    shown = {component: set(await control.metrics(suite.home, component)) for component in COMPONENTS}
    assert shown == {
        "voip-stack": {"voip_stack_calls_used", "voip_stack_calls_limit"},
        "call-recording": {"call_recording_channels_used", "call_recording_channels_limit"},
        "queue-manager": {"queue_manager_licensed_users_used", "queue_manager_licensed_users_limit"},
        "ivr": {"ivr_licensed_users_used", "ivr_licensed_users_limit"},
        "web-server": {"web_server_sessions_used", "web_server_sessions_limit"},
        "database-writer": {
            "database_writer_size_bytes",
            "database_writer_limit_bytes",
            "database_writer_rows",
        },
    }


async def test_a_command_exhausts_the_channels_and_a_wrong_one_is_refused(suite: Suite) -> None:
    await control.command(suite.home, "call-recording", {"channels_used": 30})
    figures = await control.metrics(suite.home, "call-recording")
    assert figures == {"call_recording_channels_used": 30, "call_recording_channels_limit": 30}
    assert "WARN call-recording capacity.exhausted 30 of 30 channels in use" in suite.home.log.read_text()
    with pytest.raises(control.CommandRefused, match="call-recording: channels_used must be a whole number"):
        await control.command(suite.home, "call-recording", {"channels_used": "many"})


async def test_a_killed_component_is_counted_and_comes_back_where_it_was(suite: Suite) -> None:
    port = suite.home.port("voip-stack")
    killed = control.kill(suite.home, "voip-stack")
    await until(lambda: suite.home.pid("voip-stack") != killed, what="a new process", patience=10)
    await until(lambda: control.answers(suite.home, "voip-stack"), what="it answers", patience=10)
    assert suite.home.port("voip-stack") == port
    log = suite.home.log.read_text()
    assert "ERROR supervisor component.crashed voip-stack was killed by signal 9, crash 1, restarting" in log
    assert "component.stop_planned" not in log


async def test_a_planned_stop_is_announced_and_no_crash(suite: Suite) -> None:
    stopped = control.stop(suite.home, "ivr")
    await until(lambda: suite.home.pid("ivr") != stopped, what="a new process", patience=10)
    log = suite.home.log.read_text()
    assert "INFO ivr component.stop_planned stopping as asked" in log
    assert "INFO supervisor component.stopped ivr as planned, restarting in 0.2 s" in log
    assert "component.crashed" not in log


async def test_no_component_outlives_a_killed_supervisor(suite: Suite) -> None:
    assert len(suite.processes()) == 1 + len(COMPONENTS)
    suite.supervisor.send_signal(signal.SIGKILL)
    await asyncio.wait_for(suite.supervisor.wait(), 10)
    await until(lambda: suite.processes() == [], what="the components are gone", patience=10)
