"""A policy and a catalog for the stage: one customer a plan, the rules that ship."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.stage import TUESDAY, Stage
from vedette_server.contracts.policy import Policy
from vedette_server.contracts.priority import Priority
from vedette_server.detect.catalog import (
    Catalog,
    ConnectionRule,
    CrashRule,
    EventRule,
    IdentityRule,
    Level,
    RatioRule,
)
from vedette_server.policy import load_policy

POLICY = """
theaters:
  emea:
    title: Europe
    zone: Europe/Berlin
    calendars:
      business: {title: Business, week: {mon-fri: [09:00-18:00]}}
      extended: {title: Extended, week: {mon-sat: [07:00-22:00]}}
customers:
  acme:
    name: Acme
    theater: emea
    contracts: {K-1: {plan: platinum, starts: 2026-01-01, ends: 2026-12-31}}
    installations:
      hq:
        name: Headquarters
        product_version: 2026.Winter.1
        consent: true
        cloud_connected: true
        licensed_components: [ivr, voip-stack]
        nodes: {node-1: {}, node-2: {}}
  basil:
    name: Basil
    theater: emea
    contracts: {K-2: {plan: basic, starts: 2026-01-01, ends: 2026-12-31}}
    installations:
      hq:
        name: Headquarters
        product_version: 2026.Winter.1
        consent: true
        cloud_connected: true
        licensed_components: [ivr]
        nodes: {node-1: {}}
"""

CATALOG = Catalog(
    version="test",
    ratios=(
        RatioRule(
            code="database_space",
            alarm_class="disk saturation",
            title="Database {database} is {percent} full",
            usage="database.usage",
            limit="database.limit",
            levels=(Level(at=0.8, priority=Priority.P4), Level(at=0.9, priority=Priority.P3)),
            clear_below=0.75,
        ),
        RatioRule(
            code="channels_exhausted",
            alarm_class="capacity saturation",
            title="{component} has no channel left",
            usage="capacity.usage",
            limit="capacity.limit",
            levels=(Level(at=1.0, priority=Priority.P3),),
            clear_below=0.95,
            raise_after=timedelta(seconds=20),
            clear_after=timedelta(seconds=20),
        ),
    ),
    crashes=(
        CrashRule(
            code="voip_stack_crash",
            alarm_class="service degradation",
            title="The VoIP stack crashed",
            priority=Priority.P1,
            components=("voip-stack",),
            clear_after=timedelta(seconds=10),
        ),
        CrashRule(
            code="application_crash",
            alarm_class="service degradation",
            title="{component} crashed",
            priority=Priority.P1,
            except_components=("voip-stack",),
            licensed_only=True,
            clear_after=timedelta(seconds=10),
        ),
    ),
    events=(
        EventRule(
            code="unclassified_event",
            alarm_class="other",
            title="Unknown event {event}",
            priority=Priority.P4,
            quiet_for=timedelta(hours=1),
        ),
    ),
    connections=(
        ConnectionRule(
            code="cloud_connection_lost",
            alarm_class="cloud connection",
            title="{agent} stopped reaching us",
            priority=Priority.P1,
        ),
    ),
    identities=(
        IdentityRule(
            code="identity_conflict",
            alarm_class="other",
            title="Two machines claim to be {agent}",
            priority=Priority.P3,
        ),
    ),
    known_events=("component.exited", "component.started", "component.stop_planned", "product.info"),
)


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    path: Path = tmp_path_factory.mktemp("policy") / "customers.yaml"
    path.write_text(POLICY)
    return load_policy(path, now=TUESDAY)


@pytest.fixture
def stage(policy: Policy) -> Stage:
    return Stage(policy, CATALOG)
