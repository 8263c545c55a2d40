"""Metrics: what the server tells a Prometheus about itself.

One idea: a number is counted once, where it happens. What the turn loop counts for itself is only read when
somebody scrapes; nothing on the hot path pays for being measured. Labels come from fixed sets, never from an
agent, so that no agent can make the number of time series grow.

This module serves no HTTP (see `http.py`) and decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric


class Tally(Protocol):
    """What the turn loop has done since the start (`engine/turn.py`)."""

    turns: int
    inputs: int
    samples: int
    changes: int
    decode_seconds: float
    decide_seconds: float
    commit_seconds: float
    publish_seconds: float
    poisoned: int
    disk_full: bool


class Loop(Protocol):
    """The turn loop as metrics see it."""

    @property
    def tally(self) -> Tally:
        """Return what it has done."""
        ...

    @property
    def waiting(self) -> int:
        """Return how many inputs wait."""
        ...

    @property
    def stream_count(self) -> int:
        """Return how many streams of agents are open."""
        ...


class Metrics:
    """All metrics of one server, in a registry of its own so that many servers fit in one process.

    Counters and gauges are public: whoever sees the fact counts it.
    """

    def __init__(self, *, server_version: str) -> None:
        """Register every metric but those of the loop."""
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._info("vedette_build", "Version of the server.").info({"version": server_version})
        self._fact_metrics()
        self._state_metrics()
        self._call_metrics()

    def _fact_metrics(self) -> None:
        self.batches = self._counter("vedette_batches", "Batches of samples taken.")
        self.events = self._counter("vedette_events", "Events taken.")
        self.gaps = self._counter("vedette_gaps", "Gaps recorded.", "reason")
        self.missing_facts = self._counter("vedette_missing_facts", "Facts recorded as missing.", "reason")

    def _state_metrics(self) -> None:
        self.agents = self._gauge("vedette_agents", "Agents by state.", "state")
        self.open_alarms = self._gauge("vedette_open_alarms", "Alarms not over, by priority.", "priority")
        self.open_cases = self._gauge(
            "vedette_open_cases", "Cases neither resolved nor closed, by priority.", "priority"
        )
        self.sequence = self._gauge("vedette_journal_sequence", "Last position of the journal.")
        self.head = self._info(
            "vedette_journal_head",
            "Hash of the last journal entry: keep it, to prove that nothing was cut off.",
        )

    def _call_metrics(self) -> None:
        self.calls = self._counter("vedette_api_calls", "Calls of the API, by outcome.", "method", "code")
        self.watch_subscribers = self._gauge("vedette_watch_subscribers", "Watch streams that are open.")
        self.watch_resyncs = self._counter("vedette_watch_resyncs", "Watchers that were too slow.")
        self.reloads = self._counter("vedette_reloads", "Reloads of policy and catalog.", "result")

    def read_loop(self, loop: Loop) -> None:
        """Show what `loop` has done, as of each scrape."""
        self.registry.register(_LoopCollector(loop))

    def exposition(self, accept: str) -> tuple[str, bytes]:
        """Return content type and text of a scrape, in the format that the `Accept` header asks for."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _info(self, name: str, text: str) -> Info:
        return Info(name, text, registry=self.registry)


# A time series more for each counter, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

#: Metrics of the tally: attribute, name, help.
_TALLIED: Final = (
    ("turns", "vedette_turns", "Turns committed."),
    ("inputs", "vedette_inputs", "Inputs decided."),
    ("samples", "vedette_samples", "Samples taken."),
    ("changes", "vedette_changes", "Changes committed."),
    ("poisoned", "vedette_defects", "Inputs that could not be decided; each is a defect to report."),
)
_STAGES: Final = ("decode", "decide", "commit", "publish")


class _LoopCollector(Collector):
    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        """Yield the loop's numbers as they are now."""
        tally = self._loop.tally
        for attribute, name, text in _TALLIED:
            yield CounterMetricFamily(name, text, value=getattr(tally, attribute))
        seconds = CounterMetricFamily(
            "vedette_turn_seconds", "Seconds spent in each stage of turns.", labels=["stage"]
        )
        for stage in _STAGES:
            seconds.add_metric([stage], getattr(tally, f"{stage}_seconds"))
        yield seconds
        yield GaugeMetricFamily("vedette_queue_depth", "Inputs that wait for their turn.", self._loop.waiting)
        yield GaugeMetricFamily("vedette_agent_streams", "Open streams of agents.", self._loop.stream_count)
        yield GaugeMetricFamily(
            "vedette_disk_full", "1 while commits wait for disk space.", float(tally.disk_full)
        )
