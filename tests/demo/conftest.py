"""What the demo's tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.demo.suites import Suite, running_suite


@pytest.fixture
async def suite(tmp_path: Path) -> AsyncIterator[Suite]:
    async with running_suite(tmp_path) as suite:
        yield suite
