"""requirements.lock: what `just check` finds wrong with it, without a network."""

from scripts.lock import DIGEST_LINE, LOCK, check, dependency_digest

CURRENT = f"{DIGEST_LINE}{dependency_digest()}\n"
PINNED = "click==8.5.1 \\\n    --hash=sha256:00aa\n"


def test_the_committed_lock_is_sound() -> None:
    assert check(LOCK.read_text("utf-8")) == []


def test_a_pinned_and_hashed_requirement_is_accepted() -> None:
    assert check(CURRENT + PINNED) == []


def test_a_lock_of_other_dependency_tables_is_stale() -> None:
    stale = f"{DIGEST_LINE}{'0' * 64}\n"
    assert check(stale + PINNED) == ["a dependency table has changed since; run `just lock`"]


def test_an_address_is_refused() -> None:
    with_address = CURRENT + "--index-url https://packages.example/simple\n"
    assert check(with_address)[0] == "names a host; it must work with any package index"


def test_a_requirement_without_version_or_hash_is_refused() -> None:
    assert check(CURRENT + "click==8.5.1\nrich>=15 --hash=sha256:00aa\n") == [
        "not pinned by version and hash: click==8.5.1",
        "not pinned by version and hash: rich>=15",
    ]
