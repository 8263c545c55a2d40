"""The status file, also where there is no room for it."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from tests.agent.support.clocks import ManualClock
from tests.agent.support.collecting import Scripted
from tests.agent.support.facts import event
from vedette_agent import platform, status
from vedette_agent.collectors.collector import Reading
from vedette_agent.errors import OutboxError
from vedette_agent.facts import gauge
from vedette_agent.link.link import Link, Node
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.outbox.record import Appended
from vedette_agent.sampler import Sampler
from vedette_agent.settings.model import LinkSettings


async def test_the_status_says_while_the_disk_refuses_what_becomes_of_the_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    outbox = await Outbox.open(tmp_path / "outbox.db")
    link = Link(
        outbox,
        LinkSettings(server="127.0.0.1:1", token_file=tmp_path / "token"),
        Node(boot_id="b", start_id="s", agent_version="1"),
        clock=clock,
    )
    found = Reading(samples=((gauge("level", "1"), 1.0),), events=(event("kept"),))
    sampler = Sampler(outbox, [Scripted("one", found, interval=1)], clock=clock)

    async def refuse(*_args: object, **_kwargs: object) -> Appended:
        raise OutboxError("database or disk is full")

    append = outbox.append
    monkeypatch.setattr(outbox, "append", refuse)
    for _ in range(3):
        await sampler.tick()
        clock.advance(1)
    told = (await status.describe(outbox, link, sampler, clock))["outbox"]["refusal"]
    assert told == {
        "since": "2023-11-14T22:13:20.000Z",
        "error": "database or disk is full",
        "waiting_event_count": 3,
        "dropped_fact_count": 3,
    }
    monkeypatch.setattr(outbox, "append", append)
    await sampler.tick()
    assert (await status.describe(outbox, link, sampler, clock))["outbox"]["refusal"] is None
    await outbox.close()


def content(text: str) -> dict[str, Any]:
    return {"written_time_us": ManualClock().now_us(), "text": text}


def no_space(*_arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("before", "after"), [(10, 3000), (3000, 10), (5000, 5000), (3000, 20_000)])
def test_on_a_full_disk_the_file_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    status.write(tmp_path, content("a" * before))
    monkeypatch.setattr(platform, "write_atomically", no_space)
    status.write(tmp_path, content("b" * after))
    assert status.read(tmp_path, ManualClock()).content == content("b" * after)


@pytest.mark.parametrize("length", [0, 4000, 4096, 8100, 8192, 9000])
def test_there_is_room_for_a_longer_text_in_the_file_that_is_there(tmp_path: Path, length: int) -> None:
    status.write(tmp_path, content("a" * length))
    size = (tmp_path / "status.json").stat().st_size
    assert size % 8192 == 0
    assert size - len(json.dumps(content("a" * length), indent=1)) >= 4096


def test_a_partial_file_does_not_stay_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, *_arguments: object) -> int:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="No space left"):
        platform.write_atomically(tmp_path / "status.json", "text")
    assert list(tmp_path.iterdir()) == []


def test_another_error_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        status.write(tmp_path / "missing", content("a"))
