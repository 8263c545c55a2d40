"""The proof that follows every test here can fail: a record that was tampered with does not hold."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.stage import Stage, check_record
from tests.support.programs import Server
from vedette.support.v1 import case_pb2, common_pb2


def tampered(server: Server, number: int, *statements: str) -> Path:
    """Change a copy of a server's data; return its folder."""
    copy = server.folder / f"tampered-{number}"
    shutil.copytree(server.data_dir, copy)
    with closing(sqlite3.connect(copy / "vedette.db")) as database:
        for statement in statements:
            assert database.execute(statement).rowcount != 0, statement
        database.commit()
    return copy


async def test_a_record_that_was_tampered_with_does_not_hold(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann = await stage.person(server, "ann")
    request = case_pb2.CreateCaseRequest(
        request_id="1", customer="acme", priority=common_pb2.PRIORITY_P1, title="no dial tone"
    )
    await ann.ask(ann.cases.CreateCase, request)
    await server.stop()
    await check_record(server.data_dir, "good")
    for number, (what, statements) in enumerate(
        {
            "another image": ["UPDATE cases SET data = replace(data, 'no dial tone', 'all is well')"],
            "the table does not have it": ["DELETE FROM cases"],
            "the journal ends here": ["UPDATE partitions SET sequence = sequence + 1"],
            "broken=Break": [
                "DROP TRIGGER journal_refuse_update",
                "UPDATE journal SET actor = 'bob' WHERE sequence = 3",
            ],
            r"journal position \d+:\n  recorded .*\n  replayed ": [
                "UPDATE turns SET wall_us = wall_us + 1 WHERE turn = (SELECT max(turn) FROM turns)"
            ],
        }.items()
    ):
        folder = tampered(server, number, *statements)
        with pytest.raises(AssertionError, match=what):
            await check_record(folder, "tampered with")
