"""What the import contracts cannot say about pure modules and about who reads the clock."""

from tests.architecture.sources import called_names, program_sources, pure_names, pure_sources

#: Built-in functions that touch the world, the terminal, or the layout of memory.
IMPURE_BUILTINS = frozenset(
    {"open", "print", "input", "breakpoint", "exec", "eval", "compile", "__import__", "hash", "id", "globals"}
)
#: Calls that read the clock without importing `time`.
CLOCK_READS = frozenset(
    {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
    }
)
#: Named by the contract before they exist, so that they are born pure.
NOT_BUILT = {"vedette_server.notices", "vedette_server.oncall"}


def test_the_purity_contract_names_modules_that_exist() -> None:
    modules = {source.module for source in program_sources()}
    assert {name for name in pure_names() if name not in modules} == NOT_BUILT


def test_pure_modules_call_nothing_that_touches_the_world() -> None:
    found = [
        f"{source.at(call)}: {name}()"
        for source in pure_sources()
        for name, call in called_names(source.tree)
        if name in IMPURE_BUILTINS
    ]
    assert found == []


def test_only_clock_modules_read_the_clock() -> None:
    found = [
        f"{source.at(call)}: {name}()"
        for source in program_sources()
        if not source.module.endswith(".clock")
        for name, call in called_names(source.tree)
        if name in CLOCK_READS
    ]
    assert found == []
