"""Teams: complete wherever a solution exists, balanced as well as can be, and never somebody who may not go."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from services.drawer.domain.encoding import SHA256
from services.drawer.domain.roster import Officer
from services.drawer.domain.teams import OpenProof, Teams, match

KEY = b"0123456789abcdef0123456789abcdef"
Targets = Mapping[str, Sequence[tuple[str, ...]]]
Case = tuple[Targets, Mapping[str, Officer], frozenset[tuple[str, str]]]
Place = tuple[str, int]

label_sets = st.sets(st.sampled_from("xy")).map(lambda labels: tuple(sorted(labels)))


@st.composite
def cases(draw: st.DrawFn, officers: int = 6, targets: int = 5, slots: int = 3) -> Case:
    names = ["i0", "i1", "__proto__", "i3", "i4", "i5"][:officers]
    roster = {
        name: Officer(draw(label_sets), draw(st.integers(0, 4)), draw(st.integers(0, 3)))
        for name in names[: draw(st.integers(1, officers))]
    }
    wanted = {
        f"t{number}": draw(st.lists(label_sets, min_size=0, max_size=slots))
        for number in range(draw(st.integers(1, targets)))
    }
    pairs = [(name, target) for name in roster for target in wanted]
    return wanted, roster, frozenset(draw(st.lists(st.sampled_from(pairs), max_size=6)))


def may_go(case: Case, name: str, place: Place) -> bool:
    targets, roster, recused = case
    return set(targets[place[0]][place[1]]) <= set(roster[name].labels) and (name, place[0]) not in recused


def most_slots_filled(case: Case) -> int:
    """
    Find by maximum flow how many slots can be filled at most.

    Source → inspector (cap) → (inspector, target) (1) → slot (1) → sink, by plain breadth-first augmentation.
    """
    targets, roster, _ = case
    places = [(target, index) for target, wanted in targets.items() for index in range(len(wanted))]
    room: dict[tuple[object, object], int] = {}
    for name, officer in roster.items():
        room["source", name] = officer.cap
        for place in places:
            if may_go(case, name, place):
                room[name, (name, place[0])] = 1
                room[(name, place[0]), place] = 1
    room |= {(place, "sink"): 1 for place in places}
    flow = 0
    while augment(room):
        flow += 1
    return flow


def augment(room: dict[tuple[object, object], int]) -> bool:
    came_from: dict[object, object] = {"source": None}
    queue: deque[object] = deque(["source"])
    while queue and "sink" not in came_from:
        here = queue.popleft()
        for (start, end), left in room.items():
            if start == here and left and end not in came_from:
                came_from[end] = here
                queue.append(end)
    if "sink" not in came_from:
        return False
    step: object = "sink"
    while step != "source":
        before = came_from[step]
        room[before, step] -= 1
        room[step, before] = room.get((step, before), 0) + 1
        step = before
    return True


def filled(teams: Teams) -> list[tuple[str, Place]]:
    return [
        (name, (target, index))
        for target, team in teams.assigned.items()
        for index, name in enumerate(team)
        if name is not None
    ]


@given(cases())
def test_as_many_slots_are_filled_as_a_maximum_flow_finds(case: Case) -> None:
    teams = match(SHA256, KEY, *case)

    assert len(filled(teams)) == most_slots_filled(case)


@given(cases())
def test_nobody_goes_who_is_recused_unlabelled_above_the_cap_or_there_already(case: Case) -> None:
    targets, roster, _ = case

    teams = match(SHA256, KEY, *case)

    assert {target: len(team) for target, team in teams.assigned.items()} == {
        target: len(wanted) for target, wanted in targets.items()
    }
    visits = Counter(name for name, _ in filled(teams))
    assert all(may_go(case, name, place) for name, place in filled(teams))
    assert all(visits[name] <= officer.cap for name, officer in roster.items())
    assert all(len(set(names)) == len(names) for names in ([n for n in team if n] for team in teams.assigned.values()))


@given(cases())
def test_loads_are_visits_and_at_most_one_for_history(case: Case) -> None:
    _, roster, _ = case
    lowest = min(officer.base_load for officer in roster.values())

    teams = match(SHA256, KEY, *case)

    visits = Counter(name for name, _ in filled(teams))
    assert teams.loads == {
        name: visits[name] + (1 if officer.base_load > lowest else 0) for name, officer in roster.items()
    }


@given(cases(officers=4, targets=3, slots=2))
def test_the_balance_is_the_best_there_is_for_the_slots_filled(case: Case) -> None:
    _, roster, _ = case
    teams = match(SHA256, KEY, *case)
    places = [place for _, place in filled(teams)]
    start = {name: load - sum(who == name for who, _ in filled(teams)) for name, load in teams.loads.items()}

    best = min(
        sorted_loads(start, choice) for choice in product(roster, repeat=len(places)) if allowed(case, choice, places)
    )

    assert sorted(teams.loads.values(), reverse=True) == best


def allowed(case: Case, choice: Sequence[str], places: Sequence[Place]) -> bool:
    pairs = {(name, place[0]) for name, place in zip(choice, places, strict=True)}
    visits = Counter(choice)
    return (
        len(pairs) == len(places)
        and all(may_go(case, name, place) for name, place in zip(choice, places, strict=True))
        and all(visits[name] <= case[1][name].cap for name in visits)
    )


def sorted_loads(start: Mapping[str, int], choice: Sequence[str]) -> list[int]:
    """Loads from the largest down: the first smaller list is the more even one."""
    visits = Counter(choice)
    return sorted((load + visits[name] for name, load in start.items()), reverse=True)


@given(cases())
def test_an_open_slot_comes_with_the_proof_that_nobody_could_take_it(case: Case) -> None:
    targets, roster, _ = case

    teams = match(SHA256, KEY, *case)

    open_places = [
        (target, at) for target, team in teams.assigned.items() for at, one in enumerate(team) if one is None
    ]
    assert [(one.target, one.slot) for one in teams.open] == sorted(open_places)
    for one in teams.open:
        assert set(one.labels) == set(targets[one.target][one.slot])
        # The proof needs no trust in the search: those marked can fill no more of the reached slots than their caps
        # allow, everybody else one per target; together that is one slot too few.
        proof = teams.proof(one)
        marked = sum(roster[name].cap for name in proof.marked)
        others = {
            (name, place[0])
            for name in roster.keys() - set(proof.marked)
            for place in proof.reached
            if may_go(case, name, place)
        }
        assert len(set(proof.reached)) == len(proof.reached) == marked + len(others) + 1


@given(cases())
def test_like_slots_stand_in_a_random_order_and_open_ones_last(case: Case) -> None:
    teams = match(SHA256, KEY, *case)

    for target, team in teams.assigned.items():
        groups: dict[tuple[str, ...], list[str | None]] = {}
        for labels, name in zip(case[0][target], team, strict=True):
            groups.setdefault(labels, []).append(name)
        for names in groups.values():
            known = [name for name in names if name is not None]
            assert names == known + [None] * (len(names) - len(known))
            assert known == sorted(known, key=lambda name: SHA256(KEY + f"|s|{target}|{name}".encode()))


@given(cases())
def test_the_order_in_which_things_are_given_does_not_matter(case: Case) -> None:
    targets, roster, recused = case

    again = match(
        SHA256,
        KEY,
        dict(reversed([*targets.items()])),
        dict(reversed([*roster.items()])),
        sorted(recused, reverse=True),
    )

    assert again == match(SHA256, KEY, *case)


def test_labels_are_a_set_in_whatever_order_they_are_written() -> None:
    roster = {name: Officer(("x", "y"), 9, 0) for name in "abcd"}

    one = match(SHA256, KEY, {"t": [("x", "y"), ("y", "x", "x")]}, roster)

    assert one == match(SHA256, KEY, {"t": [("x", "y"), ("x", "y")]}, roster)


def test_without_inspectors_every_slot_is_open() -> None:
    teams = match(SHA256, KEY, {"t": [("x",), ()]}, {})

    assert teams.assigned == {"t": (None, None)}
    assert [(one.slot, one.labels) for one in teams.open] == [(0, ("x",)), (1, ())]
    assert [teams.proof(one) for one in teams.open] == [OpenProof((), (("t", 0),)), OpenProof((), (("t", 1),))]


def test_without_targets_nobody_goes_anywhere() -> None:
    teams = match(SHA256, KEY, {}, {"a": Officer((), 1, 5), "b": Officer((), 1, 0)})

    assert (teams.assigned, teams.open, teams.loads) == ({}, (), {"a": 1, "b": 0})


def test_one_newcomer_pair_does_not_go_everywhere() -> None:
    roster = {f"i{number}": Officer((), 99, 0 if number < 2 else 10) for number in range(8)}

    teams = match(SHA256, KEY, {f"t{number}": [(), ()] for number in range(6)}, roster)

    visits = Counter(name for name, _ in filled(teams))
    assert max(visits["i0"], visits["i1"]) <= 3  # counted in full, their history would have sent them to all six


def test_the_same_two_people_do_not_always_travel_together() -> None:
    repeated = 0
    for number in range(100):
        key = SHA256(f"key {number}".encode()).hex()[:32].encode()
        roster = {f"i{one}": Officer((), 99, 0) for one in range(8)}
        teams = match(SHA256, key, {f"t{one}": [(), ()] for one in range(6)}, roster)
        pairs = Counter(frozenset(pair) for team in teams.assigned.values() for pair in combinations(team, 2))
        repeated += sum(times - 1 for times in pairs.values())

    # Section 12 measured 0.3 a draw with the load inside the card; without it 5.0.
    assert repeated / 100 < 0.6


def test_everybody_is_lead_about_equally_often() -> None:
    leads: Counter[str | None] = Counter()
    for number in range(300):
        key = SHA256(f"key {number}".encode()).hex()[:32].encode()
        teams = match(SHA256, key, {"t": [(), ()], "u": [(), ()]}, {name: Officer((), 9, 0) for name in "abcd"})
        leads.update(team[0] for team in teams.assigned.values())

    assert all(110 <= leads[name] <= 190 for name in "abcd")
