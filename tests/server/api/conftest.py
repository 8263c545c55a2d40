"""Fixtures: a real server, with real store, turn loop and gRPC, for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.api.callers import Running, running


@pytest.fixture
async def vedette(tmp_path: Path) -> AsyncIterator[Running]:
    """Return a server of its own for one test."""
    async with running(tmp_path) as around:
        yield around
