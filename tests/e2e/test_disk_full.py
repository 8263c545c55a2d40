"""A full disk under the server: nothing is acknowledged, everybody is told, and it goes on by itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.stage import AGENT, Stage, eventually, stored_batches
from tests.support.programs import Program, Server, until
from vedette.support.v1 import case_pb2, common_pb2

SIZE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A small file system in a namespace of its own."""

    #: Its place within the namespace.
    inside: Path
    #: The same as seen from here.
    here: Path
    #: What a command starts with to run within the namespace.
    enter: list[str]


@asynccontextmanager
async def small_disk(folder: Path) -> AsyncIterator[Disk]:
    """Give a file system of a few megabytes, or skip the test where none may be mounted.

    The mount lives in a namespace that a sleeping process holds. The way to it leads through that process's
    root for plain files; SQLite resolves names by itself and must run within.
    """
    inside = folder / "disk"
    inside.mkdir()
    script = f'mount -t tmpfs -o size={SIZE_BYTES} none "$0" && touch "$0/mounted" && exec sleep infinity'
    if sys.platform != "linux" or shutil.which("nsenter") is None:
        pytest.skip("no namespaces here, so no small file system")
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(inside)]
    async with Program("small-disk", command, folder=folder) as holder:
        here = Path(f"/proc/{holder.pid}/root{inside}")

        def mounted() -> bool:
            return not holder.running or os.path.exists(here / "mounted")  # noqa: PTH110 - False where not allowed

        await until(mounted, "the small file system is mounted")
        if not holder.running:
            pytest.skip(f"no mount in a namespace of our own here: {holder.tail()}")
        enter = ["nsenter", f"--target={holder.pid}", "--user", "--mount", "--preserve-credentials", "--"]
        yield Disk(inside=inside, here=here, enter=enter)


def fill(disk: Path) -> Path:
    """Leave no byte on a file system; return the file to remove."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for block in (65_536, 4096, 1):
            try:
                while True:
                    file.write(bytes(block))
            except OSError:
                continue
    return ballast


async def ready(server: Server) -> int:
    """Return the status of the server's readiness probe."""
    addresses = server.addresses
    assert addresses is not None

    def ask() -> int:
        try:
            with urllib.request.urlopen(f"http://{addresses.http}/-/ready", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    return await asyncio.to_thread(ask)


async def test_a_full_disk_stops_the_acks_and_nothing_else_and_is_got_over_without_help(stage: Stage) -> None:
    async with small_disk(stage.folder) as disk:
        # The admin socket lies beside the disk, where both sides see it.
        server = await stage.server(
            data_dir=disk.inside / "data", admin_socket=stage.folder / "admin.sock", start=False, calm=True
        )
        server.command[:0] = disk.enter
        server.data_dir = disk.here / "data"
        await server.start()
        ann = await stage.person(server, "ann")
        changes = await stage.follow(server, ann)
        agent = await stage.agent(server)
        await agent.tell(agent.batch())

        ballast = fill(disk.here)
        fact = agent.batch([85.0, 100.0])
        await agent.send(fact)
        while await ready(server) != 503:
            # The log of the database may still have room; more facts take it.
            await agent.send(agent.events(*["product.info"] * 200, message="x" * 1000))
            await asyncio.sleep(0.05)
        assert await stage.metric(server, "vedette_disk_full") == 1
        acknowledged = agent.watermark
        # Reading goes on; a command is not answered before it is durable.
        assert (await ann.ask(ann.cases.ListCases, case_pb2.ListCasesRequest())).cases is not None
        request = case_pb2.CreateCaseRequest(
            request_id="1", customer="acme", priority=common_pb2.PRIORITY_P3, title="while full"
        )
        opening = asyncio.create_task(ann.ask(ann.cases.CreateCase, request))
        await asyncio.sleep(1.5)  # longer than the pause between two attempts to commit
        assert not opening.done()

        ballast.unlink()
        await agent.acknowledged()
        assert agent.watermark > acknowledged
        assert (await opening).case.title == "while full"
        await changes.alarm("database_space", priority=common_pb2.PRIORITY_P4)

        async def well() -> bool:
            return await ready(server) == 200

        await eventually(well, "the server is ready again")
        await server.stop()
        kept = server.folder / "kept"
        await asyncio.to_thread(shutil.copytree, server.data_dir, kept)
        server.data_dir = kept
    assert [seq for name, seq in stored_batches(kept) if name == AGENT] == [1, 2]
