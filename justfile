# Everything one does with this repository. `just` lists it; each recipe prepares what it needs.
# Needs python3 >= 3.11, git and, in .tools or on PATH, uv and just:
#   python3 -m pip install --target .tools uv rust-just

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

# The environment's programs first, then the tools installed beside the justfile, then the machine's.
export PATH := justfile_directory() / ".venv/bin" + ":" + justfile_directory() / ".tools/bin" + ":" + env("PATH")
export VIRTUAL_ENV := justfile_directory() / ".venv"
# An installed Python serves; uv fetches one only if there is none.
export UV_PYTHON_PREFERENCE := "system"
# Tests and demo start our programs many times: let Python keep their bytecode, whatever the machine prefers.
export PYTHONDONTWRITEBYTECODE := ""

# List the recipes
[private]
default:
    @just --justfile "{{ justfile() }}" --list --unsorted

# Make .venv hold exactly what requirements.lock says, plus the four packages of this repository
setup:
    #!/usr/bin/env bash
    set -euo pipefail
    stamp=$({ pwd; cat requirements.lock */pyproject.toml; } | sha256sum)
    if [ "$(cat .venv/vedette-stamp 2>/dev/null)" = "$stamp" ]; then exit 0; fi
    echo "setting up .venv" >&2
    uv venv --quiet --allow-existing --python '>=3.11' .venv
    uv pip sync --quiet --require-hashes --compile-bytecode requirements.lock
    # The packages are built by the locked hatchling in .venv, so nothing unhashed is fetched for it either.
    uv pip install --quiet --no-deps --no-build-isolation -e protos -e agent -e server -e console
    echo "$stamp" > .venv/vedette-stamp

# Play the whole story on this machine: server, product suite, agents, console (--headless: without a terminal)
[no-exit-message]
demo *args: setup
    @python -m demo "$@"

# Run the tests; arguments go to pytest
[no-exit-message]
test *args: setup
    #!/usr/bin/env bash
    set -uo pipefail
    pytest -n 2 --dist loadgroup -m "not serial" "$@"
    parallel=$?
    # Tests that need both cores or exact timing for themselves.
    serial=5
    if grep -rqs --include='*.py' 'mark\.serial' tests; then
        pytest -n 0 -m serial "$@"
        serial=$?
    fi
    # pytest's 5 is "no test selected": one of the two passes may well have none, not both.
    if [ $parallel -eq 5 ]; then exit $serial; fi
    if [ $serial -eq 5 ] || [ $parallel -ne 0 ]; then exit $parallel; fi
    exit $serial

# Everything that must hold besides the tests
check: lint types _protocol _lock _agent-alone
    @echo "all checks passed"

# Format and rules of the source, and who may import whom
lint: setup
    ruff format --check --quiet .
    ruff check --quiet .
    lint-imports > /dev/null || lint-imports

# Static types, strict
types: setup
    mypy

# Generate the protocol's Python modules from the .proto files
proto *args: setup
    @python protos/generate.py "$@"

# Generated code is current, the protocol is documented, and nothing that main published breaks
_protocol: setup
    python protos/generate.py --check
    buf lint protos
    @scripts/breaking.sh

# requirements.lock belongs to the pyproject.toml files, names no host, and is what is installed
_lock: setup
    python scripts/lock.py check
    uv pip check --quiet

# A customer's host gets the agent and nothing of the server or the console
_agent-alone: setup
    python scripts/agent_alone.py

# Measure speed and memory; arguments go to the benchmark
[no-exit-message]
bench *args: setup
    @python -m bench "$@"

# Kill server and agents 200 times under load and account for every fact (--seed N repeats a run's kills)
[no-exit-message]
faults *args: setup
    @python -m tests.ledger --kills 200 --agents 30 "$@"

# Run the server; arguments go to the program (--config FILE)
[no-exit-message]
serve *args: setup
    @vedette-server "$@" run

# Run the agent on this machine; arguments go to the program (--config FILE)
[no-exit-message]
agent *args: setup
    @vedette-agent "$@" run

# Open the console
[no-exit-message]
console *args: setup
    @vedette "$@"

# Build the wheels and source archives of the four packages into dist/
package: setup
    uv build --quiet --all-packages --no-build-isolation --out-dir dist
    @ls dist

# Resolve the dependencies anew and write requirements.lock (--upgrade: take the newest that are allowed)
lock *args:
    @uv run --quiet --no-project --python '>=3.11' python scripts/lock.py write "$@"
