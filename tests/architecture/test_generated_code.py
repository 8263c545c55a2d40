"""Generated code refuses an older runtime at import; the distributions must ask for one that it accepts."""

import re
import tomllib

from tests.architecture.sources import ROOT

GENERATED = ROOT / "protos" / "vedette"
PROTOBUF_LINE = re.compile(r"^# Protobuf Python Version: (\S+)$", re.MULTILINE)
GRPC_LINE = re.compile(r"^GRPC_GENERATED_VERSION = '(\S+)'$", re.MULTILINE)


def test_the_declared_protobuf_is_new_enough_for_the_generated_messages() -> None:
    assert versions("*_pb2.py", PROTOBUF_LINE) == {lower_bound("protobuf")}


def test_the_declared_grpcio_is_new_enough_for_the_generated_services() -> None:
    assert versions("*_pb2_grpc.py", GRPC_LINE) == {lower_bound("grpcio")}


def versions(pattern: str, line: re.Pattern[str]) -> set[str]:
    """Return the runtime versions that the generated files were made for."""
    found = {match.group(1) for path in GENERATED.rglob(pattern) for match in line.finditer(path.read_text())}
    assert found, f"no {pattern} below {GENERATED}"
    return found


def lower_bound(distribution: str) -> str:
    """Return the oldest version that vedette-protos accepts."""
    document = tomllib.loads((ROOT / "protos" / "pyproject.toml").read_text("utf-8"))
    (bound,) = (
        match.group(1)
        for requirement in document["project"]["dependencies"]
        if (match := re.fullmatch(rf"{distribution}>=([\d.]+),<\d+", requirement))
    )
    return bound
