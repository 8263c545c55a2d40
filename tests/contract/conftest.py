"""What every backend of the store must do: the fixtures open one of each."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from vedette_server.store.reader import Reader
from vedette_server.store.sql import Store

#: Backends that the suite runs on.
BACKENDS = ("sqlite",)

OpenStore = Callable[[], Awaitable[Store]]


@pytest.fixture(params=BACKENDS)
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Open the same store again and again; what was opened before is closed first, as by a restart."""
    assert request.param == "sqlite"
    opened: list[Store] = []

    async def open_() -> Store:
        if opened:
            await opened.pop().close()
        opened.append(await Store.open(tmp_path))
        return opened[0]

    yield open_
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


@pytest.fixture
async def reader(store: Store) -> AsyncIterator[Reader]:
    opened = await Reader.open(store.folder)
    yield opened
    await opened.close()
