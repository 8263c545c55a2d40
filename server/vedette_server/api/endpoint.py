"""Endpoint: the gRPC server with everything it serves, on its address and on the admin socket.

It gives gRPC the limits that keep one client from hurting the others, and the pings that find dead peers;
who may call what is the guard's.
"""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from vedette.agent.v1 import agent_pb2
from vedette.support.v1 import admin_pb2, alarm_pb2, case_pb2, fleet_pb2, watch_pb2
from vedette_server.api import channelz
from vedette_server.errors import CannotGoOn, ExitCode

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from google.protobuf.descriptor import ServiceDescriptor

    from vedette_server.api.admin import AdminService
    from vedette_server.api.alarms import AlarmService
    from vedette_server.api.cases import CaseService
    from vedette_server.api.fleet import FleetService
    from vedette_server.api.guard import Guard
    from vedette_server.api.series import SeriesService
    from vedette_server.api.watch import WatchService
    from vedette_server.settings import Address, Tls

#: Largest message that is received, in bytes; it holds after decompression.
MAX_RECEIVE_BYTES: Final = 1024 * 1024
#: Calls of one connection at a time: an agent needs one, a console a handful.
MAX_STREAMS_PER_CONNECTION: Final = 100
#: A client that pings more often than this, in milliseconds, is sent away.
MIN_PING_INTERVAL_MS: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that the API serves."""

    cases: CaseService
    alarms: AlarmService
    fleet: FleetService
    series: SeriesService
    watch: WatchService
    admin: AdminService


class Endpoint:
    """One gRPC server."""

    def __init__(
        self, *, guard: Guard, services: Services, agents: grpc.GenericRpcHandler, heartbeat: timedelta
    ) -> None:
        """Register every service.

        Args:
            guard: lets calls into the services.
            services: of the API.
            agents: the service that agents connect to; it guards itself.
            heartbeat: a peer that answers no ping within two of these is dead.
        """
        self._server = aio.server(options=_options(heartbeat))
        self._health = health.aio.HealthServicer()
        self._names: list[str] = []
        self._register_api(guard, services)
        self._server.add_generic_rpc_handlers((agents,))
        self._names.append(agent_pb2.DESCRIPTOR.services_by_name["AgentService"].full_name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        shown = (*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(shown, self._server)

    def _register_api(self, guard: Guard, services: Services) -> None:
        for file, name, implementation in (
            (case_pb2, "CaseService", services.cases),
            (alarm_pb2, "AlarmService", services.alarms),
            (fleet_pb2, "FleetService", services.fleet),
            (fleet_pb2, "SeriesService", services.series),
            (watch_pb2, "WatchService", services.watch),
            (admin_pb2, "AdminService", services.admin),
        ):
            self._register(guard, file.DESCRIPTOR.services_by_name[name], implementation)
        self._register(guard, channelz.SERVICE, channelz.implementation())

    def _register(self, guard: Guard, service: ServiceDescriptor, implementation: object) -> None:
        guard.register(self._server, service, implementation)
        self._names.append(service.full_name)

    def listen(self, address: Address, *, tls: Tls | None) -> int:
        """Bind the address; return the port.

        Raises:
            CannotGoOn: the address cannot be bound, or certificate and key cannot be read.
        """
        try:
            if tls is None:
                return self._server.add_insecure_port(str(address))
            return self._server.add_secure_port(str(address), _credentials(tls))
        except RuntimeError as error:
            words = f"cannot listen on {address}: the port is in use or not ours; free it or change listen"
            raise CannotGoOn(ExitCode.PORT_IN_USE, words) from error

    def listen_admin(self, path: Path) -> None:
        """Bind the admin socket so that only this user can open it.

        Raises:
            CannotGoOn: another server answers there, or it cannot be made.
        """
        _remove_stale(path)
        umask = os.umask(0o177)
        try:
            self._server.add_insecure_port(f"unix:{path}")
        except RuntimeError as error:
            words = f"cannot make the admin socket {path}; check its folder or change admin_socket"
            raise CannotGoOn(ExitCode.PORT_IN_USE, words) from error
        finally:
            os.umask(umask)

    async def start(self) -> None:
        """Take calls, and say so to health checks."""
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def drain(self) -> None:
        """Tell health checks that it is over; calls are still taken."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, give those that run `grace_s` seconds, then end them."""
        await self._server.stop(grace_s)


def _options(heartbeat: timedelta) -> list[tuple[str, Any]]:
    """Return gRPC's settings. Both ping timeouts are needed: the second is what finds a hung peer."""
    interval_ms = int(heartbeat.total_seconds() * 1000)
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
        ("grpc.max_concurrent_streams", MAX_STREAMS_PER_CONNECTION),
        ("grpc.keepalive_time_ms", interval_ms),
        ("grpc.keepalive_timeout_ms", interval_ms),
        ("grpc.http2.ping_timeout_ms", interval_ms),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", MIN_PING_INTERVAL_MS),
        ("grpc.enable_channelz", 1),
    ]


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    try:
        return grpc.ssl_server_credentials([(tls.key.read_bytes(), tls.certificate.read_bytes())])
    except OSError as error:
        words = f"tls: {error.filename} cannot be read: {error.strerror}"
        raise CannotGoOn(ExitCode.CONFIGURATION, words) from error


def _remove_stale(path: Path) -> None:
    """Remove a socket that a server left behind; refuse when one answers, or when it is no socket."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        words = f"{path} is in the way of the admin socket and is no socket; remove it or change admin_socket"
        raise CannotGoOn(ExitCode.PORT_IN_USE, words)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    words = f"another server answers at the admin socket {path}; stop it or change admin_socket"
    raise CannotGoOn(ExitCode.PORT_IN_USE, words)
