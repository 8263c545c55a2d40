"""The command lines that the documentation shows, and whether the programs know them.

A block fenced as `console` marks its commands with `$ `, the rest is output; in a block fenced as `sh` every
line is a command. Programs are asked through their own click commands, recipes through `just --summary`; a
command of another program (git, curl) is left alone.
"""

import importlib
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protos", "agent", "server", "console")
BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```\s*$", re.MULTILINE | re.DOTALL
)
#: Recipes that hand their arguments to a program, with the command that they put behind them.
FORWARDING = {"serve": ("vedette-server", "run"), "agent": ("vedette-agent", "run"), "console": ("vedette",)}
SEPARATORS = frozenset({"&&", "||", "|", ";", "&"})


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One command as a page shows it."""

    page: str
    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        """Return where it stands and what it says."""
        return f"{self.page}:{self.line}: {shlex.join(self.words)}"


def pages() -> list[Path]:
    """Return the repository's Markdown pages."""
    packages = [ROOT / package / "README.md" for package in PACKAGES]
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *packages])


def shown_commands() -> list[Shown]:
    """Return every command in the repository's Markdown pages, in order."""
    return [
        Shown(page=str(page.relative_to(ROOT)), line=line, words=words)
        for page in pages()
        for line, words in commands_in(page.read_text("utf-8"))
    ]


def commands_in(markdown: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield line number and words of each command in the fenced blocks of a page."""
    for block in BLOCK.finditer(markdown):
        if block["kind"] not in {"sh", "console"}:
            continue
        first = markdown.count("\n", 0, block.start("body")) + 1
        for offset, line in joined_lines(block["body"]):
            command = line.strip()
            if block["kind"] == "console":
                if not command.startswith("$ "):
                    continue
                command = command.removeprefix("$ ")
            for words in simple_commands(command):
                yield first + offset, words


def joined_lines(body: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a block with their offsets, those that end in a backslash joined to the next."""
    pending, start = "", 0
    for offset, line in enumerate(body.splitlines()):
        start = start if pending else offset
        pending += line.strip() if pending else line
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        yield start, pending
        pending = ""


def simple_commands(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the simple commands of a shell line, without comment, redirections and leading assignments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, "&&"]:
        if word not in SEPARATORS:
            words.append(word)
            continue
        while words and re.match(r"^[A-Z_]+=", words[0]):
            words.pop(0)
        if words:
            yield tuple(words)
        words = []


def problem_with(words: tuple[str, ...]) -> str | None:
    """Return what a reader who typed the command would stumble over, or None."""
    match words:
        case ("just" | ".tools/bin/just", *rest):
            return problem_with_recipe(rest)
        case ("python3" | "python", "-m", "pip", *rest):
            return problem_with_pip(rest)
        case (program, *rest) if program.removeprefix(".venv/bin/") in programs():
            return problem_with_program(program.removeprefix(".venv/bin/"), rest)
        case _:
            return None


def problem_with_recipe(words: list[str]) -> str | None:
    """Return what is wrong with the arguments of `just`, or None."""
    if not words:
        return None
    recipe, *arguments = words
    if recipe not in recipes():
        return f'the justfile has no recipe "{recipe}"'
    if recipe in FORWARDING:
        program, *behind = FORWARDING[recipe]
        return problem_with_program(program, arguments + behind)
    return None


def problem_with_pip(words: list[str]) -> str | None:
    """Return what is wrong with the arguments of pip, or None: it installs our tools or our distributions."""
    known = {"uv", "rust-just", *(f"vedette-{package}" for package in PACKAGES)}
    match words:
        case ["install", "--target", ".tools", *names] | ["install", *names] if names and known.issuperset(
            names
        ):
            return None
        case _:
            return "pip is only used to install our tools into .tools, or a distribution of ours"


def problem_with_program(program: str, words: list[str]) -> str | None:
    """Return the first unknown subcommand or option of one of our programs, or None."""
    command = load(programs()[program])
    path = program
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word.startswith("-") and word != "-":
            name, _, value = word.partition("=")
            option = find_option(command, name)
            if option is None:
                return f'`{path}` has no option "{name}"'
            if not (option.is_flag or option.count or value):
                del waiting[: option.nargs]
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return f'`{path}` has no command "{word}"'
            command, path = found, f"{path} {word}"
    return None


def find_option(command: click.Command, name: str) -> click.Option | None:
    """Return the option of `command` that `name` spells, its own help option included."""
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option) and name in {*parameter.opts, *parameter.secondary_opts}:
            return parameter
    return None


@cache
def recipes() -> frozenset[str]:
    """Return the names of the justfile's public recipes."""
    just = shutil.which("just") or str(ROOT / ".tools" / "bin" / "just")
    listing = subprocess.run([just, "--summary"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return frozenset(listing.split())


@cache
def programs() -> dict[str, str]:
    """Return each program's entry point, as the distributions declare it."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        document = tomllib.loads((ROOT / package / "pyproject.toml").read_text("utf-8"))
        found |= document["project"].get("scripts", {})
    return found


@cache
def load(entry_point: str) -> click.Command:
    """Return the click command at `module:name`."""
    module, _, name = entry_point.partition(":")
    command = getattr(importlib.import_module(module), name)
    if not isinstance(command, click.Command):
        message = f"{entry_point} is no click command but {type(command).__name__}"
        raise TypeError(message)
    return command
