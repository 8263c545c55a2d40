"""Configuration: the policy and the catalog that the settings name, read together.

One idea: a reload takes both or neither, and whoever checks sees the mistakes of both at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vedette_server.catalog import load_catalog, shipped_catalog
from vedette_server.contracts.policy import Policy
from vedette_server.detect.catalog import Catalog
from vedette_server.policy import load_policy
from vedette_server.yamlfile import YamlError

if TYPE_CHECKING:
    from datetime import datetime

    from vedette_server.settings import Settings
    from vedette_server.yamlfile import Problem


class ConfigurationError(YamlError):
    """Policy or catalog hold mistakes; `problems` lists every one of both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What decides: customers, contracts and calendars, and the rules."""

    policy: Policy
    catalog: Catalog


def load_configuration(settings: Settings, *, now: datetime) -> Configuration:
    """Read policy and catalog.

    Args:
        settings: name the files.
        now: aware UTC; calendars are compiled for the years around it.

    Raises:
        ConfigurationError: with every mistake of both files.
    """
    problems: list[Problem] = []
    policy: Policy | None = None
    catalog: Catalog | None = None
    try:
        policy = load_policy(settings.policy, now=now)
    except YamlError as error:
        problems.extend(error.problems)
    try:
        catalog = shipped_catalog() if settings.catalog is None else load_catalog(settings.catalog)
    except YamlError as error:
        problems.extend(error.problems)
    if policy is None or catalog is None:
        raise ConfigurationError(tuple(problems))
    return Configuration(policy=policy, catalog=catalog)
