"""The lines added to a log, whatever happens to the file."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette_agent.collectors.tail import MAX_LINE, MAX_LOOK, Position, Tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "suite.log"
    path.write_text("old line\n")
    return path


def append(path: Path, text: str) -> None:
    with path.open("a", newline="") as file:
        file.write(text)


def following(path: Path) -> Tail:
    tail = Tail(path)
    assert tail.look().lines == ()
    return tail


def test_only_what_comes_after_the_first_look_is_read(log: Path) -> None:
    tail = following(log)
    append(log, "one\ntwo\r\n")
    assert tail.look().lines == ("one", "two")
    assert tail.look().lines == ()


def test_from_the_start_everything_is_read(log: Path) -> None:
    assert Tail(log, from_start=True).look().lines == ("old line",)


def test_a_file_that_appears_later_is_read_wholly(tmp_path: Path) -> None:
    path = tmp_path / "late.log"
    tail = Tail(path)
    assert "no such file" in tail.look().problems[0]
    path.write_text("first\n")
    assert tail.look().lines == ("first",)


def test_a_line_waits_for_its_end(log: Path) -> None:
    tail = following(log)
    append(log, "half a")
    assert tail.look().lines == ()
    append(log, " line\nnext\n")
    assert tail.look().lines == ("half a line", "next")


def test_a_line_that_was_half_written_at_first_sight_is_skipped(log: Path) -> None:
    append(log, "half a")
    tail = following(log)
    append(log, " line\nnext\n")
    assert tail.look().lines == ("next",)


def test_rotation_by_renaming_loses_nothing(log: Path) -> None:
    tail = following(log)
    append(log, "before\nlast without end")
    log.rename(log.with_name("suite.log.1"))
    log.write_text("after\n")
    assert tail.look().lines == ("before", "last without end", "after")
    append(log, "more\n")
    assert tail.look().lines == ("more",)


def test_rotation_between_rename_and_creation_is_no_loss(log: Path) -> None:
    tail = following(log)
    append(log, "before\n")
    log.rename(log.with_name("suite.log.1"))
    assert "no such file" in tail.look().problems[0]
    log.write_text("after\n")
    assert tail.look().lines == ("before", "after")


def test_rotation_that_removed_the_old_file_is_told(log: Path) -> None:
    tail = following(log)
    other = log.with_name("other")
    other.write_text("after\n")
    other.replace(log)
    look = tail.look()
    assert look.lines == ("after",)
    assert "was replaced; what it held after byte 9 is lost" in look.problems[0]


@pytest.mark.parametrize("text", ["new\n", "a completely different and much longer line\n"])
def test_a_truncated_file_is_read_from_its_start(log: Path, text: str) -> None:
    tail = following(log)
    log.write_text(text)  # the same inode, as copytruncate leaves it
    assert tail.look().lines == (text.rstrip(),)


def test_the_position_survives_a_restart(log: Path) -> None:
    tail = following(log)
    append(log, "one\n")
    tail.look()
    append(log, "two\n")
    again = Tail(log)
    again.position = tail.position
    assert again.look().lines == ("two",)


def test_rotation_while_the_agent_was_down_loses_nothing(log: Path) -> None:
    tail = following(log)
    append(log, "two\n")
    log.rename(log.with_name("suite-2026-01-01.log"))
    log.write_text("three\n")
    again = Tail(log)
    again.position = tail.position
    assert again.look().lines == ("two", "three")


def test_a_line_that_is_too_long_is_cut_and_its_rest_skipped(log: Path) -> None:
    tail = following(log)
    append(log, "x" * (MAX_LINE * 3))
    assert tail.look().lines == ("x" * MAX_LINE,)
    append(log, "y" * 100 + "\nnext\n")
    assert tail.look().lines == ("next",)


def test_one_look_reads_only_so_much(log: Path) -> None:
    tail = following(log)
    line = "z" * 1023 + "\n"
    append(log, line * (MAX_LOOK // 1024 + 10))
    assert len(tail.look().lines) == MAX_LOOK // 1024
    assert len(tail.look().lines) == 10


def test_bytes_that_are_no_text_are_replaced(log: Path) -> None:
    tail = following(log)
    with log.open("ab") as file:
        file.write(b"caf\xe9\n")
    assert tail.look().lines == ("caf\ufffd",)


def test_a_rotation_just_after_the_file_was_opened_reports_no_line_twice(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tail = following(log)
    append(log, "one\n")
    fstat = os.fstat

    def rotated_meanwhile(descriptor: int) -> os.stat_result:
        monkeypatch.setattr(os, "fstat", fstat)
        log.rename(log.with_name("suite.log.1"))
        log.write_text("two\n")
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", rotated_meanwhile)
    assert tail.look().lines == ("one",)
    append(log.with_name("suite.log.1"), "written to the old one still\n")
    append(log, "three\n")
    assert tail.look().lines == ("written to the old one still", "two", "three")
    assert tail.look().lines == ()


BANNER = "#" * 300


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Behind a constant banner: grown beyond the offset, to it exactly, and not up to it.
        (f"{BANNER}\na\n", f"{BANNER}\nb\nc\nd\n"),
        (f"{BANNER}\na\n", f"{BANNER}\nb\n"),
        (f"{BANNER}\na\nb\n", f"{BANNER}\nb\n"),
        # To the same size without one.
        ("aaaa\n", "bbbb\n"),
        # What lies before the offset is the same, what the file begins with is not.
        ("a" * 10 + "\n" + "-" * 2000 + "\n", "b" * 10 + "\n" + "-" * 2000 + "\n"),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_written_anew_between_two_looks_is_read_from_its_start(
    log: Path, before: str, after: str, restarted: bool
) -> None:
    log.write_text(before)
    tail = following(log)
    log.write_text(after)
    if restarted:
        position, tail = tail.position, Tail(log)
        tail.position = position
    assert tail.look().lines == tuple(after.splitlines())
    assert tail.look().lines == ()


def test_a_file_that_was_only_touched_is_not_read_again(log: Path) -> None:
    tail = following(log)
    os.utime(log, ns=(0, log.stat().st_mtime_ns + 10**9))
    assert tail.look().lines == ()


def test_a_position_of_an_agent_before_the_second_fingerprint_goes_on(log: Path) -> None:
    tail = Tail(log)
    tail.position = replace(following(log).position or Position(identity=""), foot_size=0, foot_crc=0)
    append(log, "one\n")
    assert tail.look().lines == ("one",)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read_is_a_problem(log: Path) -> None:
    log.chmod(0)
    assert "denied" in Tail(log).look().problems[0]


OPERATION = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 3)),
    st.tuples(st.just("rotate"), st.just(0)),
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("restart"), st.just(0)),
)


@settings(max_examples=60)
@given(operations=st.lists(OPERATION, max_size=30))
def test_every_line_comes_once_and_in_order(
    operations: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "suite.log"
    path.write_text("")
    tail = Tail(path, from_start=True)
    tail.look()
    written = rotated = 0
    seen: list[str] = []
    pending = 0
    for operation, amount in operations:
        match operation:
            case "write":
                for _ in range(amount):
                    append(path, f"line {written}\n")
                    written += 1
            case "rotate" if pending == 0:
                # One rotation between two looks: what rotates twice unseen is told as a loss, not guessed.
                path.rename(path.with_name(f"suite.log.{rotated}"))
                path.write_text("")
                rotated += 1
                pending = 1
            case "look":
                seen += tail.look().lines
                pending = 0
            case "restart":
                position, tail = tail.position, Tail(path, from_start=True)
                tail.position = position
            case _:
                pass
    seen += tail.look().lines
    assert seen == [f"line {number}" for number in range(written)]
