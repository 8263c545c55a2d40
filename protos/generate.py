"""Writes the typed Python modules of the protocol from its .proto files, or checks that they are current.

One idea: everything is generated into a scratch folder and then compared with what stands beside the .proto
files, so that `--check` and a plain run can never disagree about what "current" means.

protoc derives imports from paths: the folder of a .proto file is its Python package, and nothing is patched.
A development script, not part of the distribution; `just proto` and `just check` run it.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import grpc_tools

HERE = Path(__file__).resolve().parent
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")
SERVICE = re.compile(r"^service\s", re.MULTILINE)


def main() -> int:
    """Generate, or with --check name every file that differs and return 1."""
    parser = argparse.ArgumentParser(description="write the typed Python modules of the protocol")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if one is not current")
    parser.add_argument("--root", type=Path, default=HERE, help="folder that holds vedette/ (for tests)")
    arguments = parser.parse_args()
    root: Path = arguments.root
    sources = sorted(path.relative_to(root) for path in (root / "vedette").rglob("*.proto"))
    if not sources:
        print(f"{root}: no .proto file below vedette/; nothing to generate", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="vedette-protos-") as scratch:
        generate(root, sources, Path(scratch))
        stale = differences(root, Path(scratch))
        if not arguments.check:
            apply(root, Path(scratch), stale)
    for path in stale:
        print(f"protos/{path}: {'not current; run `just proto`' if arguments.check else 'written'}")
    return 1 if arguments.check and stale else 0


def generate(root: Path, sources: list[Path], out: Path) -> None:
    """Write messages, services and stubs of `sources` (paths relative to `root`) below `out`."""
    services = [source for source in sources if SERVICE.search((root / source).read_text("utf-8"))]
    protoc(root, sources, f"--python_out={out}", f"--mypy_out=quiet:{out}")
    if services:
        # The stubs type both channels: grpc.Channel gives the blocking stub, grpc.aio.Channel the async one.
        protoc(root, services, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}")


def protoc(root: Path, sources: list[Path], *outputs: str) -> None:
    """Run grpcio-tools' protoc with the type plugins of this very environment, whatever PATH holds."""
    programs = Path(sys.executable).parent
    well_known_types = Path(grpc_tools.__file__).parent / "_proto"
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"--proto_path={root}",
        f"--proto_path={well_known_types}",
        f"--plugin=protoc-gen-mypy={programs / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={programs / 'protoc-gen-mypy_grpc'}",
        *outputs,
        *(source.as_posix() for source in sources),
    ]
    subprocess.run(command, cwd=root, check=True)  # noqa: S603 - our own interpreter and our own paths


def differences(root: Path, scratch: Path) -> list[Path]:
    """Return the generated files that are missing, changed, or left over from a .proto file that is gone."""
    return sorted(
        path
        for path in generated_files(root) | generated_files(scratch)
        if not ((root / path).is_file() and (scratch / path).is_file())
        or (root / path).read_bytes() != (scratch / path).read_bytes()
    )


def generated_files(root: Path) -> set[Path]:
    """Return the paths below `root` that protoc writes."""
    return {
        path.relative_to(root) for path in (root / "vedette").rglob("*.py*") if GENERATED.search(path.name)
    }


def apply(root: Path, scratch: Path, stale: list[Path]) -> None:
    """Make `root` hold for each stale path what `scratch` holds: its new content, or nothing."""
    for path in stale:
        if (scratch / path).is_file():
            (root / path).write_bytes((scratch / path).read_bytes())
        else:
            (root / path).unlink()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
