"""The repository's own source, as syntax trees: what the architecture tests look at.

Which modules are pure is written once, in pyproject.toml's import contracts, and read from there.
"""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Folder that holds each program's package.
PROGRAMS = {
    "vedette_agent": ROOT / "agent",
    "vedette_server": ROOT / "server",
    "vedette_console": ROOT / "console",
}
PURITY_CONTRACT = "Pure modules reach no"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One module of a program."""

    module: str
    path: Path
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """Return file and line of `node`, as an editor takes it."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


@cache
def program_sources() -> tuple[Source, ...]:
    """Return every module of the three programs, without generated code."""
    return tuple(
        Source(
            module=".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__"),
            path=path,
            tree=ast.parse(path.read_text("utf-8"), filename=str(path)),
        )
        for package, base in PROGRAMS.items()
        for path in sorted((base / package).rglob("*.py"))
    )


@cache
def pure_sources() -> tuple[Source, ...]:
    """Return the modules that the purity contract names, packages and their children alike."""
    names = pure_names()
    return tuple(
        source
        for source in program_sources()
        if any(source.module == name or source.module.startswith(f"{name}.") for name in names)
    )


def pure_names() -> tuple[str, ...]:
    """Return the modules and packages of the purity contract, without their wildcards."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (contract,) = (
        contract
        for contract in document["tool"]["importlinter"]["contracts"]
        if contract["name"].startswith(PURITY_CONTRACT)
    )
    return tuple(name.removesuffix(".**") for name in contract["source_modules"])


def imported_modules(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the dotted name of everything that the tree imports, with the statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node


def called_names(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield the dotted name of every call whose target is a plain name or a chain of attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := dotted(node.func)):
            yield name, node


def dotted(node: ast.expr) -> str | None:
    """Return `a.b.c` for such an expression, None for any other."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            base = dotted(value)
            return f"{base}.{attribute}" if base else None
        case _:
            return None
