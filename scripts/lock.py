"""Writes requirements.lock, or checks without a network that it still belongs to the pyproject.toml files.

The lock holds exact versions and hashes and no address, so it can be used with any package index. Its second
line is a digest of every dependency table in the workspace: when one of them changes, it no longer fits.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
DIGEST_LINE = "# dependency tables: sha256 "
EXPORT = ["uv", "export", "--quiet", "--format", "requirements.txt", "--all-packages", "--no-emit-workspace"]
PINNED = re.compile(r"^[a-z0-9._-]+==\S+")


def main(arguments: list[str]) -> int:
    """Run `write` (further arguments go to `uv lock`) or `check`."""
    match arguments:
        case ["write", *options]:
            return write(options)
        case ["check"]:
            problems = check(LOCK.read_text("utf-8"))
            for problem in problems:
                print(f"requirements.lock: {problem}", file=sys.stderr)
            return 1 if problems else 0
        case _:
            print("usage: lock.py write [option of `uv lock` ...] | check", file=sys.stderr)
            return 2


def write(options: list[str]) -> int:
    """Resolve, export and stamp; return 0, or uv's exit code."""
    try:
        subprocess.run(["uv", "lock", "--quiet", *options], cwd=ROOT, check=True)
        export = subprocess.run(
            [*EXPORT, "--frozen", "--no-header", "--no-annotate"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        return error.returncode
    header = f"# Written by `just lock`; do not edit.\n{DIGEST_LINE}{dependency_digest()}\n"
    LOCK.write_text(header + export.stdout, "utf-8")
    return 0


def check(text: str) -> list[str]:
    """Return what is wrong with the lock's text: a stale digest, an address, a line without pin or hash."""
    problems = []
    if f"{DIGEST_LINE}{dependency_digest()}\n" not in text:
        problems.append("a dependency table has changed since; run `just lock`")
    if "://" in text:
        problems.append("names a host; it must work with any package index")
    for requirement in text.replace("\\\n", " ").splitlines():
        if not requirement.strip() or requirement.startswith("#"):
            continue
        if not PINNED.match(requirement) or "--hash=sha256:" not in requirement:
            problems.append(f"not pinned by version and hash: {requirement.split(' ')[0]}")
    return problems


def dependency_digest() -> str:
    """Return a digest of every table in the workspace that decides what gets installed."""
    tables = {}
    for path in sorted([ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml")]):
        document = tomllib.loads(path.read_text("utf-8"))
        project = document["project"]
        tables[path.relative_to(ROOT).as_posix()] = {
            "requires-python": project.get("requires-python"),
            "dependencies": project.get("dependencies"),
            "optional-dependencies": project.get("optional-dependencies"),
            "dependency-groups": document.get("dependency-groups"),
            "uv": document.get("tool", {}).get("uv"),
        }
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
