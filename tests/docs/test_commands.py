"""Every command that a page shows exists, with its options: documentation that drifts fails here."""

import click
import pytest

from tests.docs.commands import (
    Shown,
    commands_in,
    load,
    problem_with,
    problem_with_program,
    programs,
    recipes,
    shown_commands,
)


@pytest.mark.parametrize("shown", shown_commands(), ids=str)
def test_a_shown_command_works_as_written(shown: Shown) -> None:
    assert problem_with(shown.words) is None


def test_the_readme_shows_the_two_commands_of_a_newcomer() -> None:
    shown = [command.words for command in shown_commands() if command.page == "README.md"]
    assert ("python3", "-m", "pip", "install", "--target", ".tools", "uv", "rust-just") in shown
    assert (".tools/bin/just", "demo") in shown
    assert (".tools/bin/just", "test") in shown


def test_a_recipe_that_does_not_exist_is_found() -> None:
    assert problem_with(("just", "frobnicate")) == 'the justfile has no recipe "frobnicate"'
    assert problem_with((".tools/bin/just", "test", "-k", "disk")) is None


def test_a_package_that_is_not_ours_is_found() -> None:
    assert problem_with(("python3", "-m", "pip", "install", "something")) is not None
    assert problem_with(("python3", "-m", "pip", "install", "vedette-agent")) is None


@pytest.mark.parametrize("program", sorted(programs()))
def test_a_command_or_option_that_does_not_exist_is_found(program: str) -> None:
    assert problem_with_program(program, ["--help"]) is None
    assert problem_with_program(program, ["--frobnicate"]) == f'`{program}` has no option "--frobnicate"'
    if isinstance(load(programs()[program]), click.Group):
        assert problem_with_program(program, ["frobnicate"]) == f'`{program}` has no command "frobnicate"'


def test_commands_are_read_from_both_kinds_of_block_and_no_other() -> None:
    page = (
        "```sh\n# a comment\nA=1 just test && just demo --headless\nvedette cases \\\n  list\n```\n"
        "```console\n$ just check\nall checks passed\n```\n"
        "```toml\njust = 1\n```\n"
    )
    assert list(commands_in(page)) == [
        (3, ("just", "test")),
        (3, ("just", "demo", "--headless")),
        (4, ("vedette", "cases", "list")),
        (8, ("just", "check")),
    ]


def test_recipes_are_read_from_the_justfile() -> None:
    assert {"setup", "demo", "test", "check"} <= recipes()
