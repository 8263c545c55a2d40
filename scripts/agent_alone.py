"""Proves that a host with only the agent holds nothing of the server or the console.

Builds the wheels that a customer would install, installs `vedette-agent` from them into an empty environment
with the locked versions of everything else, looks at what came along, and starts the program once.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What has no business on a customer's host: our own other programs, and what is heavy in them.
UNWANTED = frozenset(
    {"vedette-server", "vedette-console", "textual", "numpy", "sqlalchemy", "alembic", "holidays", "pyyaml"}
)
#: What the agent may bring, transitively. Another name here is a decision about every customer's host.
WANTED = frozenset(
    {
        "vedette-agent",
        "vedette-protos",
        "aiosqlite",
        "click",
        "colorama",
        "googleapis-common-protos",
        "grpcio",
        "msgspec",
        "protobuf",
        "psutil",
        "tenacity",
        "typing-extensions",
    }
)


def main() -> int:
    """Build, install, compare, start; return 0 if the environment is what it should be."""
    with tempfile.TemporaryDirectory(prefix="vedette-agent-alone-") as scratch:
        wheels = build(Path(scratch))
        python = install(Path(scratch) / "venv", wheels)
        present = installed(python)
        version = run(str(python.parent / "vedette-agent"), "--version").strip()
    problems = [f"{name} came along" for name in sorted(present & UNWANTED)]
    problems += [f"{name} is new on the customer's host" for name in sorted(present - WANTED - UNWANTED)]
    for problem in problems:
        print(f"agent alone: {problem}", file=sys.stderr)
    if not problems:
        print(f"agent alone: {version} with {len(present)} distributions")
    return 1 if problems else 0


def build(scratch: Path) -> list[str]:
    """Return the wheels of the protocol and the agent, built with the environment's own hatchling."""
    for package in ("vedette-protos", "vedette-agent"):
        run("uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--package", package, f"-o{scratch}")
    return sorted(str(path) for path in scratch.glob("*.whl"))


def install(environment: Path, wheels: list[str]) -> Path:
    """Return the Python of a fresh environment that holds `wheels` and what they depend on."""
    python = environment / "bin" / "python"
    lock = ROOT / "requirements.lock"
    run("uv", "venv", "--quiet", "--python", sys.executable, str(environment))
    run("uv", "pip", "install", "--quiet", f"--python={python}", f"--constraint={lock}", *wheels)
    return python


def installed(python: Path) -> frozenset[str]:
    """Return the names of the distributions in the environment of `python`."""
    listing = run("uv", "pip", "list", "--quiet", "--format", "json", "--python", str(python))
    return frozenset(entry["name"] for entry in json.loads(listing))


def run(*command: str) -> str:
    """Run a command in the repository and return what it printed; its complaints go to our stderr."""
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode or 1)
