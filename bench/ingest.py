"""Ingest: how many samples the shipped server makes durable in a second of processor time, beside the echo.

The same load goes to server and echo in turns, so that whatever else the machine does meets both. A sample
counts when it is acknowledged: by the server after the commit that holds it was synced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench.figures import Figure, Target, figure, ratios
from bench.frames import SAMPLES
from bench.rig import CONNECT, EACH, NEWEST, Loaded, Rig, Scrape, Sender, agent_names, running_rig

#: One batch in so many raises an alarm with its case, and the next one of the stream clears it.
CROSS_EVERY: Final = 1000
#: Batches in flight of all streams together, and the most that the server lets one stream have.
IN_FLIGHT: Final = 3200
STREAM_IN_FLIGHT: Final = 256
#: Share of the echo that the server must reach.
SHARE: Final = Target(bound=0.30, at_least=True)
_STAGES: Final = ("decode", "decide", "commit", "publish")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How long and how often to measure."""

    streams: int
    repetitions: int
    #: Seconds.
    warm_up: float
    measured: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One span of one contender."""

    method: str
    #: Per second of the server's processor time, and per second.
    samples_per_cpu_second: float
    samples_per_second: float
    #: Share of a core that server and load took.
    server_cores: float
    client_cores: float
    #: Seconds per batch of each stage, by the server's own account; empty for the echo.
    stages: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """All runs with one number of streams."""

    streams: int
    runs: tuple[Run, ...]

    def of(self, method: str) -> list[Run]:
        """Return the runs of one contender, in order."""
        return [run for run in self.runs if run.method == method]

    @property
    def most_per_second(self) -> float:
        """Return the median of what the server took in a second, samples."""
        return figure("", [run.samples_per_second for run in self.of(CONNECT)], "").spread.middle

    def figures(self) -> Iterator[Figure]:
        """Yield the lines of the table."""
        ours, each, newest = (
            [run.samples_per_cpu_second for run in self.of(method)] for method in (CONNECT, EACH, NEWEST)
        )
        title = f"ingest, {self.streams} streams"
        unit = "M samples/CPU-s"
        yield figure(f"{title}: server", [one / 1e6 for one in ours], unit)
        yield figure(f"{title}: echo, an ack a message", [one / 1e6 for one in each], unit)
        yield figure(f"{title}: echo, acks coalesced", [one / 1e6 for one in newest], unit)
        yield figure(
            f"{title}: share of the echo",
            ratios(ours, each),
            "x",
            target=SHARE,
            beside="echo, an ack a message; aim 0.45",
        )
        yield figure(
            f"{title}: share of the coalesced",
            ratios(ours, newest),
            "x",
            target=SHARE,
            beside="echo, acks coalesced; aim 0.45",
        )
        yield from self._load_figures(title)
        yield from self._stage_figures(title)

    def _load_figures(self, title: str) -> Iterator[Figure]:
        """Yield how busy both sides were: a load that takes a whole core would measure itself."""
        yield figure(f"{title}: server busy", [run.server_cores for run in self.of(CONNECT)], "cores")
        yield figure(f"{title}: echo busy", [run.server_cores for run in self.of(EACH)], "cores")
        yield figure(f"{title}: load busy, all runs", [run.client_cores for run in self.runs], "cores")

    def _stage_figures(self, title: str) -> Iterator[Figure]:
        runs = self.of(CONNECT)
        whole = [1e6 * SAMPLES / run.samples_per_cpu_second for run in runs]
        yield figure(f"{title}: a batch costs", whole, "us CPU", beside="all threads of the server")
        for stage in _STAGES:
            spent = [1e6 * run.stages[stage] for run in runs]
            beside = "waits for the disk, and for reading that goes on meanwhile" if stage == "commit" else ""
            yield figure(f"{title}: of it {stage}", spent, "us", beside=beside)

    def as_json(self) -> dict[str, object]:
        """Return every run."""
        return {"streams": self.streams, "runs": [asdict(run) for run in self.runs]}


async def measure(parent: Path | None, scale: Scale) -> Ingest:
    """Measure with one number of streams, server and echoes in turns."""
    runs = []
    crossed = 0
    async with running_rig(parent, agent_names(scale.streams)) as rig:
        for _ in range(scale.repetitions):
            for method in (CONNECT, EACH, NEWEST):
                run, loaded = await _run(rig, scale, method)
                runs.append(run)
                crossed += loaded.crossed if method == CONNECT else 0
        data_dir = rig.server.data_dir
        raised = _raised(data_dir)
    assert raised == crossed, f"{crossed} batches crossed a threshold, {raised} detections began"
    return Ingest(streams=scale.streams, runs=tuple(runs))


async def _run(rig: Rig, scale: Scale, method: str) -> tuple[Run, Loaded]:
    plan = rig.plan(
        method,
        streams=scale.streams,
        window=min(STREAM_IN_FLIGHT, IN_FLIGHT // scale.streams),
        warm_up=scale.warm_up,
        measured=scale.measured,
        cross_every=CROSS_EVERY,
    )
    before = rig.scrape()
    sender = await Sender.start(plan)
    try:
        loaded = await sender.result(plan)
    finally:
        await sender.kill()
    after = rig.scrape()
    stages = {}
    if method == CONNECT:
        counted = after.samples - before.samples
        assert counted == loaded.acked * SAMPLES, (
            f"{loaded.acked} batches acknowledged, {counted} samples taken"
        )
        stages = _stages(before, after, loaded.acked)
    return _result(method, loaded, stages), loaded


def _stages(before: Scrape, after: Scrape, batches: int) -> dict[str, float]:
    return {stage: (after.stages[stage] - before.stages[stage]) / batches for stage in _STAGES}


def _result(method: str, loaded: Loaded, stages: dict[str, float]) -> Run:
    begun, ended = loaded.begun, loaded.ended
    samples = (ended.batches - begun.batches) * SAMPLES
    seconds = ended.at - begun.at
    server_cpu = ended.server_cpu - begun.server_cpu
    return Run(
        method=method,
        samples_per_cpu_second=samples / server_cpu,
        samples_per_second=samples / seconds,
        server_cores=server_cpu / seconds,
        client_cores=(ended.client_cpu - begun.client_cpu) / seconds,
        stages=stages,
    )


def _raised(data_dir: Path) -> int:
    """Return how many detections the journal says have begun: every crossing must have been judged."""
    with closing(sqlite3.connect(f"file:{data_dir / 'vedette.db'}?mode=ro", uri=True)) as database:
        row = database.execute("SELECT count(*) FROM journal WHERE reason = 'RULE_RAISED'").fetchone()
    return int(row[0])
