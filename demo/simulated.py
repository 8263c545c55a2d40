"""Simulated nodes: what the machines of the other customers would measure.

One idea: a node is a function of time. Each figure swings slowly around its usual value, out of step with the
other nodes', and a node may have a trouble of its own that raises an alarm and stays. The figures are made
up; the agents that send them are the real ones (`fleet.py`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from vedette_agent.facts import Sample, Series, gauge

#: How long a figure takes to swing once, in seconds.
PERIOD = 240.0
GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong at a node: this much of something is used, whatever the time."""

    usage: Series
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Something of which a node uses a part: the usual share, and how far it swings."""

    usage: Series
    limit: Series
    total: float
    share: float
    swing: float


def _capacity(component: str, resource: str, total: float, share: float) -> Capacity:
    labels = {"component": component, "resource": resource}
    unit = f"{{{resource}}}"
    return Capacity(
        usage=gauge("capacity.usage", unit, **labels),
        limit=gauge("capacity.limit", unit, **labels),
        total=total,
        share=share,
        swing=0.1,
    )


def _bytes(name: str, total: float, share: float, **labels: str) -> Capacity:
    return Capacity(
        usage=gauge(f"{name}.usage", "By", **labels),
        limit=gauge(f"{name}.limit", "By", **labels),
        total=total,
        share=share,
        swing=0.01,
    )


CAPACITIES = (
    _bytes("system.memory", 16 * GIB, 0.55),
    _bytes("system.filesystem", 80 * GIB, 0.42, mountpoint="/"),
    _bytes("system.filesystem", 500 * GIB, 0.61, mountpoint="/var/recordings"),
    _bytes("database", 64 * GIB, 0.48, database="recordings"),
    _capacity("voip-stack", "call", 2000, 0.3),
    _capacity("call-recording", "channel", 120, 0.5),
    _capacity("queue-manager", "licensed_user", 250, 0.65),
    _capacity("ivr", "licensed_user", 60, 0.5),
)
COMPONENTS = ("voip-stack", "call-recording", "queue-manager", "ivr", "web-server", "database-writer")

#: The troubles that are there when the demo begins.
TROUBLES = {
    "delta-freight/dispatch/node-2": Trouble(
        usage=gauge("system.filesystem.usage", "By", mountpoint="/var/recordings"), used=0.885 * 500 * GIB
    ),
    "harbor-bank/contact-center/node-1": Trouble(
        usage=gauge("database.usage", "By", database="recordings"), used=0.93 * 64 * GIB
    ),
    "jasmine-telecom/hotline/node-1": Trouble(
        usage=gauge("capacity.usage", "{licensed_user}", component="ivr", resource="licensed_user"), used=63
    ),
    "oak-county/town-hall/node-1": Trouble(
        usage=gauge("capacity.usage", "{channel}", component="call-recording", resource="channel"), used=120
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine of another customer."""

    #: "customer/installation/node"; also what sets it out of step with the others.
    agent: str
    trouble: Trouble | None = None

    def samples(self, now: float) -> Iterator[Sample]:
        """Return what the machine measures; `now` in seconds since the Unix epoch."""
        yield gauge("system.cpu.utilization", "1"), self._swing("cpu", now, 0.35, 0.2)
        yield gauge("system.cpu.load_average.1m", "{thread}"), self._swing("load", now, 1.8, 1.1)
        for capacity in CAPACITIES:
            share = self._swing(repr(capacity.usage), now, capacity.share, capacity.swing)
            used = share * capacity.total
            if self.trouble is not None and self.trouble.usage == capacity.usage:
                used = self.trouble.used
            whole = capacity.usage.unit != "By"
            yield capacity.usage, float(round(used)) if whole else used
            yield capacity.limit, capacity.total
        for component in COMPONENTS:
            yield gauge("component.process.count", "{process}", component=component), 1.0
            cpu = self._swing(component, now, 0.08, 0.05)
            yield gauge("process.cpu.utilization", "1", component=component), cpu
            memory = self._swing(component, now, 300e6, 40e6)
            yield gauge("process.memory.usage", "By", component=component), memory

    def _swing(self, what: str, now: float, usual: float, swing: float) -> float:
        digest = sha256(f"{self.agent} {what}".encode()).digest()
        step = int.from_bytes(digest[:2], "big") / 2**16
        pace = 0.7 + digest[2] / 425
        return usual + swing * math.sin((now / PERIOD * pace + step) * math.tau)
