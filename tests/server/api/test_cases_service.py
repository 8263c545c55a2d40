"""Cases through the API: what a person and an integration do with them."""

from datetime import timedelta

import pytest

from tests.server.api.callers import Client, Running
from vedette.support.v1 import case_pb2, common_pb2
from vedette.timestamps import from_duration, from_timestamp
from vedette_server.api import pages

P1, P3 = common_pb2.PRIORITY_P1, common_pb2.PRIORITY_P3
Case = case_pb2.Case


async def opened(client: Client, customer: str = "acme", **fields: object) -> case_pb2.Case:
    given = {"request_id": "open", "customer": customer, "priority": P1, "title": "no dial tone"} | fields
    answer = await client.ask(client.cases.CreateCase, case_pb2.CreateCaseRequest(**given))  # type: ignore[arg-type]
    return answer.case


async def test_a_case_opened_by_hand_has_the_clock_of_the_plan(vedette: Running) -> None:
    ann = await vedette.person("ann")
    case = await opened(ann, installation="hq", description="since this morning")
    assert (case.id, case.state, case.customer_name, case.plan) == (
        "C-1",
        Case.STATE_NEW,
        "Acme Corporation",
        "platinum",
    )
    clock = case.response_clock
    assert clock.state == case_pb2.SlaClock.STATE_RUNNING
    assert (from_duration(clock.target), clock.calendar, clock.open) == (
        timedelta(hours=1),
        "emea/always",
        True,
    )
    assert from_timestamp(clock.due_time) - from_timestamp(clock.start_time) == timedelta(hours=1)
    assert timedelta(minutes=59) < from_duration(clock.remaining) <= timedelta(hours=1)
    assert from_duration(clock.remaining) + from_duration(clock.spent) == timedelta(hours=1)
    assert not clock.HasField("next_open_time")
    got = await ann.ask(ann.cases.GetCase, case_pb2.GetCaseRequest(id="C-1"))
    assert (got.case.description, got.case.etag) == ("since this morning", case.etag)


async def test_a_basic_customer_gets_a_case_without_a_clock(vedette: Running) -> None:
    ann = await vedette.person("ann")
    case = await opened(ann, "basil")
    assert not case.HasField("response_clock")


async def test_the_whole_life_of_a_case_is_in_its_timeline(vedette: Running) -> None:
    ann, bob = await vedette.person("ann"), await vedette.person("bob")
    await opened(ann)
    taken = await bob.ask(
        bob.cases.AcknowledgeCase, case_pb2.AcknowledgeCaseRequest(id="C-1", request_id="1", note="on it")
    )
    assert (taken.case.state, taken.case.owner) == (Case.STATE_ACKNOWLEDGED, "bob")
    assert taken.case.response_clock.state == case_pb2.SlaClock.STATE_MET
    await bob.ask(bob.cases.AssignCase, case_pb2.AssignCaseRequest(id="C-1", request_id="2", owner="ann"))
    await ann.ask(ann.cases.CommentCase, case_pb2.CommentCaseRequest(id="C-1", request_id="3", text="a\nb"))
    await ann.ask(
        ann.cases.ResolveCase, case_pb2.ResolveCaseRequest(id="C-1", request_id="4", resolution="replaced")
    )
    closed = await ann.ask(ann.cases.CloseCase, case_pb2.CloseCaseRequest(id="C-1", request_id="5"))
    assert (closed.case.state, closed.case.resolution) == (Case.STATE_CLOSED, "replaced")
    timeline = await ann.ask(ann.cases.ListCaseTimeline, case_pb2.ListCaseTimelineRequest(id="C-1"))
    assert [(entry.kind, entry.actor, entry.text) for entry in timeline.entries] == [
        ("case", "ann", "no dial tone"),
        ("case", "bob", "on it"),
        ("case", "bob", "owner ann"),
        ("case", "ann", "a\nb"),
        ("case", "ann", "replaced"),
        ("case", "ann", ""),
    ]
    sequences = [entry.sequence for entry in timeline.entries]
    assert sequences == sorted(sequences)


async def test_a_timeline_comes_in_pages(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await opened(ann)
    for number in range(4):
        comment = case_pb2.CommentCaseRequest(id="C-1", request_id=f"c{number}", text=f"{number}")
        await ann.ask(ann.cases.CommentCase, comment)
    texts, token = [], ""
    while True:
        request = case_pb2.ListCaseTimelineRequest(id="C-1", page_size=2, page_token=token)
        page = await ann.ask(ann.cases.ListCaseTimeline, request)
        assert 0 < len(page.entries) <= 2
        texts += [entry.text for entry in page.entries]
        token = page.next_page_token
        if not token:
            break
    assert texts == ["no dial tone", "0", "1", "2", "3"]


async def test_a_repeated_request_gets_the_first_answer_and_changes_nothing(vedette: Running) -> None:
    ann = await vedette.person("ann")
    first = await opened(ann)
    request = case_pb2.AcknowledgeCaseRequest(id="C-1", request_id="ack")
    taken = await ann.ask(ann.cases.AcknowledgeCase, request)
    again = await ann.ask(ann.cases.AcknowledgeCase, request)
    assert again.case.etag == taken.case.etag
    repeated = await opened(ann)
    assert (repeated.id, repeated.state, repeated.etag) == ("C-1", Case.STATE_NEW, first.etag)
    listed = await ann.ask(ann.cases.ListCases, case_pb2.ListCasesRequest())
    assert [case.id for case in listed.cases] == ["C-1"]


async def test_the_same_request_id_in_another_method_is_another_request(vedette: Running) -> None:
    ann = await vedette.person("ann")
    case = await opened(ann, request_id="same")
    request = case_pb2.CommentCaseRequest(id="C-1", request_id="same", text="x")
    answer = await ann.ask(ann.cases.CommentCase, request)
    assert answer.case.etag != case.etag


async def test_two_tokens_of_one_name_are_two_callers_and_one_actor(vedette: Running) -> None:
    desk, another_desk = await vedette.person("desk"), await vedette.person("desk")
    first = await opened(desk, request_id="same")
    second = await opened(another_desk, request_id="same")
    assert (first.id, second.id) == ("C-1", "C-2")
    assert (await opened(desk, request_id="same")).id == "C-1"
    assert (await opened(another_desk, request_id="same")).id == "C-2"
    timeline = case_pb2.ListCaseTimelineRequest(id="C-2")
    (entry,) = (await desk.ask(desk.cases.ListCaseTimeline, timeline)).entries
    assert entry.actor == "desk"


async def test_the_same_request_id_of_another_caller_is_another_request(vedette: Running) -> None:
    ann, bob = await vedette.person("ann"), await vedette.person("bob")
    assert (await opened(ann)).id == "C-1"
    assert (await opened(bob)).id == "C-2"


async def test_the_slower_of_two_who_race_learns_what_the_other_did(vedette: Running) -> None:
    ann, bob = await vedette.person("ann"), await vedette.person("bob")
    case = await opened(ann)
    seen = {"id": "C-1", "etag": case.etag}
    await ann.ask(ann.cases.AcknowledgeCase, case_pb2.AcknowledgeCaseRequest(request_id="a", **seen))
    refusal = await bob.refusal(
        bob.cases.AcknowledgeCase, case_pb2.AcknowledgeCaseRequest(request_id="b", **seen)
    )
    assert (refusal.code, refusal.reason) == ("ABORTED", "CASE_ETAG_MISMATCH")
    assert (refusal.metadata["owner"], refusal.metadata["state"]) == ("ann", "acknowledged")
    unseen = case_pb2.AcknowledgeCaseRequest(request_id="b2", id="C-1")
    refusal = await bob.refusal(bob.cases.AcknowledgeCase, unseen)
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "CASE_ALREADY_ACKNOWLEDGED")


async def test_a_closed_case_can_still_be_commented_and_not_resolved(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await opened(ann)
    await ann.ask(ann.cases.ResolveCase, case_pb2.ResolveCaseRequest(id="C-1", request_id="1"))
    await ann.ask(ann.cases.CloseCase, case_pb2.CloseCaseRequest(id="C-1", request_id="2"))
    answer = await ann.ask(
        ann.cases.CommentCase, case_pb2.CommentCaseRequest(id="C-1", request_id="3", text="afterthought")
    )
    assert answer.case.state == Case.STATE_CLOSED
    refusal = await ann.refusal(ann.cases.ResolveCase, case_pb2.ResolveCaseRequest(id="C-1", request_id="4"))
    assert (refusal.reason, refusal.metadata["state"]) == ("CASE_NOT_OPEN", "closed")


async def test_lists_put_what_is_due_first_at_the_top_and_come_in_pages(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await opened(ann, "basil", request_id="1", priority=P1)
    await opened(ann, "acme", request_id="2", priority=P3)
    await opened(ann, "acme", request_id="3", priority=P1)
    await opened(ann, "basil", request_id="4", priority=P3)
    ids, token = [], ""
    while True:
        request = case_pb2.ListCasesRequest(page_size=1, page_token=token)
        page = await ann.ask(ann.cases.ListCases, request)
        ids += [case.id for case in page.cases]
        token = page.next_page_token
        if not token:
            break
    assert ids == ["C-3", "C-2", "C-1", "C-4"]


async def test_lists_are_filtered_by_state_customer_and_owner(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await opened(ann, "acme", request_id="1")
    await opened(ann, "basil", request_id="2")
    await opened(ann, "basil", request_id="3")
    await ann.ask(ann.cases.AcknowledgeCase, case_pb2.AcknowledgeCaseRequest(id="C-2", request_id="4"))
    await ann.ask(ann.cases.ResolveCase, case_pb2.ResolveCaseRequest(id="C-3", request_id="5"))

    async def ids(**filters: object) -> list[str]:
        request = case_pb2.ListCasesRequest(**filters)  # type: ignore[arg-type]
        page = await ann.ask(ann.cases.ListCases, request)
        return sorted(case.id for case in page.cases)

    assert await ids() == ["C-1", "C-2"]
    assert await ids(customer="basil") == ["C-2"]
    assert await ids(owner="ann") == ["C-2"]
    assert await ids(states=[Case.STATE_RESOLVED]) == ["C-3"]
    assert await ids(states=[Case.STATE_RESOLVED, Case.STATE_NEW]) == ["C-1", "C-3"]
    assert await ids(customer="nobody") == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"request_id": ""}, 'request_id must have 1 to 64 bytes, got ""'),
        ({"title": " "}, 'title must have 1 to 200 characters, got " "'),
        ({"title": "a\x1bb"}, 'title must be one line without control characters, got "a\x1bb"'),
        ({"priority": 0}, 'priority must be PRIORITY_P1 to PRIORITY_P4, got "0"'),
        ({"customer": "Acme"}, "customer must be a slug of at most 63 lower-case letters, digits and dashes"),
        ({"description": "x" * 8001}, "description must have 0 to 8000 characters"),
    ],
)
async def test_a_wrong_field_is_named(vedette: Running, fields: dict[str, object], message: str) -> None:
    ann = await vedette.person("ann")
    given = {"request_id": "r", "customer": "acme", "priority": P1, "title": "t"} | fields
    refusal = await ann.refusal(ann.cases.CreateCase, case_pb2.CreateCaseRequest(**given))  # type: ignore[arg-type]
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
    assert refusal.message.startswith(message)


async def test_what_does_not_exist_is_not_found(vedette: Running) -> None:
    ann = await vedette.person("ann")
    for method, request, reason in (
        (ann.cases.GetCase, case_pb2.GetCaseRequest(id="C-9"), "CASE_NOT_FOUND"),
        (ann.cases.ListCaseTimeline, case_pb2.ListCaseTimelineRequest(id="C-9"), "CASE_NOT_FOUND"),
        (ann.cases.CloseCase, case_pb2.CloseCaseRequest(id="C-9", request_id="r"), "CASE_NOT_FOUND"),
        (
            ann.cases.CreateCase,
            case_pb2.CreateCaseRequest(request_id="r", customer="nobody", priority=P1, title="t"),
            "CUSTOMER_NOT_FOUND",
        ),
    ):
        refusal = await ann.refusal(method, request)
        assert (refusal.code, refusal.reason) == ("NOT_FOUND", reason)


async def test_a_foreign_page_token_is_refused(vedette: Running) -> None:
    ann = await vedette.person("ann")
    refusal = await ann.refusal(ann.cases.ListCases, case_pb2.ListCasesRequest(page_token="x"))
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")


async def test_a_list_of_long_cases_comes_in_more_pages_than_asked_for(
    vedette: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_PAGE_BYTES", 20_000)
    ann = await vedette.person("ann")
    for number in range(5):
        await opened(ann, request_id=f"{number}", description="x" * 8000)
    sizes, token = [], ""
    while True:
        page = await ann.ask(ann.cases.ListCases, case_pb2.ListCasesRequest(page_token=token))
        sizes.append([case.id for case in page.cases])
        token = page.next_page_token
        if not token:
            break
    assert sizes == [["C-1", "C-2"], ["C-3", "C-4"], ["C-5"]]
