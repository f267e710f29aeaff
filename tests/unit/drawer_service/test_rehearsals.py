"""A draw rehearsed by one person: the same acts and the same judges, and nothing of it anywhere but in the room."""

import json
from datetime import timedelta
from typing import Any

import pytest

import verify_draw
from runtime.errors import OneVisitError
from runtime.time.timers import run_due
from schemas.events.campaigns import CampaignCancelled
from schemas.vocabulary import Purpose, Role
from services.drawer import rehearsing, tables
from services.drawer.app import drawer
from services.drawer.commands.prepared import Prepared
from services.drawer.commands.rehearsing import begin_rehearsal, move_rehearsal
from services.drawer.drafts import window_end
from services.drawer.progress import Act, Stage
from services.drawer.queries.at_once import closed_draws
from services.drawer.queries.draws import draws_of, tasks_of
from services.drawer.queries.rehearsals import lies_since, rehearsal_ground, rehearsal_of
from services.drawer.refusals import NotRehearsing
from services.drawer.rehearsal_room import NoLog, Room, rehearsed
from services.drawer.rehearsing import FRAME, KEYS, RECORD, Played
from tests.kit import Kit, person, said
from tests.unit.drawer_service.county import (
    AGENCIES,
    CAMPAIGN,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    PLANNER,
    WITNESS,
    County,
    a_county,
    confirmed,
    plan,
    registered,
    rosters,
)

NAME = "REHEARSAL-640221-2018-001"


class Player:
    """One person who rehearses."""

    def __init__(self, county: County, actor: Any = LEAD) -> None:
        self.service, self.actor, self.pressed = county.service, actor, 0

    @property
    def key(self) -> str:
        self.pressed += 1
        return f"{self.actor.id}-{self.pressed}"

    def begin(self) -> "Player":
        rehearsing.begin(self.service, self.actor, CAMPAIGN, key=self.key)
        return self

    def speak(self, act: Act, body: str = "", **typed: str) -> None:
        rehearsing.speak(self.service, self.actor, CAMPAIGN, key=self.key, act=act, body=body, **typed)

    def wait(self) -> None:
        rehearsing.wait(self.service, self.actor, CAMPAIGN, key=self.key)

    def drop(self) -> None:
        rehearsing.drop(self.service, self.actor, CAMPAIGN, key=self.key)

    @property
    def played(self) -> Played:
        found = rehearsing.seen(self.service, self.actor, CAMPAIGN)
        assert found is not None
        return found

    @property
    def stage(self) -> Stage:
        return self.played.draw.stage

    def until_revealed(self) -> "Player":
        self.begin()
        self.speak(Act.COMMIT)
        self.wait()
        self.speak(Act.COUNTERSIGN)
        self.speak(Act.REVEAL)
        return self

    def until_drawn(self) -> "Player":
        self.until_revealed()
        self.speak(Act.SEAL)
        self.wait()
        self.speak(Act.DICE, digits=DIGITS, again=DIGITS)
        return self

    def until_disclosed(self) -> "Player":
        self.until_drawn()
        self.wait()
        return self


@pytest.fixture
def player(county: County) -> Player:
    return Player(county)


def rows_of(county: County) -> dict[str, int]:
    """Count the rows of every table of the real drawer, the plumbing's too."""
    with county.service.db.read_plumbing() as connection:
        names = [row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() for name in names}


def blobs_of(county: County) -> set[str]:
    return {str(file) for file in (county.kit.folder / "blobs").rglob("*")}


def test_one_person_plays_everybody_step_by_step_to_a_record_that_says_rehearsal(player: Player, tmp_path: Any) -> None:
    player.begin()
    assert {(body, act) for body, _, act in player.played.turns} == {(one, Act.COMMIT) for one in AGENCIES}
    for body in AGENCIES:
        player.speak(Act.COMMIT, body)
    assert player.played.turns == [], "everybody waits for the end of the commitment window"
    player.wait()
    for act in (Act.COUNTERSIGN, Act.REVEAL):
        for body in AGENCIES:
            player.speak(act, body)
    assert player.played.turns == [("GZ", "平罗公证处", Act.SEAL)]
    player.speak(Act.SEAL, "GZ")
    player.wait()
    player.speak(Act.DICE, "GZ", digits=DIGITS, again=DIGITS)
    played = player.played
    assert played.draw.outcome is not None
    assert (played.draw.stage, played.draw.outcome.visits, len(played.visits)) == (Stage.DRAWN, 11, 11)
    assert {one.custody for one in played.draw.agencies} == {"server"}
    with pytest.raises(OneVisitError, match=r"draw\.not_disclosed_yet"):
        rehearsing.file(player.service, LEAD, CAMPAIGN, RECORD)
    player.wait()
    assert player.stage == Stage.DISCLOSED
    with pytest.raises(OneVisitError, match=r"draw\.rehearsal_nothing_to_wait_for"):
        player.wait()

    files = {what: rehearsing.file(player.service, LEAD, CAMPAIGN, what) for what in (RECORD, FRAME, KEYS)}

    record = json.loads(files[RECORD][1])
    assert (record["manifest"]["purpose"], record["manifest"]["draw"]) == ("rehearsal", NAME)
    assert {name for name, _ in files.values()} == {NAME}
    for what, (_, content) in files.items():
        (tmp_path / what).write_bytes(content)
    report = [str(tmp_path / RECORD), str(tmp_path / FRAME), "--keys", str(tmp_path / KEYS)]
    assert verify_draw.main(report) == 0


def test_the_verifier_names_it_a_rehearsal(player: Player, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    player.until_disclosed()
    for what in (RECORD, FRAME):
        (tmp_path / what).write_bytes(rehearsing.file(player.service, LEAD, CAMPAIGN, what)[1])

    verify_draw.main([str(tmp_path / RECORD), str(tmp_path / FRAME)])

    assert "演练，不是正式抽取" in capsys.readouterr().out


def test_nothing_of_a_rehearsal_is_anywhere_but_in_its_one_sealed_row(county: County) -> None:
    before, documents, heard = rows_of(county), blobs_of(county), said(county.service)

    Player(county).until_disclosed()

    after = rows_of(county)
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert set(changed) == {"rehearsal", "idempotency", "sequences"}, "no draw, no attempt, no key, no word to anybody"
    assert changed["rehearsal"] == 1
    assert said(county.service) == heard
    assert blobs_of(county) == documents, "no document of it lies where the others lie"
    system = county.service.system
    assert county.service.ask(system, closed_draws) == []
    for actor in (*OFFICER.values(), WITNESS, PLANNER):
        assert county.service.ask(actor, draws_of, now=county.kit.clock.at) == []
        assert county.service.ask(actor, tasks_of, now=county.kit.clock.at).acts == []
    with county.service.db.read(system) as session:
        row = session.query(tables.Rehearsal).one()
    assert NAME.encode() not in row.sealed
    assert b"SQLite" not in row.sealed


def test_nobody_else_finds_it_not_even_a_colleague(county: County) -> None:
    Player(county).begin()
    colleague = person("JT", Role.DRAW_OFFICER, id="jt-second")

    for actor in (colleague, *(OFFICER[one] for one in AGENCIES if one != "JT"), WITNESS, PLANNER):
        assert county.service.ask(actor, rehearsal_of, campaign_id=CAMPAIGN) is None, actor.id
        with pytest.raises(OneVisitError, match=r"draw\.not_rehearsing|draw\.lead_only"):
            rehearsing.wait(county.service, actor, CAMPAIGN, key=f"peek-{actor.id}")
    other = Player(county, colleague).begin()
    assert other.played.name != NAME
    assert Player(county).played.name == NAME, "each rehearses alone"


@pytest.mark.parametrize("actor", [OFFICER["GA"], WITNESS, PLANNER])
def test_only_the_leads_draw_officer_rehearses(county: County, actor: Any) -> None:
    with pytest.raises(OneVisitError, match=r"draw\.lead_only"):
        Player(county, actor).begin()


def test_the_real_draw_is_untouched_and_gets_other_keys_secrets_and_targets(county: County) -> None:
    player = Player(county).until_disclosed()
    rehearsal = json.loads(rehearsing.file(player.service, LEAD, CAMPAIGN, RECORD)[1])
    county.until_drawn()
    with county.service.db.read(county.service.system) as session:
        attempt = session.query(tables.Attempt).one()

    assert (attempt.draw, attempt.number) == (DRAW, 1), "the number of the draw was not taken"
    keys = {one["key"] for one in attempt.manifest["agencies"].values()}
    assert keys.isdisjoint(one["key"] for one in rehearsal["manifest"]["agencies"].values())
    with county.service.db.read(county.service.system) as session:
        commitments = {row.c for row in session.query(tables.Commitment)}
    assert commitments.isdisjoint(one["c"] for one in rehearsal["commits"].values())
    summaries = attempt.manifest["rosters"]
    assert all(summaries[agency] != one for agency, one in rehearsal["manifest"]["rosters"].items()), "other salts"


def test_who_does_not_reveal_makes_the_attempt_void_and_the_next_one_opens(player: Player) -> None:
    player.begin()
    player.speak(Act.COMMIT)
    player.wait()
    player.speak(Act.COUNTERSIGN)
    for body in AGENCIES[:3]:
        player.speak(Act.REVEAL, body)
    player.wait()
    assert player.stage == Stage.REVEAL, "two are missing and one may be: no seal yet, and no end before its moment"
    player.wait()
    voided = player.played.draw.voided
    assert voided is not None
    assert (voided.reason, tuple(voided.absent)) == ("reveals_missing", AGENCIES[3:])
    assert [act for _, _, act in player.played.turns] == [Act.OPEN]

    player.speak(Act.OPEN)
    assert (player.played.draw.attempt, player.stage) == (2, Stage.COMMIT)
    player.speak(Act.COMMIT)
    player.wait()
    player.speak(Act.COUNTERSIGN)
    for body in AGENCIES[1:]:
        player.speak(Act.REVEAL, body)
    player.wait()
    player.speak(Act.SEAL)
    player.wait()
    player.speak(Act.DICE)

    draw = player.played.draw
    assert draw.outcome is not None
    assert draw.lacking("revealed_at") == ["安监局"], "one may be missing, and stays missing on the record"
    assert [(one.attempt, one.reason) for one in draw.earlier] == [(1, "reveals_missing")]


def test_a_missing_commitment_and_a_missing_countersignature_end_it_too(player: Player) -> None:
    player.begin()
    player.speak(Act.COMMIT, "GA")
    player.wait()
    assert player.played.draw.voided is not None
    assert player.played.draw.voided.reason == "commitment_missing"
    player.speak(Act.OPEN)
    player.speak(Act.COMMIT)
    player.wait()
    player.speak(Act.COUNTERSIGN, "GA")
    player.wait()
    assert player.played.draw.voided.reason == "countersignature_missing"


def test_without_a_witness_one_person_signs_for_more_than_half(kit: Kit) -> None:
    player = Player(a_county(kit, plan(witness=None))).until_revealed()
    assert len(player.played.turns) == 5
    player.speak(Act.SEAL)
    player.wait()
    player.speak(Act.DICE)

    assert player.stage == Stage.DRAWN


def test_what_is_not_its_turn_is_refused_and_changes_nothing(player: Player) -> None:
    player.begin()
    before = player.played
    for act, body in ((Act.REVEAL, "GA"), (Act.SEAL, ""), (Act.COMMIT, "GZ")):
        with pytest.raises(OneVisitError, match=r"draw\.rehearsal_not_its_turn"):
            player.speak(act, body)
    with pytest.raises(OneVisitError, match=r"draw\.attempt_running"):
        player.speak(Act.OPEN)

    assert player.played == before


def test_dice_typed_differently_are_refused_as_in_a_draw(player: Player) -> None:
    player.until_revealed()
    player.speak(Act.SEAL)
    player.wait()
    with pytest.raises(OneVisitError, match=r"draw\.dice_typed_differently"):
        player.speak(Act.DICE, digits=DIGITS, again="1" + DIGITS[1:])
    with pytest.raises(OneVisitError, match=r"draw\."):
        player.speak(Act.DICE, digits="1", again="1")

    assert player.stage == Stage.DICE


def test_the_same_press_twice_is_one_step_and_a_stale_window_is_told_so(county: County) -> None:
    player = Player(county).begin()
    for _ in range(2):
        rehearsing.speak(county.service, LEAD, CAMPAIGN, key="once", act=Act.COMMIT, body="GA")
    assert sum(one.commitment is not None for one in player.played.draw.agencies) == 1
    kept = county.service.ask(LEAD, rehearsal_of, campaign_id=CAMPAIGN)
    assert kept is not None
    with Room.enter(county.service, LEAD, kept) as room:
        room.speak(Act.COMMIT, "AJ")
        late = room.kept()
    player.speak(Act.COMMIT, "SJ")

    with pytest.raises(OneVisitError, match=r"draw\.rehearsal_moved_on"):
        county.service.do(LEAD, move_rehearsal, Prepared(late), campaign_id=CAMPAIGN, told=["late"])


def test_it_is_thrown_away_and_begun_again_with_other_secrets(county: County) -> None:
    player = Player(county).begin()
    player.speak(Act.COMMIT)
    first = [one.commitment for one in player.played.draw.agencies]
    player.begin()
    assert player.stage == Stage.COMMIT
    assert player.played.name == "REHEARSAL-640221-2018-002"
    player.speak(Act.COMMIT)
    assert set(first).isdisjoint(one.commitment for one in player.played.draw.agencies)

    player.drop()
    with pytest.raises(NotRehearsing):
        player.drop()

    assert rehearsing.seen(county.service, LEAD, CAMPAIGN) is None
    assert rows_of(county)["rehearsal"] == 0


def test_before_a_frame_is_frozen_it_is_played_on_an_invented_one(kit: Kit) -> None:
    service = kit.build(drawer)
    kit.feed(service, *registered(), confirmed(kit, plan()))
    player = Player(County(kit, service)).until_drawn()

    played = player.played

    assert played.is_example
    assert played.draw.frame.entities == 100
    assert all(one.target.startswith("EXAMPLE-") for one in played.visits)
    assert {officer[:7] for one in played.visits for team in one.teams for officer in team.officers if officer} == {
        "EXAMPLE"
    }


def test_a_draw_that_cannot_be_made_cannot_be_rehearsed_and_says_why(kit: Kit) -> None:
    county = a_county(kit, given=rosters({"YG": 1}))
    with pytest.raises(OneVisitError, match=r"draw\.infeasible"):
        Player(county).begin()

    assert rehearsing.seen(county.service, LEAD, CAMPAIGN) is None


def test_a_cancelled_campaign_is_not_rehearsed(county: County) -> None:
    player = Player(county).begin()
    county.kit.feed(
        county.service,
        CampaignCancelled(county="640221", campaign=CAMPAIGN),
    )

    with pytest.raises(OneVisitError, match=r"draw\.campaign_cancelled"):
        player.begin()
    with pytest.raises(OneVisitError, match=r"draw\.campaign_cancelled"):
        player.speak(Act.COMMIT)


def test_after_an_upgrade_it_is_begun_again(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    player = Player(county).begin()
    monkeypatch.setattr("services.drawer.rehearsal_room.release", lambda service: "0099_later")

    with pytest.raises(OneVisitError, match=r"draw\.rehearsal_of_another_release"):
        player.speak(Act.COMMIT)


def test_a_month_after_the_last_step_it_is_thrown_away_by_itself(county: County) -> None:
    Player(county).begin()
    begun = county.kit.clock.at
    run_due(county.service, begun + timedelta(days=29))
    assert rows_of(county)["rehearsal"] == 1

    county.kit.clock.at = begun + timedelta(days=30)
    run_due(county.service, county.kit.clock.at)

    assert rows_of(county)["rehearsal"] == 0
    with county.service.db.read(county.service.system) as session:
        assert lies_since(session) is None


def test_the_plan_is_rehearsed_without_what_one_person_cannot_play() -> None:
    beacons = [{"id": "drand-quicknet", "zh": "随机灯塔", "en": "drand"}]
    agreed = plan(purpose=Purpose.LIVE, parent="C-640221-2018-000", rotation=True, beacons=beacons)
    now = window_end(agreed) - timedelta(days=1)

    played = rehearsed(agreed, now)

    assert (played.purpose, played.beacons, played.parent, played.rotation) == (Purpose.REHEARSAL, (), None, False)
    assert [one.rate for one in played.classes] == [(1, 1)]
    assert window_end(played) > now + timedelta(days=9)
    assert rehearsed(plan(), now - timedelta(days=30)) == plan()


def test_the_room_has_no_way_to_say_anything(county: County) -> None:
    ground = county.service.ask(LEAD, rehearsal_ground, campaign_id=CAMPAIGN)
    with Room.begin(county.service, LEAD, NAME, ground) as room:
        assert isinstance(room.inside.ports.bus, NoLog)
        assert room.inside.backlog().unsent == 1, "what it would say stays there"
        with pytest.raises(AssertionError, match="nothing to anybody"):
            room.inside.relay()


def test_a_rehearsals_command_is_the_leads(county: County) -> None:
    with pytest.raises(OneVisitError, match=r"draw\.lead_only"):
        county.service.do(OFFICER["GA"], begin_rehearsal, Prepared(None), campaign_id=CAMPAIGN)
