"""One entity of each kind with every field set, and turns made of changes: what the store's tests write."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from vedette_server.access.token import Role, Token
from vedette_server.alarms.alarm import Alarm, Condition, Evidence
from vedette_server.calendars.intervals import CalendarVersion
from vedette_server.cases.case import Case, CaseState
from vedette_server.cases.sla import ClockState, SlaClock
from vedette_server.contracts.contract import Contract
from vedette_server.contracts.customer import Customer, HaRole, Installation, Node, Theater
from vedette_server.contracts.plan import CountsIn, Plan, ResponseTarget, SelfClear, Service
from vedette_server.contracts.policy import Policy
from vedette_server.contracts.priority import Priority
from vedette_server.detect import catalog as rules
from vedette_server.detect.rule_state import Phase, RuleState
from vedette_server.engine.changes import (
    BatchRow,
    Change,
    Counter,
    Entity,
    EventRow,
    Gap,
    Kind,
    Request,
    Timer,
    TimerKind,
    TurnRecord,
    Versions,
)
from vedette_server.fleet.agent import Agent, AgentState
from vedette_server.store.position import Position
from vedette_server.telemetry.series import Series, SeriesKind, SeriesPage

NOW = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
NOW_US = 1_772_443_800_123_456
AGENT_ID = "acme/berlin/pbx-1"
VERSIONS = Versions(engine="0.1.0", catalog="c0ffee", policy="beef")

SERIES = (
    Series(number=0, name="system.cpu.utilization", unit="1"),
    Series(
        number=1,
        name="system.disk.io",
        unit="By",
        labels=(("device", "sda"), ("direction", "read")),
        kind=SeriesKind.COUNTER,
    ),
)
CALENDAR = CalendarVersion(
    id="emea/business",
    version="0123456789abcdef",
    title="Business hours",
    always=False,
    starts=(1_772_434_800_000_000, 1_772_521_200_000_000),
    ends=(1_772_467_200_000_000, 1_772_553_600_000_000),
    covers_from=datetime(2026, 1, 1, tzinfo=UTC),
    covers_to=datetime(2027, 1, 1, tzinfo=UTC),
)
CLOCK = SlaClock(
    target=timedelta(minutes=60),
    calendar_id="emea/business",
    calendar_version="0123456789abcdef",
    priority=Priority.P1,
    state=ClockState.RUNNING,
    spent=timedelta(minutes=4, seconds=30, microseconds=1),
    running_since=NOW,
    started_at=NOW - timedelta(hours=1),
    due_at=NOW + timedelta(minutes=55),
)
AGENT = Agent(
    id=AGENT_ID,
    customer="acme",
    installation="berlin",
    node="pbx-1",
    state=AgentState.CONNECTED,
    state_since=NOW,
    boot_id="b1",
    start_id="s1",
    outbox_id="o1",
    agent_version="0.1.0",
    product_version="2020.Winter.1",
    host_name="pbx-1.acme.example",
    platform="Linux 6.1",
    ha_role="active",
    clock_offset_us=-1500,
    connect_count=3,
    missing_facts=12,
    expected_back=NOW + timedelta(minutes=10),
    disconnect_cause="reset by peer",
    revision=4,
)
ALARM = Alarm(
    id="A-1",
    key="disk_space|acme/berlin/pbx-1|mountpoint=/data",
    code="disk_space",
    alarm_class="disk saturation",
    title="Disk /data is 86 % full",
    priority=Priority.P4,
    condition=Condition.ACTIVE,
    customer="acme",
    installation="berlin",
    node="pbx-1",
    component="",
    labels=(("mountpoint", "/data"),),
    evidence=Evidence(
        agent=AGENT_ID,
        text="86 % of 10 GiB",
        observed_at=NOW,
        series="system.filesystem.usage",
        limit_series="system.filesystem.limit",
        labels=(("mountpoint", "/data"),),
        value=0.86,
        threshold=0.85,
    ),
    raised_at=NOW,
    case_id="C-1",
    entitled=True,
    reasons=("plan gold is proactive",),
)
CASE = Case(
    id="C-1",
    title="Disk /data is 86 % full",
    customer="acme",
    installation="berlin",
    node="pbx-1",
    priority=Priority.P1,
    state=CaseState.ACKNOWLEDGED,
    owner="ann",
    clock=CLOCK,
    alarms=("A-1",),
    active_alarms=("A-1",),
    alarm_code="disk_space",
    occurrences=1,
    reopened=2,
    plan="gold",
    plan_version="fedcba9876543210",
    reasons=("plan gold is proactive",),
    description="",
    created_at=NOW,
    created_by="vedette",
    updated_at=NOW,
    acknowledged_at=NOW,
    acknowledged_by="ann",
    revision=3,
)
CATALOG = rules.Catalog(
    version="c0ffee",
    ratios=(
        rules.RatioRule(
            code="disk_space",
            alarm_class="disk saturation",
            title="Disk {mountpoint} is {percent} full",
            usage="system.filesystem.usage",
            limit="system.filesystem.limit",
            where=(rules.LabelMatch(name="mountpoint", values=("/boot",), negated=True),),
            levels=(rules.Level(at=0.85, priority=Priority.P4), rules.Level(at=0.95, priority=Priority.P3)),
            clear_below=0.8,
            raise_after=timedelta(seconds=30),
            clear_after=timedelta(minutes=5),
            runbook="Look for what grew.",
        ),
    ),
    crashes=(
        rules.CrashRule(
            code="voip_stack_crash",
            alarm_class="service degradation",
            title="{component} crashed",
            priority=Priority.P1,
            components=("voip-stack",),
            clear_after=timedelta(seconds=10),
        ),
    ),
    events=(
        rules.EventRule(
            code="unclassified_event",
            alarm_class="unclassified",
            title="Unknown event",
            priority=Priority.P4,
            quiet_for=timedelta(hours=1),
        ),
    ),
    connections=(
        rules.ConnectionRule(
            code="cloud_connection_lost",
            alarm_class="cloud connection",
            title="Connection lost",
            priority=Priority.P1,
        ),
    ),
    identities=(
        rules.IdentityRule(
            code="identity_conflict",
            alarm_class="cloud connection",
            title="Two machines, one credential",
            priority=Priority.P3,
        ),
    ),
    known_events=("component.started",),
)
POLICY = Policy(
    version="beef",
    theaters=(
        Theater(id="emea", title="EMEA", zone="Europe/Berlin", calendars=("emea/always", "emea/business")),
    ),
    plans=(
        Plan(
            id="gold",
            title="Gold",
            version="fedcba9876543210",
            coverage="business",
            response=(
                ResponseTarget(
                    priority=Priority.P1, target=timedelta(minutes=60), counts_in=CountsIn.COVERAGE
                ),
            ),
            proactive=True,
            customer_notices=True,
            crm_case=False,
            page_priorities=(Priority.P1, Priority.P2),
            minimum_release="2020.Winter.1",
            on_self_clear=(
                SelfClear(priority=Priority.P4, stops_clock=True, resolve_after=timedelta(minutes=30)),
            ),
            services=(Service(id="expert", title="Support expert", start_date=date(2020, 4, 1)),),
        ),
    ),
    customers=(
        Customer(
            id="acme",
            name="Acme",
            theater="emea",
            contact_email="ops@acme.example",
            contact_phone=None,
            language="de",
        ),
    ),
    contracts=(
        Contract(
            id="K-1",
            customer="acme",
            plan="gold",
            starts=date(2026, 1, 1),
            ends=date(2026, 12, 31),
            starts_at=datetime(2025, 12, 31, 23, tzinfo=UTC),
            ends_at=datetime(2026, 12, 31, 23, tzinfo=UTC),
        ),
    ),
    installations=(
        Installation(
            id="berlin",
            customer="acme",
            name="Berlin",
            product_version="2020.Winter.1",
            cloud_connected=True,
            consent=True,
            licensed_components=("voip-stack",),
            nodes=(Node(id="pbx-1", ha_role=HaRole.ACTIVE),),
        ),
    ),
    calendars=(CALENDAR,),
)
RULE_STATE = RuleState(
    key=ALARM.key,
    code="disk_space",
    agent=AGENT_ID,
    labels=(("mountpoint", "/data"),),
    phase=Phase.CLEARING,
    level=1,
    level_since=(NOW, None),
    clearing_since=NOW,
    raises=2,
)
GAP = Gap(
    id="G-1",
    agent=AGENT_ID,
    outbox_id="o1",
    reason="outbox_overflow",
    first_seq=7,
    last_seq=9,
    count=3,
    recorded_at=NOW,
    text="the outbox was full",
)
TIMER = Timer(kind=TimerKind.RESPONSE_DUE, subject="C-1", due=NOW + timedelta(minutes=55))
TOKEN = Token(id="T-1", role=Role.RESPONDER, name="ann", secret_hash="ab" * 32, created_at=NOW)
REQUEST = Request(id="ann|r-1", at=NOW, kind=Kind.CASE, subject="C-1", sequence=3)
COUNTER = Counter(id="A", value=1)
SERIES_PAGE = SeriesPage(agent=AGENT_ID, outbox_id="o1", series=SERIES)

#: Kind, id and entity, one of each kind.
ENTITIES: tuple[tuple[Kind, str, Entity], ...] = (
    (Kind.POLICY, "policy", POLICY),
    (Kind.CATALOG, "catalog", CATALOG),
    (Kind.CALENDAR, "emea/business@0123456789abcdef", CALENDAR),
    (Kind.AGENT, AGENT_ID, AGENT),
    (Kind.SERIES, f"{AGENT_ID}|o1|0", SERIES_PAGE),
    (Kind.RULE_STATE, RULE_STATE.key, RULE_STATE),
    (Kind.ALARM, "A-1", ALARM),
    (Kind.CASE, "C-1", CASE),
    (Kind.TIMER, TIMER.id, TIMER),
    (Kind.TOKEN, "T-1", TOKEN),
    (Kind.COUNTER, "A", COUNTER),
    (Kind.GAP, "G-1", GAP),
    (Kind.REQUEST, "ann|r-1", REQUEST),
)


def turn(
    position: Position,
    changed: Iterable[tuple[Kind, str, Entity | None]] = (),
    *,
    epoch: int | None = None,
    batches: Sequence[BatchRow] = (),
    events: Sequence[EventRow] = (),
    links: Sequence[tuple[str, str, int, int, int]] = (),
    inputs: bytes = b"",
) -> TurnRecord:
    """Return the turn behind `position` that makes these changes, in the epoch of `position` unless given."""
    return TurnRecord(
        partition=position.partition,
        epoch=position.epoch if epoch is None else epoch,
        turn=position.turn + 1,
        wall=NOW + timedelta(seconds=position.turn),
        mono=1000.0 + position.turn,
        versions=VERSIONS,
        inputs=inputs,
        changes=[
            Change(
                sequence=sequence,
                kind=kind,
                id=id_,
                after=after,
                reason="CASE_COMMENTED",
                actor="ann",
                text=f"words about {id_}",
            )
            for sequence, (kind, id_, after) in enumerate(changed, position.sequence + 1)
        ],
        batches=list(batches),
        events=list(events),
        links=list(links),
    )


def batches(count: int, *, agents: Sequence[str] = (AGENT_ID,), raw: bytes = b"frame") -> list[BatchRow]:
    """Return batches of agents in turn, one a second from NOW on."""
    return [
        BatchRow(
            agent=agents[index % len(agents)],
            outbox_id="o1",
            seq=index + 1,
            observed_us=NOW_US + index * 1_000_000,
            raw=raw,
        )
        for index in range(count)
    ]


def event(seq: int, position: int = 0, *, code: str = "component.exited") -> EventRow:
    """Return an event of AGENT_ID, `seq` seconds after NOW."""
    return EventRow(
        agent=AGENT_ID,
        outbox_id="o1",
        seq=seq,
        position=position,
        time_us=NOW_US + seq * 1_000_000,
        code=code,
        severity=3,
        component="voip-stack",
        message="killed by signal 9",
        attributes=(("pid", "4711"),),
    )
