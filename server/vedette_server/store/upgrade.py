"""The version of a database, and the way to the newest one.

The server itself never changes the schema of a database that holds something: it refuses to start, and
`vedette-server db upgrade` runs the migrations, all in one transaction, so that one killed midway left no
trace and is simply run again. Alembic is imported only for that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vedette_server.store.errors import SchemaTooNew, SchemaTooOld, StoreCorrupt
from vedette_server.store.lock import FolderLock
from vedette_server.store.sqlite import DATABASE_FILE, writer_engine

#: All revisions, oldest first; the last is what this version of the server works on.
REVISIONS: Final = ("0001",)
MIGRATIONS: Final = Path(__file__).with_name("migrations")


async def upgrade(folder: Path) -> tuple[str, str]:
    """Bring the database of a data folder to the newest schema; make it when there is none.

    Returns:
        The revision before ("" for a new database) and after.

    Raises:
        StoreInUse: a server works on the folder.
        SchemaTooNew: the folder was written by a newer version.
        StoreCorrupt: the file is no database of Vedette.
    """
    lock = FolderLock(folder)
    try:
        engine = writer_engine(folder / DATABASE_FILE)
        try:
            async with engine.connect() as connection:
                before = await revision(connection)
                check_not_newer(before, folder)
                await migrate(connection)
        finally:
            await engine.dispose()
    finally:
        lock.release()
    return before, REVISIONS[-1]


async def revision(connection: AsyncConnection) -> str:
    """Return the revision of a database; "" when it holds nothing.

    Raises:
        StoreCorrupt: it holds tables, and none of them says which version.
    """
    names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    found = ""
    if "alembic_version" in names:
        row = (await connection.execute(text("SELECT version_num FROM alembic_version"))).first()
        found = str(row[0]) if row is not None else ""
    await connection.rollback()
    if not found and names:
        raise StoreCorrupt(
            f"{connection.engine.url.database} is no database of Vedette; use another data folder"
        )
    return found


def check_not_newer(found: str, folder: Path) -> None:
    """Refuse a revision that this version does not know.

    Raises:
        SchemaTooNew: it is one.
    """
    if found and found not in REVISIONS:
        raise SchemaTooNew(
            f"{folder} has schema {found}, this version knows up to {REVISIONS[-1]}; "
            f"run a version of the server that is at least as new as the one that wrote it"
        )


def check_current(found: str, folder: Path) -> None:
    """Refuse every revision but the newest.

    Raises:
        SchemaTooNew: it is newer.
        SchemaTooOld: it is older.
    """
    check_not_newer(found, folder)
    if found != REVISIONS[-1]:
        raise SchemaTooOld(
            f"{folder} has schema {found or 'none'}, this version needs {REVISIONS[-1]}; "
            f"make a backup and run vedette-server db upgrade"
        )


async def migrate(connection: AsyncConnection) -> None:
    """Run what is missing, in one transaction."""
    # The driver begins a transaction by itself only before changes of rows, not of tables.
    await connection.exec_driver_sql("BEGIN IMMEDIATE")
    await connection.run_sync(_run_migrations)
    await connection.commit()


def _run_migrations(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 -- costs memory that the running server does not need
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, REVISIONS[-1])
