"""protos/generate.py: generated code is written, found stale, and cleaned away with its source."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

PROTO = """
syntax = "proto3";
package vedette.probe.v1;
// A probe.
message Probe { int64 size_bytes = 1; }
"""


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """Return a protocol folder with one .proto file, generated once."""
    source = tmp_path / "vedette" / "probe" / "v1" / "probe.proto"
    source.parent.mkdir(parents=True)
    source.write_text(PROTO)
    assert generate(tmp_path) == (
        0,
        [
            "protos/vedette/probe/v1/probe_pb2.py: written",
            "protos/vedette/probe/v1/probe_pb2.pyi: written",
        ],
    )
    return source


def test_what_was_just_generated_is_current(protos: Path) -> None:
    assert generate(protos.parents[3], "--check") == (0, [])


def test_a_changed_source_makes_its_modules_stale(protos: Path) -> None:
    protos.write_text(PROTO.replace("size_bytes", "used_bytes"))
    assert generate(protos.parents[3], "--check") == (
        1,
        [
            "protos/vedette/probe/v1/probe_pb2.py: not current; run `just proto`",
            "protos/vedette/probe/v1/probe_pb2.pyi: not current; run `just proto`",
        ],
    )


def test_a_module_whose_source_is_gone_is_found_and_removed(protos: Path) -> None:
    leftover = protos.with_name("gone_pb2.py")
    leftover.touch()
    assert generate(protos.parents[3], "--check")[0] == 1
    assert leftover.exists()
    assert generate(protos.parents[3])[0] == 0
    assert not leftover.exists()


def test_a_source_that_does_not_compile_fails_and_changes_nothing(protos: Path) -> None:
    module = protos.with_name("probe_pb2.py")
    before = module.read_bytes()
    protos.write_text(PROTO.replace("int64", "int65"))
    assert generate(protos.parents[3])[0] == 1
    assert module.read_bytes() == before


def generate(root: Path, *options: str) -> tuple[int, list[str]]:
    """Run the script over `root`; return its exit code and the lines it printed."""
    command = [sys.executable, str(ROOT / "protos" / "generate.py"), "--root", str(root), *options]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    return finished.returncode, finished.stdout.splitlines()
