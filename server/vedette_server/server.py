"""Server: made of settings, started piece by piece, and taken down again in order.

    files --> policy, catalog --> store --> turn loop --> API and intake --> one gRPC server; HTTP beside it

Everything is built here and handed down; no module below reaches for another by itself. What was started is
stopped in the opposite order: health first, then watchers and agents are sent away, then what they sent is
committed.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from contextlib import AsyncExitStack, contextmanager, suppress
from http import HTTPStatus
from importlib import metadata
from typing import TYPE_CHECKING, Final

from vedette_server import credentials, log
from vedette_server.access.token import Role
from vedette_server.api.admin import Versions
from vedette_server.api.assembly import Api, assemble
from vedette_server.api.guard import Guard
from vedette_server.clock import SystemClock
from vedette_server.configuration import load_configuration
from vedette_server.engine.inputs import CatalogLoaded, CreateToken, PolicyLoaded
from vedette_server.engine.turn import TurnLoop
from vedette_server.errors import CannotGoOn, ExitCode
from vedette_server.fleet.liveness import Limits
from vedette_server.http import Answer, HttpEndpoint
from vedette_server.intake.service import Intake
from vedette_server.metrics import Metrics
from vedette_server.settings import Address
from vedette_server.store.errors import SchemaTooNew, SchemaTooOld, StoreError, StoreInUse
from vedette_server.store.reader import Reader
from vedette_server.store.sql import Store
from vedette_server.yamlfile import YamlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vedette_server.clock import Clock
    from vedette_server.configuration import Configuration
    from vedette_server.settings import Settings, Tls

#: Calls that run get this long to end when the server stops, in seconds.
STOP_GRACE_S: Final = 2.0
#: What was taken gets this long to be committed when the server stops, in seconds; less only while the disk
#: is full.
FLUSH_S: Final = 10.0
#: Actor and name of the first credential.
_BOOTSTRAP: Final = "bootstrap"

_log = log.get(__name__)


class Server:
    """One server: built and started by `start`, ended by `stop`.

    Several fit in one process, as in tests; signals and exit codes are the business of `serve`.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        """Take what to run. Nothing is opened yet."""
        self.settings = settings
        self.version = metadata.version("vedette-server")
        self.metrics = Metrics(server_version=self.version)
        self.grpc_port = 0
        self.http_port = 0
        self._clock: Clock = clock or SystemClock()
        self._stack = AsyncExitStack()
        self._reloading = asyncio.Lock()
        #: Whether calls are taken.
        self.ready = False
        self._store: Store
        self._loop: TurnLoop
        self._api: Api
        self._turns: asyncio.Task[None]

    async def start(self) -> None:
        """Start everything; return when the server is ready.

        Raises:
            CannotGoOn: with exit code and words; what had been started is stopped.
            YamlError: policy or catalog hold mistakes.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def _start(self) -> None:
        settings = self.settings
        configuration = await self._read_configuration()
        store, reader = await self._open_store()
        self._loop = self._turn_loop(store, reader)
        with store_errors():
            await self._loop.start(
                PolicyLoaded(policy=configuration.policy), CatalogLoaded(catalog=configuration.catalog)
            )
        guard = Guard(reader=reader, metrics=self.metrics)
        intake = Intake(
            self._loop,
            self._clock,
            authenticate=guard.agent_token,
            heartbeat=settings.heartbeat_interval,
            version=self.version,
        )
        self._api = assemble(
            loop=self._loop,
            reader=reader,
            clock=self._clock,
            metrics=self.metrics,
            guard=guard,
            agents=intake.handler(),
            reload=self.reload,
            heartbeat=settings.heartbeat_interval,
            server_version=self.version,
        )
        self.metrics.read_loop(self._loop)
        self._store = store
        http = await self._start_http()
        self._stack.push_async_callback(http.close)
        self._run_turns()
        await self._listen(intake)
        await self._bootstrap()
        self._say_ready()

    async def _open_store(self) -> tuple[Store, Reader]:
        folder = self.settings.data_dir
        with store_errors():
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                store = await Store.open(folder)
            except OSError as error:
                words = f"data folder {folder}: {error.strerror or error}"
                raise CannotGoOn(ExitCode.FAILED, words) from error
            self._stack.push_async_callback(store.close)
            reader = await Reader.open(folder)
            self._stack.push_async_callback(reader.close)
        return store, reader

    def _turn_loop(self, store: Store, reader: Reader) -> TurnLoop:
        settings = self.settings
        limits = Limits(
            heartbeat=settings.heartbeat_interval,
            overdue_after=settings.overdue_after,
            lost_after=settings.lost_after,
        )
        return TurnLoop(
            store, self._clock, limits=limits, engine=self.version, recall=reader.get, on_defect=_tell_defect
        )

    async def _start_http(self) -> HttpEndpoint:
        routes: dict[str, Callable[[str], Answer]] = {
            "/metrics": self._answer_metrics,
            "/-/healthy": self._answer_healthy,
            "/-/ready": self._answer_ready,
        }
        endpoint = HttpEndpoint(routes)
        await endpoint.start(self.settings.http, tls=_tls_context(self.settings.tls))
        self.http_port = endpoint.port
        return endpoint

    def _run_turns(self) -> None:
        self._turns = asyncio.create_task(self._loop.run(), name="turns")
        self._stack.push_async_callback(self._flush)

    async def _listen(self, intake: Intake) -> None:
        endpoint, settings = self._api.endpoint, self.settings
        self.grpc_port = endpoint.listen(settings.listen, tls=settings.tls)
        endpoint.listen_admin(settings.admin_socket)
        self._stack.callback(settings.admin_socket.unlink, missing_ok=True)
        await endpoint.start()
        self._stack.push_async_callback(endpoint.stop, STOP_GRACE_S)
        self._stack.callback(intake.stop)
        self._stack.callback(self._api.hub.close)
        self._stack.push_async_callback(endpoint.drain)

    async def _flush(self) -> None:
        """Let the loop commit what it has taken; one that has failed has nothing left to say."""
        self._loop.stop()
        done, _pending = await asyncio.wait((self._turns,), timeout=FLUSH_S)
        if not done:
            _log.error("stopped before everything was committed; agents send the rest again")
            self._turns.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._turns

    async def stop(self) -> None:
        """Stop everything in order; what was acknowledged stays."""
        self.ready = False
        await self._stack.aclose()
        _log.info("stopped")

    async def until_failed(self) -> None:
        """Return never, unless the turn loop fails.

        Raises:
            CannotGoOn: it did, and why.
        """
        try:
            await asyncio.shield(self._turns)
        except StoreError as error:
            raise CannotGoOn(ExitCode.FAILED, str(error)) from error
        except Exception as error:
            _log.critical("the turn loop failed", exc_info=error)
            raise CannotGoOn(
                ExitCode.FAILED, "a defect ended the server; the log has its traceback"
            ) from error

    async def reload(self) -> Versions:
        """Read policy and catalog again and put them in force; on any mistake the old ones stay.

        Raises:
            YamlError: with every mistake.
        """
        async with self._reloading:
            try:
                configuration = await self._read_configuration()
            except YamlError as error:
                self.metrics.reloads.labels("refused").inc()
                _log.error("reload refused", problems=[str(problem) for problem in error.problems])
                raise
            self._loop.submit(PolicyLoaded(policy=configuration.policy))
            self._loop.submit(CatalogLoaded(catalog=configuration.catalog))
            versions = Versions(policy=configuration.policy.version, catalog=configuration.catalog.version)
            await self._api.reference.until_in_force(policy=versions.policy, catalog=versions.catalog)
            self.metrics.reloads.labels("done").inc()
            _log.info("reloaded", policy=versions.policy, catalog=versions.catalog)
            return versions

    async def _read_configuration(self) -> Configuration:
        """Read the files in a thread of its own: compiling calendars takes longer than a turn may."""
        now = self._clock.read().wall
        return await asyncio.to_thread(load_configuration, self.settings, now=now)

    async def _bootstrap(self) -> None:
        """Print the one credential with which all others are made, if the store has never had any."""
        if self._loop.world.tokens:
            return
        secret = credentials.new_secret()
        command = CreateToken(
            by="vedette",
            request_id=_BOOTSTRAP,
            role=Role.ADMIN,
            name=_BOOTSTRAP,
            secret_hash=credentials.hash_secret(secret),
        )
        asked = asyncio.create_task(self._loop.command(command))
        await asyncio.wait((asked, self._turns), return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            asked.cancel()
            await self.until_failed()
        done = asked.result()
        print(secret, flush=True)  # noqa: T201 -- the one thing that goes to stdout
        _log.info("made the first admin token, printed on stdout and never again", token=done.id)

    def _say_ready(self) -> None:
        settings = self.settings
        ready = {
            "pid": os.getpid(),
            "grpc": str(Address(host=settings.listen.host, port=self.grpc_port)),
            "http": str(Address(host=settings.http.host, port=self.http_port)),
            "admin": f"unix:{settings.admin_socket}",
        }
        _write_atomically(settings.ready_file, json.dumps(ready) + "\n")
        self._stack.callback(settings.ready_file.unlink, missing_ok=True)
        self.ready = True
        _log.info("ready", version=self.version, **ready)

    def _answer_metrics(self, accept: str) -> Answer:
        head = self._store.position
        self.metrics.head.info({"sequence": str(head.sequence), "hash": head.head_hash.hex()})
        content_type, body = self.metrics.exposition(accept)
        return Answer(content_type=content_type, body=body)

    def _answer_healthy(self, _accept: str) -> Answer:
        return _yes_or_no(holds=not self._turns.done(), no="the turn loop has ended\n")

    def _answer_ready(self, _accept: str) -> Answer:
        if self._loop.tally.disk_full:
            return _yes_or_no(holds=False, no="the disk is full\n")
        return _yes_or_no(holds=self.ready, no="starting or stopping\n")


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what a store may raise into words and an exit code."""
    try:
        yield
    except StoreInUse as error:
        raise CannotGoOn(ExitCode.DATA_FOLDER_IN_USE, str(error)) from error
    except (SchemaTooNew, SchemaTooOld) as error:
        raise CannotGoOn(ExitCode.SCHEMA, str(error)) from error
    except StoreError as error:
        raise CannotGoOn(ExitCode.FAILED, str(error)) from error


def _tell_defect(input_name: str, error: Exception) -> None:
    _log.error("an input could not be decided; the world is loaded anew", input=input_name, exc_info=error)


def _yes_or_no(*, holds: bool, no: str) -> Answer:
    return Answer(body=b"ok\n") if holds else Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, body=no.encode())


def _tls_context(tls: Tls | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        words = f"tls: {tls.certificate} and {tls.key} are no certificate and key: {error}"
        raise CannotGoOn(ExitCode.CONFIGURATION, words) from error
    return context


def _write_atomically(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, "utf-8")
    draft.replace(path)
