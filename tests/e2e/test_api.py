"""The API as two people and an integration use it at once: over real connections, on a real server."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from grpc import aio

from tests.e2e.raw_agent import now_us
from tests.e2e.stage import AGENT, Stage, reasons
from tests.server.api.callers import Client, Refusal, Watcher, refusal_of
from vedette.support.v1 import (
    admin_pb2,
    alarm_pb2,
    case_pb2,
    common_pb2,
    fleet_pb2,
    watch_pb2,
    watch_pb2_grpc,
)

P1, P2, P3 = common_pb2.PRIORITY_P1, common_pb2.PRIORITY_P2, common_pb2.PRIORITY_P3
NEW, ACKNOWLEDGED = case_pb2.Case.STATE_NEW, case_pb2.Case.STATE_ACKNOWLEDGED
RESOLVED, CLOSED = case_pb2.Case.STATE_RESOLVED, case_pb2.Case.STATE_CLOSED


async def opened(who: Client, request_id: str, **fields: object) -> case_pb2.Case:
    given = {"customer": "acme", "installation": "hq", "priority": P2, "title": "no dial tone", **fields}
    request = case_pb2.CreateCaseRequest(request_id=request_id, **given)  # type: ignore[arg-type]
    return (await who.ask(who.cases.CreateCase, request)).case


async def got(who: Client, id_: str) -> case_pb2.Case:
    return (await who.ask(who.cases.GetCase, case_pb2.GetCaseRequest(id=id_))).case


async def test_a_case_goes_from_hand_to_hand_until_it_is_closed_and_its_timeline_tells_it(
    stage: Stage,
) -> None:
    server = await stage.server(calm=True)
    ann, bob = await stage.person(server, "ann"), await stage.person(server, "bob")
    case = await opened(ann, "1", description="the customer called")
    assert (case.state, case.owner, case.response_clock.calendar) == (NEW, "", "emea/business")
    assigned = (
        await ann.ask(
            ann.cases.AssignCase, case_pb2.AssignCaseRequest(id=case.id, request_id="2", owner="bob")
        )
    ).case
    # To be named is no answer: the customer still waits.
    assert (assigned.owner, assigned.response_clock.state) == ("bob", case_pb2.SlaClock.STATE_RUNNING)
    taken = (
        await bob.ask(
            bob.cases.AcknowledgeCase,
            case_pb2.AcknowledgeCaseRequest(id=case.id, request_id="1", note="on it"),
        )
    ).case
    assert (taken.state, taken.response_clock.state) == (ACKNOWLEDGED, case_pb2.SlaClock.STATE_MET)
    comment = case_pb2.CommentCaseRequest(id=case.id, request_id="2", text="a fuse \u26a1 blew")
    await bob.ask(bob.cases.CommentCase, comment)
    resolve = case_pb2.ResolveCaseRequest(id=case.id, request_id="3", resolution="new fuse")
    resolved = (await bob.ask(bob.cases.ResolveCase, resolve)).case
    assert (resolved.state, resolved.resolution) == (RESOLVED, "new fuse")
    closed = await bob.ask(bob.cases.CloseCase, case_pb2.CloseCaseRequest(id=case.id, request_id="4"))
    assert closed.case.state == CLOSED

    late = case_pb2.AcknowledgeCaseRequest(id=case.id, request_id="5")
    refused = await bob.refusal(bob.cases.AcknowledgeCase, late)
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "CASE_NOT_OPEN")
    timeline = await ann.ask(ann.cases.ListCaseTimeline, case_pb2.ListCaseTimelineRequest(id=case.id))
    assert [(entry.reason, entry.actor, entry.text) for entry in timeline.entries] == [
        ("CASE_OPENED", "ann", "no dial tone"),
        ("CASE_ASSIGNED", "ann", "owner bob"),
        ("CASE_ACKNOWLEDGED", "bob", "on it"),
        ("CASE_COMMENTED", "bob", "a fuse \u26a1 blew"),
        ("CASE_RESOLVED", "bob", "new fuse"),
        ("CASE_CLOSED", "bob", ""),
    ]
    assert all(first.sequence < second.sequence for first, second in pairwise(timeline.entries))


async def test_of_two_people_who_act_on_what_they_saw_one_wins_and_the_other_is_told(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann, bob = await stage.person(server, "ann"), await stage.person(server, "bob")
    for round_ in range(10):
        case = await opened(ann, f"open {round_}")

        def take(who: Client, case: case_pb2.Case = case) -> object:
            request = case_pb2.AcknowledgeCaseRequest(
                id=case.id, request_id=f"take {case.id}", etag=case.etag
            )
            return who.ask(who.cases.AcknowledgeCase, request)

        answers = await asyncio.gather(take(ann), take(bob), return_exceptions=True)  # type: ignore[call-overload]
        errors = [answer for answer in answers if isinstance(answer, aio.AioRpcError)]
        assert len(errors) == 1, answers
        lost: Refusal = refusal_of(errors[0])
        winner = "ann" if isinstance(answers[1], aio.AioRpcError) else "bob"
        now = await got(ann, case.id)
        assert (lost.code, lost.reason) == ("ABORTED", "CASE_ETAG_MISMATCH")
        assert lost.metadata == {
            "case": case.id,
            "state": "acknowledged",
            "owner": winner,
            "etag": now.etag,
        }
        assert (now.owner, now.state) == (winner, ACKNOWLEDGED)


async def test_a_repeated_request_gets_the_first_answer_also_after_a_kill_and_changes_nothing(
    stage: Stage,
) -> None:
    server = await stage.server(calm=True)
    ann, bob = await stage.person(server, "ann"), await stage.person(server, "bob")
    first = await opened(ann, "the one")
    take = case_pb2.AcknowledgeCaseRequest(id=first.id, request_id="take it")
    taken = (await ann.ask(ann.cases.AcknowledgeCase, take)).case
    # The same id of somebody else is another request.
    other = await opened(bob, "the one")
    assert (first.id, other.id) == ("C-1", "C-2")
    at_once = await asyncio.gather(*(opened(ann, "five at once") for _ in range(5)))
    assert [case.id for case in at_once] == ["C-3"] * 5

    await server.kill()
    await server.start()
    ann = stage.caller(server, ann.secret)
    again = await opened(ann, "the one")
    # Its clock is told as it runs now; all else is as it was.
    again.response_clock.CopyFrom(first.response_clock)
    assert again == first
    assert (await ann.ask(ann.cases.AcknowledgeCase, take)).case == taken
    assert reasons(server.data_dir, "case") == [
        "CASE_OPENED",
        "CASE_ACKNOWLEDGED",
        "CASE_OPENED",
        "CASE_OPENED",
    ]


async def test_pages_hold_everything_once_and_a_token_that_is_none_of_theirs_is_refused(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann = await stage.person(server, "ann")
    ids = {(await opened(ann, str(number), priority=P1 + number % 4)).id for number in range(7)}
    seen: list[str] = []
    token = ""
    while True:
        request = case_pb2.ListCasesRequest(page_size=3, page_token=token)
        page = await ann.ask(ann.cases.ListCases, request)
        seen += [case.id for case in page.cases]
        # A case that is opened between two pages moves nothing of what is still to come.
        token = page.next_page_token
        if not token:
            break
    assert (len(seen), set(seen)) == (7, ids)

    token = (await ann.ask(ann.cases.ListCases, case_pb2.ListCasesRequest(page_size=3))).next_page_token
    for request in (
        case_pb2.ListCasesRequest(page_token="garbled"),
        case_pb2.ListCasesRequest(page_token=token[:-2]),
        case_pb2.ListCasesRequest(page_token=token, customer="acme"),
        case_pb2.ListCasesRequest(page_token="x" * 100_000),
    ):
        refused = await ann.refusal(ann.cases.ListCases, request)
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")
    foreign = fleet_pb2.ListAgentsRequest(page_token=token)
    refused = await ann.refusal(ann.fleet.ListAgents, foreign)
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")


async def test_a_field_that_cannot_be_is_named_in_the_error(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann = await stage.person(server, "ann")
    for field, value in (
        ("title", ""),
        ("title", "x" * 201),
        ("priority", 0),
        ("priority", 77),
        ("customer", "Not A Slug"),
        ("description", "x" * 8001),
        ("request_id", ""),
    ):
        given = {"request_id": "1", "customer": "acme", "priority": P3, "title": "x", field: value}
        refused = await ann.refusal(ann.cases.CreateCase, case_pb2.CreateCaseRequest(**given))  # type: ignore[arg-type]
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID"), field
        assert refused.metadata["field"] == field
    assert reasons(server.data_dir, "case") == []


async def test_what_is_measured_is_listed_and_queried(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann = await stage.person(server, "ann")
    agent = await stage.agent(server)
    at = now_us()
    await agent.tell(
        agent.batch([50.0, 100.0], time_us=at - 2000), agent.batch([85.0, 100.0], time_us=at - 1000)
    )
    series = await ann.ask(ann.series.ListSeries, fleet_pb2.ListSeriesRequest(agent=AGENT))
    assert [(one.name, one.unit) for one in series.series] == [
        ("database.limit", "By"),
        ("database.usage", "By"),
    ]
    query = fleet_pb2.QuerySeriesRequest(agent=AGENT, name="database.usage")
    data = await ann.ask(ann.series.QuerySeries, query)
    assert [[point.value for point in one.points] for one in data.series] == [[50.0, 85.0]]
    installations = await ann.ask(ann.fleet.ListInstallations, fleet_pb2.ListInstallationsRequest())
    assert [
        (one.customer, one.id, one.plan, one.entitled, list(one.agents), one.open_case_count)
        for one in installations.installations
    ] == [("acme", "hq", "platinum", True, [AGENT], 1)]
    alarms = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest())
    take = alarm_pb2.AcknowledgeAlarmRequest(id=alarms.alarms[0].id, request_id="1")
    await ann.ask(ann.alarms.AcknowledgeAlarm, take)
    assert (await got(ann, "C-1")).state == ACKNOWLEDGED


async def test_no_change_is_missed_or_doubled_over_a_restart(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann, bob = await stage.person(server, "ann"), await stage.person(server, "bob")
    changes = await stage.follow(server, ann)
    watch = ann.watch()
    await watch.frame()
    # Bob works on while the watchers lose their server twice, once in order and once not.
    for number in range(5):
        await opened(bob, f"first {number}")
    early = await watch.change()
    token = watch.token
    await server.stop()
    await server.start()
    bob = stage.caller(server, bob.secret)
    for number in range(5):
        await opened(bob, f"second {number}")
    await server.kill()
    await server.start()
    bob, ann = stage.caller(server, bob.secret), stage.caller(server, ann.secret)
    last = await opened(bob, "third")
    await changes.until(lambda change: change.case.id == last.id, "the last case")
    assert changes.open_count >= 3

    # Who comes back late with an old token gets all that was missed, in order.
    resumed = ann.watch(token=token, kinds=[watch_pb2.WatchRequest.KIND_CASE])
    missed = [await resumed.change() for _ in range(10)]
    assert early.case.id == "C-1"
    assert [change.case.id for change in missed] == [f"C-{number}" for number in range(2, 12)]
    resumed.close()
    for wrong, reason in ((b"garbled", "RESUME_TOKEN_INVALID"), (token[:-1], "RESUME_TOKEN_INVALID")):
        refused = await ann.watch(token=wrong).refusal()
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", reason)


async def test_a_token_of_another_server_is_refused_instead_of_believed(stage: Stage) -> None:
    server, other = await stage.server(calm=True), await stage.server(calm=True)
    ann, bob = await stage.person(server, "ann"), await stage.person(other, "bob")
    watch = ann.watch()
    await watch.frame()
    refused = await bob.watch(token=watch.token).refusal()
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "RESUME_TOKEN_INVALID")


async def test_a_watcher_that_does_not_read_is_told_to_list_again_and_holds_up_nobody(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann, bob = await stage.person(server, "ann"), await stage.person(server, "bob")
    changes = await stage.follow(server, bob)
    case = await opened(bob, "1")

    async def chatter(number: int) -> None:
        request = case_pb2.CommentCaseRequest(id=case.id, request_id=f"chatter {number}", text="x" * 2000)
        await bob.ask(bob.cases.CommentCase, request)

    # A connection that takes no more than 64 KiB ahead of its reader.
    options = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536))
    async with aio.insecure_channel(server.target, options=options) as channel:
        stub = watch_pb2_grpc.WatchServiceStub(channel)
        slow = Watcher(stub.Watch(watch_pb2.WatchRequest(), metadata=ann.metadata))
        await slow.frame()
        # More than the 1,024 changes that are kept for it and what its connection holds.
        for block in range(24):
            await asyncio.gather(*(chatter(50 * block + one) for one in range(50)))
        assert await stage.metric(server, "vedette_watch_resyncs_total") == 1
        after = await opened(bob, "after the chatter")
        await changes.until(lambda change: change.case.id == after.id, "the quick watcher sees all of it")

        # What was in the buffers comes first, then the word that something is missing, then the present.
        kinds: list[str] = []
        while "resync" not in kinds:
            kinds.append(str((await slow.frame()).WhichOneof("frame")))
        assert set(kinds[:-1]) == {"change"}
        latest = await opened(bob, "the latest")
        while (await slow.change()).case.id != latest.id:
            pass
        slow.close()


async def test_who_may_do_what(stage: Stage) -> None:
    server = await stage.server(calm=True)
    nobody, stranger = stage.caller(server), stage.caller(server, "vdt_" + "x" * 43)
    viewer = await stage.person(server, "vera", "viewer")
    ann = await stage.person(server, "ann")
    agent = stage.caller(server, await server.agent_token(AGENT))
    case = await opened(ann, "1")
    look = case_pb2.GetCaseRequest(id=case.id)
    take = case_pb2.AcknowledgeCaseRequest(id=case.id, request_id="2")
    tokens = admin_pb2.ListTokensRequest()

    for who, method, request, code, reason in (
        (nobody, "cases.GetCase", look, "UNAUTHENTICATED", "TOKEN_MISSING"),
        (stranger, "cases.GetCase", look, "UNAUTHENTICATED", "TOKEN_UNKNOWN"),
        (agent, "cases.GetCase", look, "PERMISSION_DENIED", "ROLE_REQUIRED"),
        (viewer, "cases.AcknowledgeCase", take, "PERMISSION_DENIED", "ROLE_REQUIRED"),
        (ann, "admin.ListTokens", tokens, "PERMISSION_DENIED", "ROLE_REQUIRED"),
    ):
        service, name = method.split(".")
        refused = await who.refusal(getattr(getattr(who, service), name), request)
        assert (refused.code, refused.reason) == (code, reason), method
    for who in (nobody, stranger, agent):
        assert (await who.watch().refusal()).code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
    assert (await got(viewer, case.id)).state == NEW


async def test_a_revoked_token_ends_what_was_opened_with_it(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann = await stage.person(server, "ann")
    agent = await stage.agent(server)
    watch = ann.watch()
    await watch.frame()
    root = stage.root(server)
    listed = await root.ask(root.admin.ListTokens, admin_pb2.ListTokensRequest())
    by_name = {token.name: token.id for token in listed.tokens}
    assert set(by_name) == {"bootstrap", "ann", AGENT}
    for name in ("ann", AGENT):
        await root.ask(
            root.admin.RevokeToken,
            admin_pb2.RevokeTokenRequest(id=by_name[name], request_id=f"revoke {name}"),
        )
    refused = await watch.refusal()
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "TOKEN_UNKNOWN")
    assert await agent.rejected() == "REVOKED"
    again = await ann.refusal(ann.cases.ListCases, case_pb2.ListCasesRequest())
    assert (again.code, again.reason) == ("UNAUTHENTICATED", "TOKEN_UNKNOWN")
