#!/usr/bin/env bash
# Compares the protocol with the one that main last published: nothing an old agent or integration relies on
# may break. Before the first commit with a protocol, and outside a repository, there is nothing to compare.
set -euo pipefail
cd "$(dirname "$0")/.."

for base in origin/main main HEAD; do
    git rev-parse --quiet --verify "$base^{commit}" >/dev/null 2>&1 || continue
    [ -n "$(git ls-tree -r --name-only "$base" -- protos/vedette)" ] || continue
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    git archive "$base" protos | tar -x -C "$scratch"
    echo "buf breaking: protos against $base"
    buf breaking protos --against "$scratch/protos"
    exit
done
echo "buf breaking: no commit with a protocol yet"
