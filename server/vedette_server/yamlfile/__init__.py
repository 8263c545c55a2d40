"""YAML files read with line numbers: all mistakes at once, each as `file:line: key: what, got value`.

The one idea: a reader *always* returns a value of its type. When the text is wrong it notes a problem and
returns a placeholder, so that reading goes on and the author sees all mistakes in one run. Therefore nothing
that was read may be used before `Problems.raise_if_any()` has passed.

    problems = Problems(CatalogError)                  # a subclass of YamlError
    tree = load(path, problems)                        # raises at once when the file is no YAML mapping
    for key, value in tree.mapping("rules").entries(): # a mapping whose keys are ids, in file order
        code = key.text(shape=SLUG)
        rule = value.mapping()
        title = rule.text("title")                     # required: its absence is a problem
        note = rule.text("note", default=None)         # optional: str | None
        hold = rule.duration("raise_after", default=timedelta(0), maximum=timedelta(hours=24))
        priority = rule.enum("priority", Priority)     # by value (StrEnum) or by name (IntEnum)
        labels = rule.texts("labels", default=())      # tuple[str, ...]; also enums, days
        for level in rule.values("levels"):            # a list; each a Value with the same readers
            level.mapping().number("above", minimum=0.0)
        if code in seen:
            rule.problem("title", "is used twice")     # a check of your own, at that key's line
        rule.reject_unknown()                          # after all reads: every key not asked for is a problem
    tree.reject_unknown()
    problems.raise_if_any()                            # raises CatalogError(problems) or returns

Scalars are taken as they are written: `NO`, `12:30`, `2020.10` and `2026-01-01` are text unless a reader asks
for more, so YAML 1.1's surprises do not exist here. An empty value counts as absent. Duplicate keys are
problems, anchors and aliases work, merge keys (`<<`) do not.

This package knows no schema; the schema is the calls that a loader makes.
"""

from __future__ import annotations

from vedette_server.yamlfile.durations import format_duration, parse_duration
from vedette_server.yamlfile.problems import Problem, Problems, YamlError, did_you_mean
from vedette_server.yamlfile.reading import load, loads
from vedette_server.yamlfile.values import (
    FIRST_DAY,
    LAST_DAY,
    REQUIRED,
    SLUG,
    Mapping,
    Required,
    Shape,
    Value,
)

__all__ = [
    "FIRST_DAY",
    "LAST_DAY",
    "REQUIRED",
    "SLUG",
    "Mapping",
    "Problem",
    "Problems",
    "Required",
    "Shape",
    "Value",
    "YamlError",
    "did_you_mean",
    "format_duration",
    "load",
    "loads",
    "parse_duration",
]
