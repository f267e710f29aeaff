"""
A draw made elsewhere (附件2 on paper, a provincial platform): whether those it names could have been drawn and sent here.

Whether chance decided cannot be seen from a list. What can be seen is checked row by row, all of it at once: the firms
stand in the frozen frame and are as many as the plan draws, and every agency sends officers of its roster who may go.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.drawer.domain.encoding import class_of
from services.drawer.domain.frame import Kind
from services.drawer.domain.refusals import Remark, remark

CODE, AGENCY, LEADER = "统一社会信用代码", "部门", "组长"
OFFICER = "执法人员"
NAME = "企业名称"
Numbered = tuple[int, Sequence[str]]
"""Number of a row as people see it, and its texts."""


@dataclass(frozen=True)
class Available:
    """An officer who may be drawn: labels, most visits, and the targets the officer is recused from."""

    labels: frozenset[str]
    cap: int
    recused: frozenset[str]


@dataclass(frozen=True)
class Agreed:
    """What the plan, the frozen frame and the rosters say of the draw that a list is held against."""

    lines: Mapping[str, str]
    """Which agency inspects by which line."""
    names: Mapping[str, str]
    """What people write for an agency → its id."""
    slots: Mapping[str, Sequence[frozenset[str]]]
    """The labels each place of an agency's team needs."""
    planned: Mapping[str, int]
    """How many targets of each class the plan draws."""
    kinds: Mapping[str, Kind]
    """The targets of the frame that the list names."""
    rosters: Mapping[str, Mapping[str, Available]]
    left_out: Mapping[str, Mapping[str, str]]
    """Officers whom the freeze left out, by agency, and why."""

    def work_at(self, target: str) -> dict[str, tuple[str, ...]]:
        """Say by which lines each agency inspects a target of the frame."""
        found: dict[str, tuple[str, ...]] = {}
        for line in self.kinds[target].lines:
            found[self.lines[line]] = (*found.get(self.lines[line], ()), line)
        return dict(sorted(found.items()))


@dataclass(frozen=True)
class Team:
    """One row that is right: an agency at a target with its lines and its officers, first the one who leads."""

    target: str
    agency: str
    lines: tuple[str, ...]
    officers: tuple[str, ...]


@dataclass(frozen=True)
class Complaint:
    """One thing wrong with a list: in which row, in which column (empty: the whole row), and what."""

    row: int
    column: str
    what: Remark


@dataclass(frozen=True)
class Read:
    """A list as it was read: its teams by target, in the order of the list, and everything wrong with it."""

    teams: Mapping[str, Sequence[Team]]
    complaints: tuple[Complaint, ...]


def headings(places: int) -> tuple[str, ...]:
    """Name the columns of a list in which a team has up to *places* officers (附件6)."""
    return (NAME, CODE, AGENCY, LEADER, *(f"{OFFICER}{number}" for number in range(1, places + 1)))


def codes_in(rows: Sequence[Numbered]) -> frozenset[str]:
    """Name every target a list speaks of, whether it is known or not."""
    return frozenset(_Table(rows).text(texts, CODE) for _, texts in rows[1:])


def read(rows: Sequence[Numbered], agreed: Agreed) -> Read:
    """
    Hold a list against what was agreed; *rows*: those that are not empty, the headings first.

    Names of firms and columns beyond those asked for are passed over.
    """
    return _Reading(_Table(rows), agreed).read(rows)


class _Table:
    """Where the columns of a list are."""

    def __init__(self, rows: Sequence[Numbered]) -> None:
        self.head, texts = rows[0] if rows else (1, ())
        # Our own template may have notes in brackets behind a heading: 执法人员1（工号）.
        self._at = {text.partition("（")[0].partition("(")[0].strip(): at for at, text in reversed([*enumerate(texts)])}
        officers = [name for name in self._at if re.fullmatch(f"{OFFICER}[0-9]+", name)]
        self.officers = sorted(officers, key=self._at.__getitem__)
        self.missing = [name for name in (CODE, AGENCY, f"{OFFICER}1") if name not in self._at]

    def text(self, texts: Sequence[str], column: str) -> str:
        """Read a cell; empty where there is none."""
        at = self._at.get(column, len(texts))
        return texts[at].strip() if at < len(texts) else ""


@dataclass
class _Reading:
    """A list while it is read."""

    table: _Table
    agreed: Agreed
    teams: dict[str, list[Team]] = field(default_factory=dict)
    first: dict[tuple[str, str], int] = field(default_factory=dict)
    at: dict[str, int] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    def read(self, rows: Sequence[Numbered]) -> Read:
        for column in self.table.missing:
            self._complain(self.table.head, column, "column_missing", column=column)
        if not self.complaints:
            if not rows[1:]:
                self._complain(self.table.head, "", "no_rows")
            for number, texts in rows[1:]:
                self._row(number, texts)
            self._whole()
        return Read(self.teams, tuple(sorted(self.complaints, key=lambda one: one.row)))

    def _complain(self, row: int, column: str, code: str, /, **facts: object) -> None:
        self.complaints.append(Complaint(row, column, remark(f"draw.import.{code}", facts)))

    def _row(self, row: int, texts: Sequence[str]) -> None:
        target, agency = self._target(row, texts), self._agency(row, texts)
        if target:
            self.at.setdefault(target, row)
        if not target or not agency:
            return
        before = self.first.setdefault((target, agency), row)
        if before != row:
            self._complain(row, AGENCY, "row_doubled", agency=agency, target=target, first=before)
            return
        lines = self.agreed.work_at(target).get(agency)
        if lines is None:
            self._complain(row, AGENCY, "agency_without_items", agency=agency, target=target)
            return
        team = Team(target, agency, lines, self._officers(row, texts, agency, target))
        self.teams.setdefault(target, []).append(team)

    def _target(self, row: int, texts: Sequence[str]) -> str | None:
        target = self._written(row, texts, CODE)
        if target and target not in self.agreed.kinds:
            self._complain(row, CODE, "target_unknown", target=target)
            return None
        return target or None

    def _agency(self, row: int, texts: Sequence[str]) -> str | None:
        written = self._written(row, texts, AGENCY)
        agency = self.agreed.names.get(written)
        if written and agency is None:
            self._complain(row, AGENCY, "agency_unknown", written=written)
        return agency

    def _written(self, row: int, texts: Sequence[str], column: str) -> str:
        written = self.table.text(texts, column)
        if not written:
            self._complain(row, column, "cell_empty", column=column)
        return written

    def _officers(self, row: int, texts: Sequence[str], agency: str, target: str) -> tuple[str, ...]:
        written = [(column, self.table.text(texts, column)) for column in self.table.officers]
        team: dict[str, Available] = {}
        for column, officer in written:
            if not officer:
                continue
            found = self._officer(row, column, officer, agency, target)
            if officer in team:
                self._complain(row, column, "officer_twice", officer=officer)
            elif found is not None:
                team[officer] = found
        if len([officer for _, officer in written if officer]) == len(team):
            self._check_places(row, agency, team)
        leader = self.table.text(texts, LEADER)
        if leader and leader not in {officer for _, officer in written}:
            self._complain(row, LEADER, "leader_not_in_team", officer=leader)
        return tuple(sorted(team, key=lambda officer: officer != leader))  # stable: the others as they are written

    def _officer(self, row: int, column: str, officer: str, agency: str, target: str) -> Available | None:
        found = self.agreed.rosters.get(agency, {}).get(officer)
        if found is None:
            reason = self.agreed.left_out.get(agency, {}).get(officer)
            if reason is None:
                self._complain(row, column, "officer_unknown", officer=officer, agency=agency)
            else:
                self._complain(row, column, "officer_left_out", officer=officer, left_out=reason)
        elif target in found.recused:
            self._complain(row, column, "officer_recused", officer=officer, target=target)
        return found

    def _check_places(self, row: int, agency: str, team: Mapping[str, Available]) -> None:
        places = self.agreed.slots[agency]
        if len(team) < len(places):
            self._complain(row, "", "officers_too_few", needed=len(places), there=len(team))
        elif not _can_fill(places, [one.labels for one in team.values()]):
            self._complain(row, "", "labels_missing", labels=[sorted(place) for place in places])

    def _whole(self) -> None:
        """Check what no single row shows: agencies that are missing, officers sent too often, too many or few targets."""
        for target, row in self.at.items():
            named = {agency for at, agency in self.first if at == target}
            if missing := [agency for agency in self.agreed.work_at(target) if agency not in named]:
                self._complain(row, AGENCY, "agency_missing", agencies=missing, target=target)
        teams = [team for of in self.teams.values() for team in of]
        visits = Counter((team.agency, officer) for team in teams for officer in team.officers)
        for (agency, officer), count in sorted(visits.items()):
            if count > (cap := self.agreed.rosters[agency][officer].cap):
                self._complain(self.table.head, "", "officer_over_cap", officer=officer, visits=count, cap=cap)
        for entity_class, drawn, planned in _numbers(self.agreed.planned, self.agreed.kinds, self.at):
            facts = {"class": entity_class, "drawn": drawn, "planned": planned}
            self._complain(self.table.head, "", "number_differs", **facts)


def _numbers(
    planned: Mapping[str, int], kinds: Mapping[str, Kind], targets: Iterable[str]
) -> Iterator[tuple[str, int, int]]:
    """Give every class of which not as many are drawn as the plan says: (class, drawn, planned)."""
    drawn = Counter(class_of(kinds[target].stratum) for target in targets)
    for entity_class in sorted(planned.keys() | drawn.keys()):
        if drawn[entity_class] != planned.get(entity_class, 0):
            yield entity_class, drawn[entity_class], planned.get(entity_class, 0)


def _can_fill(places: Sequence[frozenset[str]], team: Sequence[frozenset[str]]) -> bool:
    """Tell whether a team has for every place somebody else with the labels it needs (augmenting paths)."""
    sits: dict[int, int] = {}  # officer → place

    def seat(place: int, asked: set[int]) -> bool:
        for officer, labels in enumerate(team):
            if places[place] <= labels and officer not in asked:
                asked.add(officer)
                if officer not in sits or seat(sits[officer], asked):
                    sits[officer] = place
                    return True
        return False

    return all(seat(place, set()) for place in range(len(places)))
