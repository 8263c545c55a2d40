"""A store in a folder of its own, on real SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vedette_server.store.reader import Reader
from vedette_server.store.sql import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def reader(store: Store) -> AsyncIterator[Reader]:
    opened = await Reader.open(store.folder)
    yield opened
    await opened.close()
