"""The link over TLS: only a server that the configured authority vouches for hears the token."""

import asyncio
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from tests.agent.support.facts import events
from tests.agent.support.server import AgentServer, serving
from tests.agent.support.waiting import until
from vedette_agent.clock import SystemClock
from vedette_agent.link.link import Link, Node
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.settings.model import LinkSettings

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with openssl")


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Return key and self-signed certificate of a server on loopback."""
    key, pem = folder / f"{name}.key", folder / f"{name}.pem"
    subject = ("-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", str(key), "-out", str(pem))
    subprocess.run(
        ["openssl", "req", "-x509", *curve, *files, "-days", "2", *subject], check=True, capture_output=True
    )
    return key, pem


@pytest.mark.parametrize("trusted", [True, False])
async def test_only_a_trusted_server_is_spoken_to(tmp_path: Path, trusted: bool) -> None:
    key, pem = certificate(tmp_path, "server")
    _, other = certificate(tmp_path, "other")
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), pem.read_bytes())])
    token = tmp_path / "token"
    token.write_text("secret\n")
    outbox = await Outbox.open(tmp_path / "outbox.db")
    await outbox.append([events("x")])
    async with serving(keep=AgentServer(), credentials=credentials) as server:
        settings = LinkSettings(
            server=f"localhost:{server.port}",
            token_file=token,
            ca_file=pem if trusted else other,
            reconnect_initial=timedelta(milliseconds=20),
            welcome_timeout=timedelta(seconds=2),
        )
        node = Node(boot_id="b", start_id="s", agent_version="1")
        link = Link(outbox, settings, node, clock=SystemClock())
        task = asyncio.create_task(link.run())
        if trusted:
            await server.until(lambda: len(server.facts) == 1)
        else:
            await until(lambda: "CERTIFICATE_VERIFY_FAILED" in link.status.last_error)
            assert server.streams == []
        link.stop()
        await asyncio.wait_for(task, 5)
    await outbox.close()
