"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.stage import Stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Give a stage; what was on it is stopped and held to its record when the test is over."""
    with tempfile.TemporaryDirectory(prefix="vedette-e2e-") as folder:
        stage = Stage(Path(folder))
        try:
            yield stage
            await stage.close()
        finally:
            await stage.abandon()
