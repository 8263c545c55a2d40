"""The console by its keys: each asserts what was asked of the service, and what the person sees."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.console.driving import console
from tests.console.fake import ME, NOW, StillClock, agent_of, case_of, clock_of, night
from vedette_console.app import ExtraAction
from vedette_console.client.errors import ErrorKind, SupportError
from vedette_console.model.resources import CaseState, Priority
from vedette_console.screens import agents_kept
from vedette_console.screens.dialogs import ConfirmDialog, PromptDialog
from vedette_console.screens.new_case import NewCaseDialog

SIZES = [(80, 24), (120, 40)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_queue_shows_every_open_case_and_the_worst_first(size: tuple[int, int]) -> None:
    async with console(night(), size=size) as seen:
        await seen.shows(
            "-3m 12s BREACHED", "! 12m 06s", "C-22", "due 10:20", "1 breached", "1 at risk", "4 new"
        )
        lines = [line for line in seen.text().splitlines() if "C-" in line]
        assert [line.split("C-")[1][:2] for line in lines[:6]] == ["17", "21", "22", "23", "14", "12"]
        assert "C-9" not in seen.text()


async def test_a_acknowledges_at_once_and_the_clock_stops() -> None:
    async with console(night()) as seen:
        await seen.press("j", "a")
        asked = await seen.called("acknowledge_case")
        assert (asked["id"], asked["etag"], len(str(asked["request_id"]))) == ("C-21", "", 32)
        await seen.shows(
            "C-21 is yours: Acme Bank, VoIP stack crashed; answered after 47m 54s of open time, promise kept"
        )
        selected = seen.app.desk.cases.selected
        assert selected is not None
        assert (selected.id, selected.owner, seen.app.desk.me) == ("C-21", ME, ME)


async def test_an_untouched_cursor_acknowledges_the_case_that_came_in_at_the_top() -> None:
    async with console(night()) as seen:
        urgent = case_of(50, title="Everything is down", response_clock=clock_of(minutes_left=-9))
        seen.support.change(urgent)
        await seen.shows("Everything is down")
        await seen.press("a")
        assert (await seen.called("acknowledge_case"))["id"] == "C-50"
        await seen.shows("C-50 is yours: Acme Bank, Everything is down")
        await seen.press("c")
        await seen.shows("comment on C-50")


async def test_a_on_a_case_that_somebody_has_says_who() -> None:
    async with console(night()) as seen:
        seen.app.desk.cases.select("C-14")
        await seen.press("a")
        await seen.shows("case C-14 is acknowledged by omar; there is nothing to acknowledge")
        assert seen.support.calls == []


async def test_a_colleague_who_was_faster_is_named() -> None:
    async with console(night()) as seen:
        seen.support.refuse_next(
            "acknowledge_case",
            SupportError("case C-17 was already acknowledged by omar", kind=ErrorKind.REFUSED),
        )
        await seen.press("a")
        await seen.shows("case C-17 was already acknowledged by omar")


async def test_c_comments() -> None:
    async with console(night()) as seen:
        await seen.press("c")
        await seen.shows("comment on C-17", "Norddruck AG")
        await seen.type("called them [b]")
        await seen.press("enter")
        asked = await seen.called("comment_case")
        assert (asked["id"], asked["text"]) == ("C-17", "called them [b]")
        await seen.shows("comment added to C-17")


async def test_an_empty_comment_is_not_sent() -> None:
    async with console(night()) as seen:
        await seen.press("c", "enter")
        await seen.shows("nothing typed yet")
        assert seen.support.calls == []


async def test_r_resolves_with_the_version_that_was_seen_and_warns_while_the_alarm_holds() -> None:
    async with console(night()) as seen:
        await seen.press("r")
        await seen.shows("resolve C-17", "its alarm is still active")
        await seen.type("cable")
        await seen.press("enter")
        asked = await seen.called("resolve_case")
        assert (asked["id"], asked["resolution"], asked["etag"]) == ("C-17", "cable", "e17-1")
        await seen.shows("C-17 resolved", "v shows it in the queue")
        assert seen.app.desk.cases.line_of("C-17") is None


async def test_a_case_is_not_resolved_without_a_word() -> None:
    async with console(night()) as seen:
        await seen.press("r", "enter")
        await seen.shows("nothing typed yet")
        assert seen.support.calls == []


async def test_a_conflict_shows_what_the_other_did_and_keeps_the_text() -> None:
    async with console(night()) as seen:
        await seen.press("r")
        await seen.type("rebooted")
        case = await seen.support.get_case("C-17")
        seen.support.change(replace(case, etag="e17-2", owner="omar"), "CASE_ASSIGNED", "omar", "owner omar")
        await seen.press("enter")
        await seen.shows(
            "C-17 changed while you typed; it is new, owned by omar now", "omar: owner omar", "rebooted"
        )
        assert isinstance(seen.app.screen, PromptDialog)
        await seen.press("enter")
        await seen.shows("C-17 resolved")
        first, second = [arguments for name, arguments in seen.support.calls if name == "resolve_case"]
        assert (first["etag"], second["etag"], second["resolution"]) == ("e17-1", "e17-2", "rebooted")
        assert first["request_id"] != second["request_id"]


async def test_the_same_text_sent_again_after_a_lost_answer_is_the_same_request() -> None:
    async with console(night()) as seen:
        seen.support.refuse_next(
            "comment_case", SupportError("no answer from fake:1 in time", kind=ErrorKind.UNREACHABLE)
        )
        await seen.press("c")
        await seen.type("once")
        await seen.press("enter")
        await seen.shows("no answer from fake:1 in time")
        await seen.press("enter")
        await seen.shows("comment added to C-17")
        ids = [arguments["request_id"] for name, arguments in seen.support.calls if name == "comment_case"]
        assert len(ids) == 2
        assert ids[0] == ids[1]


async def test_escape_drops_a_dialog() -> None:
    async with console(night()) as seen:
        await seen.press("c", "x", "escape")
        await seen.hides("comment on C-17")
        assert seen.support.calls == []


async def test_x_closes_a_resolved_case_only_after_a_yes() -> None:
    async with console(night()) as seen:
        await seen.press("x")
        await seen.shows("only a resolved case can be closed")
        await seen.press("v", "G", "x")
        await seen.shows("close C-9 for good?")
        assert isinstance(seen.app.screen, ConfirmDialog)
        await seen.press("n")
        assert seen.support.calls == []
        await seen.press("x", "y")
        asked = await seen.called("close_case")
        assert (asked["id"], asked["etag"]) == ("C-9", "e9-1")
        await seen.shows("C-9 closed for good")
        assert seen.app.desk.cases.get("C-9") is None


async def test_o_gives_a_case_to_me_once_the_server_told_my_name() -> None:
    async with console(night()) as seen:
        await seen.press("a")
        await seen.shows("C-17 is yours")
        seen.app.desk.cases.select("C-21")
        await seen.press("o")
        await seen.shows("owner of C-21", "nobody owns it")
        await seen.press("enter")
        asked = await seen.called("assign_case")
        assert (asked["id"], asked["owner"]) == ("C-21", ME)


async def test_n_opens_a_case_by_hand() -> None:
    async with console(night()) as seen:
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, NewCaseDialog))
        await seen.type("acme")
        await seen.press("enter", "enter", "backspace")
        await seen.type("2")
        await seen.press("enter")
        await seen.type("no dial tone")
        await seen.press("enter", "enter")
        asked = await seen.called("create_case")
        assert (asked["customer"], asked["priority"], asked["title"]) == ("acme", Priority.P2, "no dial tone")
        await seen.shows("C-99 opened")


async def test_a_priority_that_is_none_is_refused_and_the_same_form_is_one_request() -> None:
    async with console(night()) as seen:
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, NewCaseDialog))
        await seen.type("acme")
        await seen.press("enter", "enter", "backspace", "enter")
        await seen.type("no dial tone")
        await seen.press("enter", "enter")
        await seen.shows("priority must be 1, 2, 3 or 4")
        seen.support.refuse_next("create_case", SupportError("no answer in time", kind=ErrorKind.UNREACHABLE))
        await seen.press("1", "tab", "tab", "enter")
        await seen.shows("no answer in time")
        await seen.press("enter")
        await seen.shows("C-99 opened")
        first, second = [arguments for name, arguments in seen.support.calls if name == "create_case"]
        assert first == second


async def test_a_form_that_is_not_complete_says_what_is_missing() -> None:
    async with console(night()) as seen:
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, NewCaseDialog))
        await seen.press(*["enter"] * 5)
        await seen.shows("a case needs a customer id")
        assert seen.support.calls == []


@pytest.mark.parametrize("size", SIZES)
async def test_enter_opens_a_case_and_escape_goes_back(size: tuple[int, int]) -> None:
    async with console(night(), size=size) as seen:
        await seen.press("j", "j", "j", "enter")
        await seen.shows(
            "C-23", "Database main is close to full: 95% of 8 MiB", "promise", "database.usage", "95%┼"
        )
        await seen.shows("again, seen 2 times")
        await seen.press("G")
        await seen.shows("saw it, finishing C-14 first", "because")
        await seen.press("escape")
        await seen.shows("[1 Queue]", "C-17")


async def test_a_case_on_the_screen_lives() -> None:
    async with console(night()) as seen:
        await seen.press("j", "enter")
        await seen.shows("saw it, finishing C-14 first")
        case = await seen.support.get_case("C-21")
        seen.support.change(
            replace(case, alarm_active=False, occurrence_count=4),
            "ALARM_CLEARED",
            "vedette",
            "cleared by itself",
        )
        await seen.shows(
            "✓ cleared by itself",
            "seen \N{MULTIPLICATION SIGN}4",
            "  cleared by itself",
        )


async def test_a_case_that_is_closed_elsewhere_stays_readable() -> None:
    async with console(night()) as seen:
        await seen.press("j", "enter")
        await seen.shows("VoIP stack crashed")
        seen.support.change(
            case_of(21, state=CaseState.CLOSED, resolution="done"), "CASE_CLOSED", "omar", "closed"
        )
        await seen.shows("closed", "done")


async def test_new_cases_come_in_and_the_cursor_stays() -> None:
    async with console(night()) as seen:
        await seen.press("j")
        seen.support.change(case_of(50, title="Everything is down", response_clock=clock_of(minutes_left=-9)))
        await seen.shows("Everything is down", "2 breached")
        selected = seen.app.desk.cases.selected
        assert selected is not None
        assert selected.id == "C-21"


async def test_time_passes_without_any_message() -> None:
    clock = StillClock()
    async with console(night(), clock=clock) as seen:
        await seen.shows("! 12m 06s")
        clock.advance(130)
        seen.app._draw()
        await seen.shows("! 9m 56s", "-5m 22s BREACHED")


async def test_a_lost_link_is_said_in_a_banner_and_taken_up_where_it_broke() -> None:
    clock = StillClock()
    async with console(night(), clock=clock) as seen:
        await seen.press("j", "j")
        seen.support.change(case_of(60))
        await seen.shows("C-60")
        seen.support.is_down = True
        seen.support.cut()
        await seen.shows("DISCONNECTED", "this data is 0s old")
        clock.advance(33)
        seen.app._draw()
        await seen.shows("✗ reconnecting 33s", "this data is 33s old")
        seen.support.is_down = False
        await seen.shows("● live")
        await seen.hides("DISCONNECTED")
        assert seen.support.watched_from[-1] == b"1"
        assert seen.support.list_count == 1
        selected = seen.app.desk.cases.selected
        assert selected is not None
        assert selected.id == "C-22"


async def test_before_the_first_list_the_queue_is_not_called_empty() -> None:
    support = night()
    support.is_down = True
    async with console(support) as seen:
        await seen.shows("no connection to fake:1: connection refused", "no data yet")
        assert "no open case" not in seen.text()


async def test_no_case_is_good_news_and_says_who_is_watched() -> None:
    support = night()
    support.cases.clear()
    async with console(support) as seen:
        await seen.shows("✓ no open case", "3 of 6 agents reach us")


async def test_slash_filters_while_typing_and_escape_gives_everything_back() -> None:
    async with console(night()) as seen:
        await seen.press("slash")
        await seen.type("helios")
        await seen.hides("C-17")
        await seen.press("enter")
        await seen.shows("C-22", "filter: helios", "1 of 7")
        assert "no field" not in seen.text()
        await seen.press("slash")
        await seen.type(" nothing")
        await seen.shows("nothing matches the filter; 7 hidden")
        await seen.press("enter", "escape")
        await seen.shows("C-17")


async def test_a_field_that_does_not_exist_is_named_with_those_that_do() -> None:
    async with console(night(), size=(80, 24)) as seen:
        await seen.press("slash")
        await seen.type("foo:bar")
        await seen.shows(
            "nothing matches the filter; 7 hidden",
            "no field foo; there are",
            "id title customer installation node priority state owner code plan",
        )
        await seen.press("home")
        await seen.type("-")
        await seen.press("enter")
        await seen.shows("6 of 7  no field foo, looked for as text")


async def test_the_alarms_tab_acknowledges_alarms_and_opens_their_case() -> None:
    async with console(night()) as seen:
        await seen.press("2")
        await seen.shows("[2 Alarms]", "A-30", "✓ cleared, unacked")
        await seen.press("a")
        asked = await seen.called("acknowledge_alarm")
        assert asked["id"] == "A-21"
        await seen.shows("alarm A-21 acknowledged and C-21 with it: acme, VoIP stack crashed")
        seen.app.desk.alarms.select("A-22")
        await seen.press("enter")
        await seen.shows("C-22", "Call Recording has no channel left", "capacity.usage / capacity.limit")


async def test_an_alarm_without_a_case_says_why() -> None:
    async with console(night()) as seen:
        await seen.press("2")
        seen.app.desk.alarms.select("A-30")
        await seen.press("enter")
        await seen.shows("plan basic has no proactive support", "A-30")


async def test_the_fleet_tab_shows_agents_and_opens_their_series() -> None:
    async with console(night()) as seen:
        await seen.press("3")
        await seen.shows("✗ lost", "norddruck/werk-1/node-1", "◌ overdue", "■ stopped", "○ never seen")
        seen.app.desk.agents.select("acme/hq/node-1")
        await seen.press("enter")
        await seen.shows("product 2021.Summer.2", "system.cpu.utilization", "2.5 GiB")
        # The first series is a limit, which does not move: the cursor begins on the second one.
        await seen.press("down", "down", "down")
        await seen.shows("100%┤")
        await seen.press("escape")
        await seen.shows("✗ lost")


async def test_an_agent_that_changes_moves_in_the_fleet() -> None:
    async with console(night()) as seen:
        await seen.press("3")
        seen.support.change(
            agent_of("acme/hq/node-1", state="quarantined", disconnect_cause="two machines use it")
        )
        await seen.shows("‖ quarantined", "two machines use it")


@pytest.mark.parametrize("keys", [("3",), ("3", "enter")], ids=["fleet", "agent"])
async def test_agents_that_are_looked_at_are_listed_again(
    keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents_kept, "PERIOD", 0.01)
    support = night()
    support.agents = [agent_of("acme/hq/node-1", watermark=0)]
    async with console(support, size=(120, 40)) as seen:
        await seen.press(*keys)
        await seen.shows("acme/hq/node-1")
        # Nobody is told of this: only a list shows it.
        support.agents = [agent_of("acme/hq/node-1", watermark=7_003)]
        await seen.shows("7003")
        support.refuse_next("list_agents", SupportError("busy", kind=ErrorKind.UNREACHABLE))
        support.agents = [agent_of("acme/hq/node-1", watermark=7_004)]
        await seen.shows("7004")
        await seen.press("1")
        support.agents = [agent_of("acme/hq/node-1", watermark=7_005)]
        await seen.shows("[1 Queue]")
        shown = seen.app.desk.agents.get("acme/hq/node-1")
        assert shown is not None
        assert shown.watermark == 7_004


async def test_a_series_that_cannot_be_fetched_says_why() -> None:
    support = night()
    support.refuse_next("query_series", SupportError("RANGE_INVALID", kind=ErrorKind.REFUSED))
    async with console(support) as seen:
        await seen.press("j", "j", "j", "enter")
        await seen.shows("RANGE_INVALID")


async def test_help_lists_the_keys_of_the_screen() -> None:
    async with console(night()) as seen:
        await seen.press("question_mark")
        await seen.shows("Keys", "Ack", "Comment", "Resolve", "Owner")
        await seen.press("escape")
        await seen.hides("Esc closes this")


async def test_extra_actions_of_an_embedding_program_are_shown_and_done() -> None:
    done: list[str] = []

    async def kill() -> str:
        done.append("killed")
        return "voip-stack killed"

    async def fail() -> str:
        raise RuntimeError("no such \x1b[31mprocess")

    actions = (
        ExtraAction(key="K", label="kill VoIP stack", callback=kill),
        ExtraAction(key="D", label="fill database", callback=fail),
    )
    async with console(night(), size=(80, 24), extra_actions=actions) as seen:
        await seen.shows("faults", "K kill VoIP stack", "D fill database")
        await seen.press("K")
        await seen.shows("voip-stack killed")
        await seen.press("enter", "D")
        await seen.shows("fill database: no such ␛[31mprocess")
        assert done == ["killed"]


async def test_the_servers_clock_counts_when_the_machines_clock_is_wrong() -> None:
    async with console(night(), clock=StillClock(NOW - timedelta(minutes=10))) as seen:
        await seen.shows("! 12m 06s", "03:00:00", "clock +10m 00s")


async def test_a_click_moves_the_cursor_and_a_second_one_opens() -> None:
    async with console(night()) as seen:
        await seen.pilot.click("#table", offset=(40, 3))
        selected = seen.app.desk.cases.selected
        assert selected is not None
        assert selected.id == "C-22"
        await seen.pilot.click("#table", offset=(40, 3))
        await seen.shows("capacity.usage / capacity.limit")


async def test_a_dialog_and_its_text_outlive_a_lost_link() -> None:
    async with console(night()) as seen:
        await seen.press("c")
        await seen.type("half a thou")
        seen.support.is_down = True
        seen.support.cut()
        await seen.until(lambda: seen.app.desk.link.problem != "")
        seen.support.is_down = False
        await seen.until(lambda: seen.app.desk.link.problem == "")
        await seen.type("ght")
        await seen.press("enter")
        assert (await seen.called("comment_case"))["text"] == "half a thought"


async def test_q_quits() -> None:
    async with console(night()) as seen:
        await seen.press("q")
        await seen.until(lambda: not seen.app.is_running)


HOSTILE = "\x1b]0;own\x07\x1b[2J[/b][link=x](\u202e\u200b\x9b31m[b"


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_text_reaches_no_screen(size: tuple[int, int]) -> None:
    support = night()
    support.cases = [
        replace(
            case,
            title=HOSTILE,
            customer_name=HOSTILE,
            owner=HOSTILE,
            reasons=(HOSTILE,),
            node=HOSTILE,
            description=HOSTILE,
        )
        for case in support.cases
    ]
    support.alarms = [
        replace(alarm, title=HOSTILE, component=HOSTILE, clear_cause=HOSTILE, reasons=(HOSTILE,))
        for alarm in support.alarms
    ]
    support.agents = [
        replace(agent, host_name=HOSTILE, disconnect_cause=HOSTILE, platform=HOSTILE)
        for agent in support.agents
    ]
    async with console(support, size=size) as seen:
        for keys in (
            (),
            ("enter",),
            ("escape", "c"),
            ("escape", "2"),
            ("enter",),
            ("3",),
            ("enter",),
            ("question_mark",),
        ):
            await seen.press(*keys)
            await seen.pilot.pause()
            text = seen.text()
            assert not any(character in text for character in "\x1b\x07\x9b\u202e\u200b\x00")
        seen.support.change(case_of(70, title=HOSTILE), "CASE_OPENED", HOSTILE, HOSTILE)
        await seen.until(lambda: seen.app.desk.cases.get("C-70") is not None)
        await seen.pilot.pause()


async def test_ten_thousand_cases_and_a_burst_of_changes_keep_the_keys_answering() -> None:
    support = night()
    support.cases = [
        case_of(n, response_clock=clock_of(minutes_left=n / 10, target=2000)) for n in range(1, 10_001)
    ]
    async with console(support) as seen:
        await seen.press("G")
        for number in range(1, 1001):
            support.change(case_of(number, owner="omar"))
        await seen.press("g")
        assert seen.app.desk.cases.cursor == 0
        await seen.until(
            lambda: (case := seen.app.desk.cases.get("C-1000")) is not None and case.owner == "omar"
        )
