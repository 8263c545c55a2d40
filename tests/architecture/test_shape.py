"""The shape of the programs: portable agent, immutable domain, and no drawer for odds and ends."""

import ast

from tests.architecture.sources import called_names, dotted, imported_modules, program_sources, pure_sources

#: Modules of the standard library that exist on POSIX systems only.
POSIX_ONLY = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"})
#: Calls of the standard library that exist on POSIX systems only.
POSIX_ONLY_CALLS = frozenset(
    {
        "os.fork",
        "os.getuid",
        "os.geteuid",
        "os.getloadavg",
        "os.killpg",
        "os.setsid",
        "os.statvfs",
        "os.uname",
    }
)
PLATFORM_MODULE = "vedette_agent.platform"
#: What the turn loop holds in memory and changes in place; everything else in the core is a value.
WORKING_STATE = {
    "vedette_server.detect.board",
    "vedette_server.engine.changes.TurnRecord",
    "vedette_server.engine.draft",
    "vedette_server.engine.inbox",
    "vedette_server.engine.world",
}
#: Names that say where code was put, not what it is.
DRAWERS = frozenset({"util", "utils", "common", "helper", "helpers", "misc", "manager", "base", "core"})


def test_the_agent_is_portable_outside_its_platform_module() -> None:
    agent = [
        source
        for source in program_sources()
        if source.module.startswith("vedette_agent") and not source.module.startswith(PLATFORM_MODULE)
    ]
    found = [
        f"{source.at(node)}: import {name}"
        for source in agent
        for name, node in imported_modules(source.tree)
        if name.partition(".")[0] in POSIX_ONLY
    ] + [
        f"{source.at(call)}: {name}()"
        for source in agent
        for name, call in called_names(source.tree)
        if name in POSIX_ONLY_CALLS
    ]
    assert found == []


def test_dataclasses_of_pure_modules_are_frozen_and_keyword_only() -> None:
    found = [
        f"{source.at(node)}: {node.name} lacks {', '.join(sorted(lacking))}"
        for source in pure_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and (lacking := lacking_flags(node) - allowed_to_lack(source.module, node.name))
    ]
    assert found == []


def lacking_flags(node: ast.ClassDef) -> set[str]:
    """Return which of frozen, slots and kw_only a dataclass does not set; nothing for another class."""
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        if dotted(call.func if call else decorator) not in {"dataclass", "dataclasses.dataclass"}:
            continue
        given = {
            keyword.arg
            for keyword in (call.keywords if call else [])
            if isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        }
        return {"frozen", "slots", "kw_only"} - {name for name in given if name}
    return set()


def allowed_to_lack(module: str, name: str) -> set[str]:
    """Return the flags that a class may do without."""
    return {"frozen"} if {module, f"{module}.{name}"} & WORKING_STATE else set()


def test_no_module_is_a_drawer() -> None:
    found = [
        source.module
        for source in program_sources()
        if DRAWERS.intersection(source.module.lower().split(".")[1:])
    ]
    assert found == []
