"""Commands: what people and integrations ask for, decided.

Each returns an answer or raises `Refused` before it changed anything. A repeat of an answered request gets
the same answer. An etag that is given must be that of the entity as it is.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from dataclasses import replace

from vedette_server.access.token import Role, Token
from vedette_server.alarms import lifecycle as alarms
from vedette_server.alarms.alarm import Alarm
from vedette_server.cases import lifecycle as cases
from vedette_server.cases.case import Case, CaseState
from vedette_server.engine.caring import answered, put_alarm, put_case, resolved, start_clock
from vedette_server.engine.changes import Kind, TimerKind
from vedette_server.engine.draft import Done, Draft
from vedette_server.engine.inputs import (
    AcknowledgeAlarm,
    AcknowledgeCase,
    AnyCommand,
    AssignCase,
    CloseCase,
    CommentCase,
    CreateCase,
    CreateToken,
    ResolveCase,
    RevokeToken,
)
from vedette_server.engine.linking import release, retire
from vedette_server.engine.refusal import Refused, Status
from vedette_server.fleet.agent import Agent, AgentState
from vedette_server.fleet.session import Rejection, RejectReason

#: States in which silence means something.
MISSED = (AgentState.CONNECTED, AgentState.OVERDUE, AgentState.LOST)


def obey(draft: Draft, command: AnyCommand) -> Done:
    """Carry out one command.

    Raises:
        Refused: the command cannot be carried out; nothing has changed.
    """
    # With its length ahead of the name, no name and no request id can be taken for another pair.
    command_id = f"{len(command.by)}|{command.by}|{command.request_id}"
    known = draft.world.requests.get(command_id)
    if known is not None:
        return Done(kind=known.kind, id_=known.subject, sequence=known.sequence, entity=None, repeated=True)
    kind, id_, sequence = _carry_out(draft, command)
    entity = next(change.after for change in draft.changes if change.sequence == sequence)
    if entity is None:
        raise ValueError(f"the answer to {type(command).__name__} must be an entity, got none")
    return draft.answer(command_id, kind, id_, sequence, entity)


def _carry_out(draft: Draft, command: AnyCommand) -> tuple[Kind, str, int]:
    match command:
        case CreateCase():
            return create_case(draft, command)
        case AcknowledgeCase():
            return acknowledge_case(draft, command)
        case AssignCase():
            return assign_case(draft, command)
        case CommentCase():
            return comment_case(draft, command)
        case ResolveCase():
            return resolve_case(draft, command)
        case CloseCase():
            return close_case(draft, command)
        case AcknowledgeAlarm():
            return acknowledge_alarm(draft, command)
        case CreateToken():
            return create_token(draft, command)
        case RevokeToken():
            return revoke_token(draft, command)


def create_case(draft: Draft, command: CreateCase) -> tuple[Kind, str, int]:
    """Open a case by hand, with the clock of the customer's plan."""
    policy = draft.world.policy
    _check_customer(draft, command.customer, command.installation)
    contract = policy.contract_for(command.customer, draft.wall)
    plan = policy.plan(contract.plan) if contract else None
    reason = f"reported to {command.by}"
    terms = f"plan {plan.id} of contract {contract.id}" if plan and contract else "no contract is in force"
    case = Case(
        id=draft.next_id("C"),
        title=command.title,
        customer=command.customer,
        installation=command.installation,
        node="",
        priority=command.priority,
        clock=start_clock(draft, command.customer, plan, command.priority),
        plan=plan.id if plan else "",
        plan_version=plan.version if plan else "",
        reasons=(reason, terms),
        description=command.description,
        created_at=draft.wall,
        created_by=command.by,
        updated_at=draft.wall,
    )
    sequence = put_case(draft, case, cases.Reason.OPENED, actor=command.by, text=command.title)
    return Kind.CASE, case.id, sequence


def _check_customer(draft: Draft, customer: str, installation: str) -> None:
    policy = draft.world.policy
    if policy.customer(customer) is None:
        message = f'customer "{customer}" is not in the policy'
        raise Refused(Status.NOT_FOUND, "CUSTOMER_NOT_FOUND", message, customer=customer)
    if installation and policy.installation(customer, installation) is None:
        message = f'installation "{installation}" of customer "{customer}" is not in the policy'
        raise Refused(
            Status.NOT_FOUND, "INSTALLATION_NOT_FOUND", message, customer=customer, installation=installation
        )


def acknowledge_case(draft: Draft, command: AcknowledgeCase) -> tuple[Kind, str, int]:
    """Take a case: its response clock stops, its open alarms are acknowledged."""
    case = _open_case(draft, command.id, command.etag, "acknowledge it")
    if case.state is not CaseState.NEW:
        message = f"case {case.id} was already acknowledged by {case.acknowledged_by}"
        raise _refused(
            "CASE_ALREADY_ACKNOWLEDGED", message, case=case.id, acknowledged_by=case.acknowledged_by
        )
    return Kind.CASE, case.id, _acknowledge(draft, case, command.by, command.note)


def _acknowledge(draft: Draft, case: Case, by: str, note: str) -> int:
    """Acknowledge a new case and its open alarms; return the place of the case's change in the journal."""
    for id_ in case.alarms:
        alarm = draft.world.alarms.get(id_)
        if alarm is not None and not alarm.acknowledged:
            after, reason = alarms.acknowledge(alarm, by=by, now=draft.wall)
            put_alarm(draft, after, reason, actor=by, text=note)
    draft.disarm(TimerKind.SELF_RESOLVE, case.id)
    after_case, case_reason = cases.acknowledge(case, by=by, clock=answered(draft, case), now=draft.wall)
    return put_case(draft, after_case, case_reason, actor=by, text=note)


def assign_case(draft: Draft, command: AssignCase) -> tuple[Kind, str, int]:
    """Give a case an owner, or none. No answer to the customer: the clock goes on."""
    case = _open_case(draft, command.id, command.etag, "assign it")
    after, _reason = cases.assign(case, owner=command.owner, now=draft.wall)
    text = f"owner {command.owner}" if command.owner else "no owner"
    return Kind.CASE, case.id, put_case(draft, after, cases.Reason.ASSIGNED, actor=command.by, text=text)


def comment_case(draft: Draft, command: CommentCase) -> tuple[Kind, str, int]:
    """Add a comment to a case in any state."""
    case = _case(draft, command.id, command.etag)
    after = replace(case, updated_at=draft.wall)
    sequence = put_case(draft, after, cases.Reason.COMMENTED, actor=command.by, text=command.text)
    return Kind.CASE, case.id, sequence


def resolve_case(draft: Draft, command: ResolveCase) -> tuple[Kind, str, int]:
    """Resolve a case: a human answer, so a running clock stops with it."""
    case = _open_case(draft, command.id, command.etag, "resolve it again")
    after, reason = cases.resolve(
        case,
        resolution=command.resolution,
        clock=answered(draft, case),
        by_itself=False,
        now=draft.wall,
    )
    sequence = put_case(draft, after, reason, actor=command.by, text=command.resolution)
    resolved(draft, after)
    return Kind.CASE, case.id, sequence


def close_case(draft: Draft, command: CloseCase) -> tuple[Kind, str, int]:
    """Close a resolved case for good."""
    case = _case(draft, command.id, command.etag)
    if case.state is not CaseState.RESOLVED:
        message = f"case {case.id} is {case.state}; only a resolved case can be closed"
        raise _refused("CASE_NOT_RESOLVED", message, case=case.id, state=case.state)
    draft.disarm(TimerKind.CLOSE, case.id)
    after, reason = cases.close(case, now=draft.wall)
    return Kind.CASE, case.id, put_case(draft, after, reason, actor=command.by)


def acknowledge_alarm(draft: Draft, command: AcknowledgeAlarm) -> tuple[Kind, str, int]:
    """Acknowledge an alarm and, where nobody has answered it yet, its case."""
    alarm = _alarm(draft, command.id, command.etag)
    if not alarm.open:
        message = f"alarm {alarm.id} is over"
        raise _refused("ALARM_NOT_OPEN", message, alarm=alarm.id)
    if alarm.acknowledged:
        message = f"alarm {alarm.id} was already acknowledged by {alarm.acknowledged_by}"
        raise _refused(
            "ALARM_ALREADY_ACKNOWLEDGED", message, alarm=alarm.id, acknowledged_by=alarm.acknowledged_by
        )
    after, reason = alarms.acknowledge(alarm, by=command.by, now=draft.wall)
    sequence = put_alarm(draft, after, reason, actor=command.by, text=command.note)
    case = draft.world.cases.get(alarm.case_id)
    if case is not None and case.state is CaseState.NEW:
        _acknowledge(draft, case, command.by, command.note)
    return Kind.ALARM, alarm.id, sequence


def create_token(draft: Draft, command: CreateToken) -> tuple[Kind, str, int]:
    """Enter a new credential; for an agent, enrol its node or end its quarantine."""
    if command.role is Role.AGENT:
        _enrol(draft, command)
    token = Token(
        id=draft.next_id("T"),
        role=command.role,
        name=command.name,
        secret_hash=command.secret_hash,
        created_at=draft.wall,
    )
    text = f"{token.role} {token.name}"
    sequence = draft.put(Kind.TOKEN, token.id, token, "TOKEN_CREATED", actor=command.by, text=text)
    return Kind.TOKEN, token.id, sequence


def _enrol(draft: Draft, command: CreateToken) -> None:
    customer, installation, node = command.name.split("/")
    _check_customer(draft, customer, installation)
    watcher = draft.world.watchers.get(command.name)
    if watcher is None:
        agent = Agent(
            id=command.name,
            customer=customer,
            installation=installation,
            node=node,
            state_since=draft.wall,
        )
        draft.put(Kind.AGENT, agent.id, agent, "AGENT_ENROLLED", actor=command.by)
    elif watcher.agent.state is AgentState.QUARANTINED:
        for token in tuple(draft.world.tokens.values()):
            if (token.role, token.name) == (Role.AGENT, command.name) and token.revoked_at is None:
                _revoke(draft, token, command.by)
        agent = replace(
            watcher.agent, state=AgentState.NEVER_SEEN, state_since=draft.wall, boot_id="", start_id=""
        )
        watcher.former_start = ""
        draft.put(Kind.AGENT, agent.id, agent, "AGENT_RELEASED", actor=command.by)
        release(draft, agent)


def revoke_token(draft: Draft, command: RevokeToken) -> tuple[Kind, str, int]:
    """Make a credential worthless, and end the stream that was opened with it."""
    token = draft.world.tokens.get(command.id)
    if token is None:
        message = f"token {command.id} does not exist"
        raise Refused(Status.NOT_FOUND, "TOKEN_NOT_FOUND", message, token=command.id)
    return Kind.TOKEN, token.id, _revoke(draft, token, command.by)


def _revoke(draft: Draft, token: Token, by: str) -> int:
    watcher = draft.world.watchers.get(token.name) if token.role is Role.AGENT else None
    if watcher is not None and watcher.stream and watcher.token == token.id:
        message = f"the credential of {token.name} was revoked"
        draft.replies.append((watcher.stream, Rejection(reason=RejectReason.REVOKED, message=message)))
        watcher.stream = 0
    after = replace(token, revoked_at=token.revoked_at or draft.wall)
    sequence = draft.put(Kind.TOKEN, token.id, after, "TOKEN_REVOKED", actor=by, text=token.name)
    if watcher is not None and watcher.agent.state in MISSED and not _has_credential(draft, token.name):
        retire(draft, watcher)
    return sequence


def _has_credential(draft: Draft, agent: str) -> bool:
    """Return whether an agent has any credential that is good."""
    return any(
        (token.role, token.name) == (Role.AGENT, agent) and token.revoked_at is None
        for token in draft.world.tokens.values()
    )


def _case(draft: Draft, id_: str, etag: str) -> Case:
    case = draft.world.cases.get(id_) or draft.recalled_cases.get(id_)
    if case is None:
        raise Refused(Status.NOT_FOUND, "CASE_NOT_FOUND", f"case {id_} does not exist", case=id_)
    if etag and etag != str(case.revision):
        message = f"case {id_} has changed: you saw version {etag}, it is at {case.revision}; look again"
        raise Refused(
            Status.ABORTED,
            "CASE_ETAG_MISMATCH",
            message,
            case=id_,
            state=case.state,
            owner=case.owner,
            etag=str(case.revision),
        )
    return case


def _open_case(draft: Draft, id_: str, etag: str, what: str) -> Case:
    case = _case(draft, id_, etag)
    if not case.open:
        message = f"case {id_} is already {case.state}; it cannot be changed to {what}"
        raise _refused("CASE_NOT_OPEN", message, case=id_, state=case.state)
    return case


def _alarm(draft: Draft, id_: str, etag: str) -> Alarm:
    alarm = draft.world.alarms.get(id_) or draft.recalled_alarms.get(id_)
    if alarm is None:
        raise Refused(Status.NOT_FOUND, "ALARM_NOT_FOUND", f"alarm {id_} does not exist", alarm=id_)
    if etag and etag != str(alarm.revision):
        message = f"alarm {id_} has changed: you saw version {etag}, it is at {alarm.revision}; look again"
        raise Refused(Status.ABORTED, "ALARM_ETAG_MISMATCH", message, alarm=id_, etag=str(alarm.revision))
    return alarm


def _refused(reason: str, message: str, **metadata: str) -> Refused:
    return Refused(Status.FAILED_PRECONDITION, reason, message, **metadata)
