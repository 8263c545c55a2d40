"""Load: a process that speaks for many agents at once.

    python -m bench.load < plan.json        # prints one JSON line a moment: open, measured, closed

Flat out, each stream sends whenever its window has room; at a rate, batches leave on a grid. It reads the
processor time of the server it loads at the same two instants as its count of acknowledged batches, so that
both belong to the same span.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Final

import psutil

from bench.frames import Batches
from bench.stream import Stream

#: Streams that open at once: more only wait for each other's hello.
_OPENING: Final = 32
#: Batches start to count after this long, seconds.
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send."""

    target: str
    method: str
    #: Agent and secret of each stream.
    agents: tuple[tuple[str, str], ...]
    #: Every run of an agent has an outbox of its own.
    outbox_id: str
    is_echo: bool
    #: Most batches in flight of one stream.
    window: int
    #: Before anything counts, and while it does, seconds.
    warm_up: float
    measured: float
    #: Batches a second of all streams together; 0 is flat out.
    rate: float
    #: One batch in so many crosses a threshold, and the next of its stream returns; 0 is none.
    cross_every: int
    #: Process whose processor time counts.
    server_pid: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One reading of all counters."""

    #: Seconds of `perf_counter`.
    at: float
    #: Batches acknowledged by the server.
    batches: int
    #: Processor seconds of the server and of this process.
    server_cpu: float
    client_cpu: float


class Load:
    """The streams of one plan."""

    def __init__(self, plan: Plan) -> None:
        """Encode what will be sent."""
        self._plan = plan
        self._batches = Batches(plan.seed)
        self._streams = [
            Stream(agent=agent, outbox_id=plan.outbox_id, is_echo=plan.is_echo, window=plan.window)
            for agent, _ in plan.agents
        ]
        self._server = psutil.Process(plan.server_pid)
        self._client = psutil.Process()
        self._stopped = False
        self._sent = 0
        #: Batches that crossed a threshold.
        self.crossed = 0

    async def run(self) -> None:
        """Open, send, measure, drain and close; say so on stdout."""
        await self._open_all()
        _say("open")
        senders = self._start()
        await asyncio.sleep(self._plan.warm_up)
        begun = self._moment()
        await asyncio.sleep(self._plan.measured)
        ended = self._moment()
        self._stopped = True
        async with asyncio.timeout(_PATIENCE):
            await asyncio.gather(*senders)
            await asyncio.gather(*(one.drained() for one in self._streams))
        acked = sum(one.acked for one in self._streams)
        _say("measured", begun=asdict(begun), ended=asdict(ended), acked=acked, crossed=self.crossed)
        await asyncio.gather(*(one.close() for one in self._streams))
        _say("closed")

    async def _open_all(self) -> None:
        gate = asyncio.Semaphore(_OPENING)
        plan = self._plan

        async def open_one(stream: Stream, secret: str) -> None:
            async with gate:
                await stream.open(plan.target, plan.method, secret)

        async with asyncio.timeout(_PATIENCE):
            pairs = zip(self._streams, plan.agents, strict=True)
            await asyncio.gather(*(open_one(stream, secret) for stream, (_, secret) in pairs))

    def _start(self) -> list[asyncio.Task[None]]:
        """Begin to send; return what sends at a rate. Flat out, acks are what sends."""
        if self._plan.rate:
            return [
                asyncio.create_task(self._send_at_rate(stream, position))
                for position, stream in enumerate(self._streams)
            ]
        for stream in self._streams:
            stream.on_room = self._fill
            self._fill(stream)
        return []

    def _fill(self, stream: Stream) -> None:
        if not self._stopped:
            stream.send(self._batches, [self._crosses() for _ in range(stream.room)])

    async def _send_at_rate(self, stream: Stream, position: int) -> None:
        interval = len(self._streams) / self._plan.rate
        due = perf_counter() + interval * position / len(self._streams)
        while not self._stopped:
            await asyncio.sleep(due - perf_counter())
            due += interval
            await stream.has_room()
            stream.send(self._batches, [self._crosses()])

    def _crosses(self) -> bool:
        self._sent += 1
        crosses = self._plan.cross_every > 0 and self._sent % self._plan.cross_every == 0
        self.crossed += crosses
        return crosses

    def _moment(self) -> Moment:
        server, client = self._server.cpu_times(), self._client.cpu_times()
        return Moment(
            at=perf_counter(),
            batches=sum(one.acked for one in self._streams),
            server_cpu=server.user + server.system,
            client_cpu=client.user + client.system,
        )


def _say(what: str, **more: object) -> None:
    print(json.dumps({"now": what, **more}), flush=True)


async def main() -> None:
    """Read a plan from standard input and carry it out."""
    given = json.loads(sys.stdin.read())
    given["agents"] = tuple((agent, secret) for agent, secret in given["agents"])
    await Load(Plan(**given)).run()


if __name__ == "__main__":
    asyncio.run(main())
