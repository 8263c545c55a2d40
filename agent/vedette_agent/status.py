"""Status: what a running agent says about itself, in a file that anybody on the machine may be shown.

The agent writes `status.json` into its state folder, whole or not at all; `vedette-agent status` reads it.
The reader never trusts that the writer lives: it looks at the folder's lock and at the age of the file.

On a full disk, of which the file must tell, there is no room for a new one. Then the present file is written
over, in the blocks that it has; it is padded, so that a longer text fits in too. A reader may meet it half
written, and finds it whole the next time.
"""

import errno
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vedette_agent import platform
from vedette_agent.clock import Clock, rfc3339
from vedette_agent.link.link import Link
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.sampler import Sampler
from vedette_agent.waiting import Refusal

#: How often the agent writes, in seconds.
WRITE_INTERVAL = 2.0
#: A file older than this was not written by an agent that is well, in seconds.
STALE_AFTER = 15.0
_NAME = "status.json"
#: The file is padded to a multiple of this, in bytes, and by at least half as much.
_ROOM = 8192
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What `vedette-agent status` knows: what the file says, and whether to believe it."""

    #: Content of the file; None when there is none or it cannot be read.
    content: dict[str, Any] | None
    #: Whether an agent holds the state folder; None when this user may not ask.
    is_running: bool | None
    #: Seconds since the file was written; None without a file.
    age: float | None

    @property
    def is_current(self) -> bool:
        """Whether the content describes a running agent as it is now."""
        return (
            self.content is not None
            and self.is_running is not False
            and self.age is not None
            and self.age <= STALE_AFTER
        )


async def describe(outbox: Outbox, link: Link, sampler: Sampler, clock: Clock) -> dict[str, Any]:
    """Return the state of a running agent, ready for JSON; times are RFC 3339, lengths of time seconds."""
    now_us = clock.now_us()
    state = link.status
    oldest_us = await outbox.oldest_time_us()
    return {
        "written_time_us": now_us,
        "written_time": rfc3339(now_us),
        "link": {
            "state": state.state.value,
            "since": rfc3339(state.since_us),
            "agent": state.agent,
            "server_version": state.server_version,
            "connect_count": state.connect_count,
            "last_ack_age_seconds": _rounded(state.last_ack_age),
            "clock_skew_seconds": None if state.clock_skew_us is None else state.clock_skew_us / 1e6,
            "last_error": state.last_error,
        },
        "outbox": {
            "id": outbox.outbox_id,
            "watermark": outbox.oldest_seq - 1,
            "next_seq": outbox.next_seq,
            "fact_count": outbox.fact_count,
            "size_bytes": outbox.size_bytes,
            "oldest_age_seconds": None if oldest_us is None else _rounded((now_us - oldest_us) / 1e6),
            "refusal": _refusal(sampler.refusal),
        },
        "collectors": [asdict(one) for one in sampler.collectors],
    }


def write(state_dir: Path, content: dict[str, Any]) -> None:
    """Replace the status file. Blocks."""
    text = json.dumps(content, indent=1)
    text = text.ljust(-(-(len(text) + _ROOM // 2) // _ROOM) * _ROOM - 1) + "\n"
    try:
        platform.write_atomically(state_dir / _NAME, text)
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        platform.write_over(state_dir / _NAME, text)


def read(state_dir: Path, clock: Clock) -> Observed:
    """Return what the status file says and whether an agent runs. Blocks."""
    try:
        content = json.loads((state_dir / _NAME).read_text("utf-8"))
        age = max(0.0, (clock.now_us() - int(content["written_time_us"])) / 1e6)
    except (OSError, ValueError, KeyError, TypeError):
        content, age = None, None
    return Observed(content=content, is_running=platform.is_locked(state_dir), age=age)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _refusal(refusal: Refusal | None) -> dict[str, Any] | None:
    """Return that the disk takes no facts, and what becomes of them; None when all is well."""
    if refusal is None:
        return None
    return {
        "since": rfc3339(refusal.since_us),
        "error": refusal.error,
        "waiting_event_count": refusal.waiting_event_count,
        "dropped_fact_count": refusal.dropped_fact_count,
    }
