"""Versions of the schema: what is refused, what is upgraded, and what a killed migration leaves."""

import ast
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from tests.server.store import samples
from vedette_server.store import upgrade as upgrading
from vedette_server.store.errors import SchemaTooNew, SchemaTooOld, StoreCorrupt, StoreInUse
from vedette_server.store.reader import Reader
from vedette_server.store.sql import Store
from vedette_server.store.sqlite import DATABASE_FILE
from vedette_server.store.tables import metadata
from vedette_server.store.upgrade import MIGRATIONS, REVISIONS, upgrade


def set_revision(folder: Path, revision: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()


async def new_store(folder: Path) -> None:
    store = await Store.open(folder)
    await store.commit(samples.turn(store.position, samples.ENTITIES))
    await store.close()


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    await new_store(tmp_path)
    set_revision(tmp_path, "0999")
    before = (tmp_path / DATABASE_FILE).read_bytes()
    words = (
        "has schema 0999, this version knows up to 0001; run a version of the server that is at least as new"
    )
    with pytest.raises(SchemaTooNew, match=words):
        await Store.open(tmp_path)
    with pytest.raises(SchemaTooNew, match=words):
        await Reader.open(tmp_path)
    with pytest.raises(SchemaTooNew, match=words):
        await upgrade(tmp_path)
    assert (tmp_path / DATABASE_FILE).read_bytes() == before


async def test_a_database_of_an_older_version_waits_for_db_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_store(tmp_path)
    monkeypatch.setattr(upgrading, "REVISIONS", (*REVISIONS, "0002"))
    words = "has schema 0001, this version needs 0002; make a backup and run vedette-server db upgrade"
    with pytest.raises(SchemaTooOld, match=words):
        await Store.open(tmp_path)
    with pytest.raises(SchemaTooOld, match=words):
        await Reader.open(tmp_path)


async def test_a_reader_of_an_empty_folder_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SchemaTooOld, match="has schema none"):
        await Reader.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_upgrading_makes_a_database_and_then_changes_nothing(tmp_path: Path) -> None:
    assert await upgrade(tmp_path) == ("", "0001")
    assert await upgrade(tmp_path) == ("0001", "0001")
    store = await Store.open(tmp_path)
    with pytest.raises(StoreInUse):
        await upgrade(tmp_path)
    await store.close()


async def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(StoreCorrupt, match=r"vedette\.db is no database of Vedette; use another data folder"):
        await Store.open(tmp_path)


async def test_a_migration_that_dies_midway_leaves_no_trace_and_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        """Not an error that anybody handles."""

    def half(connection: Connection) -> None:
        run(connection)
        raise PowerCut

    run = upgrading._run_migrations
    monkeypatch.setattr(upgrading, "_run_migrations", half)
    with pytest.raises(PowerCut):
        await upgrade(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    monkeypatch.setattr(upgrading, "_run_migrations", run)
    assert await upgrade(tmp_path) == ("", "0001")
    await new_store(tmp_path)


async def test_the_migrations_end_at_what_the_code_expects(tmp_path: Path) -> None:
    await upgrade(tmp_path)
    engine = create_engine(f"sqlite:///{tmp_path / DATABASE_FILE}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_tables_are_clustered_in_the_migrations_as_in_the_code(tmp_path: Path) -> None:
    await upgrade(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as connection:
        listed = connection.execute("PRAGMA table_list").fetchall()
    clustered = {row[1]: bool(row[4]) for row in listed}
    for table in metadata.tables.values():
        assert clustered[table.name] is (table.dialect_options["sqlite"]["with_rowid"] is False), table.name


def test_the_code_knows_every_revision_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert tuple(script.revision for script in reversed(scripts)) == REVISIONS


def test_alembic_is_imported_only_to_migrate() -> None:
    for path in MIGRATIONS.parent.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert not [node for node in top if "alembic" in ast.unparse(node)], path
