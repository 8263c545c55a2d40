"""Linking: streams that open and close, agents that fall silent, leave and come back.

Ties the pure rules of `fleet/` to the world and to the alarms about the connection itself.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Container
from dataclasses import replace

from vedette_server.alarms.alarm import Evidence
from vedette_server.alarms.key import alarm_key
from vedette_server.detect.board import Board
from vedette_server.detect.catalog import ConnectionRule, IdentityRule
from vedette_server.engine.caring import Finding, clear_alarm, raise_alarm
from vedette_server.engine.changes import Kind
from vedette_server.engine.draft import Draft
from vedette_server.engine.inputs import FactsChanged, GoodbyeReceived, StreamClosed, StreamOpened
from vedette_server.engine.world import Watcher, micros, remember_outbox
from vedette_server.fleet.agent import Agent, AgentState
from vedette_server.fleet.session import (
    Greeting,
    Known,
    Rejection,
    RejectReason,
    Welcome,
    judge_hello,
    return_cause,
    span_text,
)

#: Characters of an agent's own account of a broken link that enter the timeline.
LINK_ERROR_SHOWN = 100


def open_stream(draft: Draft, hello: StreamOpened) -> None:
    """Take a hello, or reject it; a stream that was open before is superseded."""
    watcher = draft.world.watchers.get(hello.agent)
    token = draft.world.tokens.get(hello.token)
    if watcher is None or token is None or token.revoked_at is not None:
        message = f"the credential of {hello.agent} was revoked"
        draft.replies.append((hello.stream, Rejection(reason=RejectReason.REVOKED, message=message)))
        return
    watermark, _hash = _stored(watcher, hello.outbox_id)
    known = Known(agent=watcher.agent, former_start=watcher.former_start, watermark=watermark)
    greeting = Greeting(
        claimed_agent=hello.claimed_agent,
        start_id=hello.start_id,
        outbox_id=hello.outbox_id,
        next_seq=hello.next_seq,
        oldest_seq=hello.oldest_seq,
    )
    rejection = judge_hello(known, greeting)
    if rejection is not None:
        _reject(draft, watcher, hello.stream, rejection)
        return
    if watcher.stream:
        message = "a newer stream of this agent took over"
        draft.replies.append((watcher.stream, Rejection(reason=RejectReason.SUPERSEDED, message=message)))
    _take(draft, watcher, hello)


def _stored(watcher: Watcher, outbox_id: str) -> tuple[int, int]:
    """Return watermark and fact hash of an outbox, also of one that comes back; zeros for a new one."""
    if outbox_id == watcher.outbox_id:
        return watcher.watermark, watcher.fact_hash
    return watcher.outboxes.get(outbox_id, (0, 0))


def _reject(draft: Draft, watcher: Watcher, stream: int, rejection: Rejection) -> None:
    draft.replies.append((stream, rejection))
    if rejection.reason is RejectReason.IDENTITY_CONFLICT:
        if watcher.agent.state is not AgentState.QUARANTINED:
            _quarantine(draft, watcher, rejection)
    elif rejection.reason is RejectReason.IDENTITY_MISMATCH:
        draft.put(
            Kind.AGENT, watcher.agent.id, watcher.agent, "AGENT_IDENTITY_MISMATCH", text=rejection.message
        )


def _quarantine(draft: Draft, watcher: Watcher, rejection: Rejection) -> None:
    """Trust neither of two machines that speak with one credential, until an operator made a new one."""
    if watcher.stream:
        draft.replies.append((watcher.stream, rejection))
        watcher.stream = 0
    agent = replace(
        watcher.agent,
        state=AgentState.QUARANTINED,
        state_since=draft.wall,
        disconnect_cause="identity conflict",
    )
    draft.put(Kind.AGENT, agent.id, agent, "AGENT_QUARANTINED", text=rejection.message)
    for rule in draft.world.catalog.identities:
        _raise(draft, rule, watcher.agent, rejection.message)


def _take(draft: Draft, watcher: Watcher, hello: StreamOpened) -> None:
    before = watcher.agent
    cause = return_cause(before, hello.boot_id, hello.start_id, hello.previous_stop)
    away = span_text(draft.wall - watcher.last_seen)
    if hello.outbox_id != watcher.outbox_id:
        _change_outbox(watcher, hello.outbox_id)
    if before.start_id not in ("", hello.start_id):
        watcher.former_start = before.start_id
    watcher.stream, watcher.token = hello.stream, hello.token
    missing = _missing(draft, watcher, hello)
    agent = replace(
        watcher.agent,
        state=AgentState.CONNECTED,
        state_since=draft.wall,
        boot_id=hello.boot_id,
        start_id=hello.start_id,
        outbox_id=hello.outbox_id,
        agent_version=hello.agent_version,
        product_version=hello.product_version,
        host_name=hello.host_name,
        platform=hello.platform,
        ha_role=hello.ha_role,
        clock_offset_us=draft.wall_us - micros(hello.agent_time),
        connect_count=before.connect_count + 1,
        expected_back=None,
        disconnect_cause=cause if before.connect_count else "",
    )
    outcome = "nothing lost" if not missing else f"{missing} facts lost"
    story = f"{cause} {away}, {outcome}" if before.connect_count else "first contact"
    if hello.previous_link_error:
        # Enough to tell a refused connection from a broken one; the agent's own log has the rest.
        story = f"{story}; the agent saw: {hello.previous_link_error.partition(';')[0][:LINK_ERROR_SHOWN]}"
    touch(draft, watcher)
    draft.put(Kind.AGENT, agent.id, agent, "AGENT_CONNECTED", text=story)
    _clear_connection(draft, watcher.agent, f"{cause} {away}, {outcome}")
    draft.replies.append((hello.stream, Welcome(agent=agent.id, watermark=watcher.watermark)))


def _change_outbox(watcher: Watcher, outbox_id: str) -> None:
    """Go on with another outbox, a new one or one that comes back, and remember where this one stood."""
    watermark, fact_hash = _stored(watcher, outbox_id)
    watcher.outboxes.pop(outbox_id, None)
    if watcher.outbox_id:
        remember_outbox(watcher, watcher.outbox_id, watcher.watermark, watcher.fact_hash)
    watcher.outbox_id, watcher.watermark, watcher.fact_hash = outbox_id, watermark, fact_hash
    watcher.board = Board(watcher.agent.id)
    watcher.judged_us = 0


def _missing(draft: Draft, watcher: Watcher, hello: StreamOpened) -> int:
    """Move the watermark to what the outbox still holds; return how many facts this server once had and lost.

    What the agent was told is durable and is not here was lost by a server that was restored from a backup.
    What it was never told of, it dropped itself, and it tells of that in a gap of its own.
    """
    first = watcher.watermark + 1
    last = min(hello.acked_seq, hello.oldest_seq - 1)
    count = max(0, last - watcher.watermark)
    if count:
        text = "the agent was told that these facts are stored, and they are not stored here"
        draft.gap(watcher, reason="server_restored", first=first, last=last, count=count, text=text)
    watcher.watermark = max(watcher.watermark, hello.oldest_seq - 1)
    return count


def close_stream(draft: Draft, closed: StreamClosed) -> None:
    """Note that a stream ended. Silence, not the end of a stream, is what changes an agent's state."""
    watcher = draft.world.watchers.get(closed.agent)
    if watcher is not None and watcher.stream == closed.stream:
        watcher.stream = 0
        watcher.link_error = closed.cause


def touch(draft: Draft, watcher: Watcher) -> None:
    """Note that something arrived from an agent just now."""
    watcher.last_seen = draft.wall
    watcher.last_seen_mono = draft.mono
    draft.touched[watcher.agent.id] = watcher


def hear(draft: Draft, agent: str, stream: int) -> Watcher | None:
    """Return the agent a frame came from, noted as heard of; None when the stream is not its current one."""
    watcher = draft.world.watchers.get(agent)
    if watcher is None or watcher.stream != stream:
        return None
    if watcher.agent.state in (AgentState.OVERDUE, AgentState.LOST):
        cause = f"silent {span_text(draft.wall - watcher.last_seen)}, nothing lost"
        _set_state(draft, watcher, AgentState.CONNECTED, "AGENT_HEARD_AGAIN", cause)
        _clear_connection(draft, watcher.agent, cause)
    touch(draft, watcher)
    return watcher


def leave(draft: Draft, goodbye: GoodbyeReceived) -> None:
    """Note that an agent leaves on purpose.

    It is missed only if it said when it would be back, and is not.
    """
    watcher = hear(draft, goodbye.agent, goodbye.stream)
    if watcher is None:
        return
    watcher.stream = 0
    agent = replace(
        watcher.agent,
        state=AgentState.GOODBYE,
        state_since=draft.wall,
        expected_back=goodbye.expected_back,
        disconnect_cause=f"goodbye: {goodbye.reason}",
    )
    draft.put(Kind.AGENT, agent.id, agent, "AGENT_GOODBYE", text=agent.disconnect_cause)


def change_facts(draft: Draft, facts: FactsChanged) -> None:
    """Take what changed about a node since hello."""
    watcher = hear(draft, facts.agent, facts.stream)
    if watcher is None:
        return
    agent = watcher.agent
    if facts.product_version is not None:
        agent = replace(agent, product_version=facts.product_version)
    if facts.ha_role is not None:
        agent = replace(agent, ha_role=facts.ha_role)
    if agent != watcher.agent:
        draft.put(Kind.AGENT, agent.id, agent, "AGENT_FACTS_CHANGED")


def fall_silent(draft: Draft, heard: Container[str] = ()) -> bool:
    """Serve the first liveness deadline that has come; return whether there was one.

    Args:
        draft: the turn.
        heard: agents that have sent something that waits to be decided: they are not silent.
    """
    world = draft.world
    if not world.liveness_heap or world.liveness_heap[0][0] > draft.mono:
        return False
    entry, id_ = heapq.heappop(world.liveness_heap)
    watcher = world.watchers[id_]
    if watcher.scheduled != entry:
        return True  # An earlier entry took its place.
    watcher.scheduled = None
    if id_ in heard:
        watcher.last_seen_mono = draft.mono
    due = world.silence_due(watcher, draft.wall, draft.mono)
    if due is not None and due <= draft.mono:
        _miss(draft, watcher)
    world.schedule(watcher, draft.wall, draft.mono)
    return True


def _miss(draft: Draft, watcher: Watcher) -> None:
    if watcher.agent.state is AgentState.CONNECTED:
        cause = watcher.link_error or "no sign of life"
        _set_state(draft, watcher, AgentState.OVERDUE, "AGENT_OVERDUE", cause)
        if watcher.stream:
            silent = span_text(draft.wall - watcher.last_seen)
            rejection = Rejection(reason=RejectReason.SILENT, message=f"nothing arrived for {silent}")
            draft.replies.append((watcher.stream, rejection))
            watcher.stream = 0
        return
    _set_state(draft, watcher, AgentState.LOST, "AGENT_LOST", watcher.agent.disconnect_cause)
    silent = span_text(draft.wall - watcher.last_seen)
    for rule in draft.world.catalog.connections:
        _raise(draft, rule, watcher.agent, f"nothing arrived for {silent}")


def _set_state(draft: Draft, watcher: Watcher, state: AgentState, reason: str, cause: str) -> None:
    since = draft.wall if state is AgentState.CONNECTED else watcher.last_seen
    agent = replace(watcher.agent, state=state, state_since=since, disconnect_cause=cause)
    draft.put(Kind.AGENT, agent.id, agent, reason, text=cause)


def _raise(draft: Draft, rule: ConnectionRule | IdentityRule, agent: Agent, text: str) -> None:
    last_seen = draft.world.watchers[agent.id].last_seen
    finding = Finding(
        rule=rule,
        key=alarm_key(rule.code, agent.id, ()),
        agent=agent,
        component="",
        labels=(),
        title=rule.title.format_map({"agent": agent.id, "node": agent.node}),
        priority=rule.priority,
        evidence=Evidence(agent=agent.id, text=text, observed_at=last_seen),
        at=last_seen,
    )
    raise_alarm(draft, finding)


def _clear_connection(draft: Draft, agent: Agent, cause: str) -> None:
    for rule in draft.world.catalog.connections:
        clear_alarm(draft, alarm_key(rule.code, agent.id, ()), at=draft.wall, cause=cause)


def retire(draft: Draft, watcher: Watcher) -> None:
    """Expect nothing more of an agent whose last credential was revoked."""
    cause = "its credential was revoked"
    agent = replace(
        watcher.agent,
        state=AgentState.GOODBYE,
        state_since=draft.wall,
        expected_back=None,
        disconnect_cause=cause,
    )
    draft.put(Kind.AGENT, agent.id, agent, "AGENT_RETIRED", text=cause)
    _clear_connection(draft, agent, cause)


def release(draft: Draft, agent: Agent) -> None:
    """End a quarantine: an operator made a new credential."""
    for rule in draft.world.catalog.identities:
        clear_alarm(
            draft, alarm_key(rule.code, agent.id, ()), at=draft.wall, cause="a new credential was made"
        )
