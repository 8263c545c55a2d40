"""Assembly: the API of one server, put together.

Every service gets exactly what it needs; what follows the commits is registered with the turn loop here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vedette_server.api.admin import AdminService
from vedette_server.api.alarms import AlarmService
from vedette_server.api.cases import CaseService
from vedette_server.api.census import Census
from vedette_server.api.commands import Commands
from vedette_server.api.endpoint import Endpoint, Services
from vedette_server.api.fleet import FleetService
from vedette_server.api.hub import Hub
from vedette_server.api.reference import Reference
from vedette_server.api.series import SeriesService
from vedette_server.api.views import Views
from vedette_server.api.watch import WatchService

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    import grpc

    from vedette_server.api.admin import Versions
    from vedette_server.api.guard import Guard
    from vedette_server.clock import Clock
    from vedette_server.engine.turn import TurnLoop
    from vedette_server.metrics import Metrics
    from vedette_server.store.reader import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The API of one server: its endpoint, and what the composition root needs of its insides."""

    endpoint: Endpoint
    hub: Hub
    reference: Reference


def assemble(
    *,
    loop: TurnLoop,
    reader: Reader,
    clock: Clock,
    metrics: Metrics,
    guard: Guard,
    agents: grpc.GenericRpcHandler,
    reload: Callable[[], Awaitable[Versions]],
    heartbeat: timedelta,
    server_version: str,
) -> Api:
    """Put the API together around a turn loop that has started and does not run yet.

    Args:
        loop: takes commands; its world is looked at once, here.
        reader: of its store.
        clock: the server's.
        metrics: where calls and commits are counted.
        guard: lets calls into the services.
        agents: the service of the agents, served at the same address.
        reload: reads policy and catalog again.
        heartbeat: sets how soon a dead connection is noticed.
        server_version: of this server.
    """
    hub = Hub(sequence=loop.world.sequence, metrics=metrics)
    reference = Reference(loop.world, reader=reader)
    census = Census(loop.world, metrics=metrics)
    loop.on_commit.extend((reference.committed, census.committed, hub.committed))
    views = Views(reader=reader, reference=reference, census=census, clock=clock)
    commands = Commands(loop=loop, reader=reader)
    services = Services(
        cases=CaseService(reader=reader, commands=commands, views=views),
        alarms=AlarmService(reader=reader, commands=commands),
        fleet=FleetService(reader=reader, reference=reference, census=census, views=views),
        series=SeriesService(reader=reader, views=views),
        watch=WatchService(
            reader=reader, hub=hub, views=views, store_id=reader.store_id, partition=loop.world.partition
        ),
        admin=AdminService(
            reader=reader,
            commands=commands,
            reference=reference,
            census=census,
            reload=reload,
            server_version=server_version,
            started_at=clock.read().wall,
        ),
    )
    endpoint = Endpoint(guard=guard, services=services, agents=agents, heartbeat=heartbeat)
    return Api(endpoint=endpoint, hub=hub, reference=reference)
