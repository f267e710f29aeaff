"""
Marks: what must not be found where it does not belong.

Everything personal in the demonstration's spreadsheets is unique there, and so is what its people write down; so a text
that turns up tells what leaked and whose it is.
"""

import base64
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any
from zlib import crc32

from sqlalchemy import select

from onevisit.demo.papers import FOLDER
from onevisit.system import System
from runtime.files.sheets import read_sheets
from schemas.vocabulary import SERVICES
from services.console.tables import Account, LiveSession
from services.drawer.archive import full_record
from services.drawer.domain.encoding import hash_named
from services.drawer.domain.ticket import target_key, team_key
from services.drawer.queries.draws import draws_of
from services.drawer.tables import DrawSecret, RosterSecret, SigningKey
from services.drawer.vault import KEY, SERVICE, Vault
from services.results.commands.found import items_of, signatures_of, text_digest
from services.results.domain.checklists import Item
from services.results.tables import Entry, Evidence, FindingRow, Referral, Section, Visit

GIVEN = f"{SERVICE}.given"
"""The key under which the drawer tells one throw of dice from another (vault.fingerprint)."""
PEOPLE = {
    "agencies": ("联络人", "联系电话"),
    "inspectors": ("姓名", "执法证号", "联系电话"),
    "targets": ("法定代表人", "联络人", "联系方式"),
}
FIRMS = ("名称", "统一社会信用代码", "注册地址", "许可证编号")


@dataclass(frozen=True)
class Marks:
    """All marks of a played county: mark → what it is."""

    people: Mapping[str, str]  # names, phones, credentials
    officers: Mapping[str, Mapping[str, str]]  # agency → its officers' names, phones and credentials
    firms: Mapping[str, str]  # names, credit codes, addresses of the whole frame
    drawn: Mapping[str, Mapping[str, str]]  # visit → its firm's name, code, address and people
    written: Mapping[str, Mapping[str, str]]  # section → answers, findings, evidence of its officers
    decisions: Mapping[str, Mapping[str, str]]  # referral → what its receiver wrote
    secrets: Mapping[str, str]  # of the home: master key and what derives from it, passwords, hashes, sessions
    draw: Mapping[str, str]  # signing keys, secrets, salts; reveals, seed and every key that follows from it
    agencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # visit → agencies

    def all_written(self) -> dict[str, str]:
        """Put everything that officers and receivers wrote together."""
        return joined([*self.written.values(), *self.decisions.values()])


def joined(marks: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Put marks together."""
    return {mark: what for some in marks for mark, what in some.items()}


def found_in(text: str, marks: Mapping[str, str]) -> dict[str, str]:
    """Return the marks that stand in *text*, or of which something there is the origin (`origins`)."""
    behind = origins(_TOKEN.findall(text))
    return {mark: what for mark, what in marks.items() if mark in text or mark in behind}


_TOKEN = re.compile(r"[0-9A-Za-z_-]{20,}")


def origins(tokens: Iterable[str]) -> set[str]:
    """Return the digests of *tokens*: of a session the county keeps only that of its cookie, and so does its mark."""
    return {sha256(token.encode()).hexdigest() for token in tokens}


def forms(secret: bytes, what: str) -> dict[str, str]:
    """Give a secret in every form in which one may write it down."""
    plain, for_addresses = base64.b64encode(secret), base64.urlsafe_b64encode(secret)
    return dict.fromkeys((secret.hex(), plain.decode().rstrip("="), for_addresses.decode().rstrip("=")), what)


def collect(system: System) -> Marks:
    """Collect the marks of a county that has been played, whole or in part."""
    written, decisions = _written(system)
    drawn, agencies = _drawn(system)
    return Marks(
        people=joined(_people(name) for name in sorted(FOLDER.iterdir())),
        officers={path.stem.split("-")[1]: _people(path) for path in sorted(FOLDER.glob("inspectors-*"))},
        firms=_columns(FOLDER / "targets.xlsx", FIRMS, "firm"),
        drawn=drawn,
        written=written,
        decisions=decisions,
        secrets=_secrets(system) | _sign_ins(system),
        draw=_draw(system),
        agencies=agencies,
    )


def _people(path: Path) -> dict[str, str]:
    kind = path.stem.split("-")[0]
    return _columns(path, PEOPLE[kind], "person") if kind in PEOPLE else {}


def _columns(path: Path, wanted: tuple[str, ...], what: str) -> dict[str, str]:
    found = {}
    for sheet in read_sheets(path.read_bytes(), PurePath(path).name):
        head, *rows = sheet.rows
        for column, heading in enumerate(head.texts):
            if heading in wanted:
                found.update({text: f"{what}: {heading}" for row in rows if (text := row.text(column))})
    return found


def _written(system: System) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    results = system.services["results"]
    written: dict[str, dict[str, str]] = {}
    with results.db.read(results.system) as session:
        sections = {section.id for section in session.scalars(select(Section))}
        for entry in session.scalars(select(Entry)):
            own = written.setdefault(entry.id, {})
            answers = [str(answer) for item in entry.answers.values() for answer in item.values()]
            texts = [*answers, entry.unit.get("name", ""), entry.unit.get("witness", "")]
            own.update({text: f"answer of {entry.id}" for text in texts if _UNIQUE.search(text)})
            own.update({each["text"]: f"finding of {entry.id}" for each in entry.findings})
        for one in session.scalars(select(Evidence)):
            written[one.section].update(
                {one.sha256: f"evidence of {one.section}", one.id: f"evidence of {one.section}"}
            )
        for finding in session.scalars(select(FindingRow)):
            written[finding.section][finding.text] = f"finding of {finding.section}"
        legs = list(session.scalars(select(Referral).where(Referral.decision_text != "")))
        decisions = {leg.referral: {leg.decision_text: f"decision of {leg.referral}"} for leg in legs}
    assert sections >= written.keys()
    return written, decisions


_UNIQUE = re.compile(
    "〔|^209|^77[0-9]{10}$"
)  # what stands in one section only: a text, a day, a number (`mark_choices`)


def mark_choices(system: System) -> None:
    """
    Make the answers that many sections share (是否, 单选, 数字) tell whose they are, and let everybody sign again.

    Answers on which other questions hang stay as they are: a question that is not asked shows no answer at all.
    """
    results = system.services["results"]
    with results.db.write(results.system) as session:
        for entry in session.scalars(select(Entry)):
            section = session.get_one(Section, entry.id)
            before = text_digest(session, section)
            entry.answers = {item.id: _marked(item, entry) for item in items_of(session, section)}
            now = text_digest(session, section)
            for signature in signatures_of(session, section):
                signature.digest = now if signature.digest == before else signature.digest
            if entry.unit.get("digest") == before:
                entry.unit = entry.unit | {"digest": now}


def _marked(item: Item, entry: Entry) -> dict[str, str]:
    given = entry.answers.get(item.id, {})
    governing = {question.asked_if[0] for question in item.questions if question.asked_if}
    found = dict(given)
    for question in item.questions:
        said = given.get(question.id, "")
        if not said or question.id in governing:
            continue
        if question.answer in ("yes_no", "choice"):
            found[question.id] = f"{said}〔{entry.id}〕"
        elif question.answer == "number":
            found[question.id] = f"77{crc32(f'{entry.id} {item.id} {question.id}'.encode()):010d}"
    return found


@dataclass(frozen=True)
class Checklists:
    """The words of a county's checklists: an answer that many give is told by them, whoever gave it."""

    questions: frozenset[str]
    answers: frozenset[str]  # 是否 and 单选: yes, no and every choice

    def told_in(self, text: str) -> set[str]:
        """Name what is told in *text* of anybody's checklist: a question or its number, a choice standing by itself."""
        words = {word for word in _WORD.findall(text) if word in self.answers}
        return {*_NUMBER.findall(text)} | words | {question for question in self.questions if question in text}


_NUMBER = re.compile(r"(?<![0-9A-Za-z])Q[0-9]{1,2}(?![0-9A-Za-z])")
_WORD = re.compile(r"(?<![0-9A-Za-z_.-])[a-z]+(?![0-9A-Za-z_.-])|[\u4e00-\u9fff]+")


def checklists(system: System) -> Checklists:
    """Collect the words of every checklist that a section was filled in by."""
    results = system.services["results"]
    with results.db.read(results.system) as session:
        items = [item for section in session.scalars(select(Section)) for item in items_of(session, section)]
    questions = [question for item in items for question in item.questions]
    choices = {choice for question in questions for choice in question.choices}
    assert {question.id for question in questions if not _NUMBER.fullmatch(question.id)} == set()
    return Checklists(frozenset(question.text for question in questions), frozenset({"yes", "no", *choices}))


def _drawn(system: System) -> tuple[dict[str, dict[str, str]], dict[str, tuple[str, ...]]]:
    results = system.services["results"]
    with results.db.read(results.system) as session:
        visits = list(session.scalars(select(Visit)))
    kept = ("uscc", "name", "address", "legal_representative", "contact", "phone")
    drawn = {visit.id: {visit.about[key]: f"{key} of {visit.id}" for key in kept} for visit in visits}
    return drawn, {visit.id: tuple(visit.agencies) for visit in visits}


def _secrets(system: System) -> dict[str, str]:
    """Everything in secrets.toml, and the keys that derive from it."""
    stored = tomllib.loads((system.home.path / "secrets.toml").read_text(encoding="utf-8"))
    found = forms(bytes.fromhex(stored.pop("master")), "master key")
    found |= {password: f"password of {login}" for login, password in stored.pop("passwords").items()}
    assert not stored, "secrets.toml holds something the marks do not know"
    keys = [forms(system.home.secrets.sealing_key(name), f"sealing key of {name}") for name in (*SERVICES, GIVEN)]
    return joined([found, *keys])


def _sign_ins(system: System) -> dict[str, str]:
    with system.console.db.read(system.console.system) as session:
        hashes = {row.password_hash: f"hash of {row.login}'s password" for row in session.scalars(select(Account))}
        cookies = {row.token_digest: f"session of {row.account}" for row in session.scalars(select(LiveSession))}
    return hashes | cookies | {"$argon2": "hash of a password"}


def _draw(system: System) -> dict[str, str]:
    drawer = system.services["drawer"]
    (draw,) = drawer.ask(drawer.system, draws_of, now=system.ports.clock.now())
    record = json.loads(full_record(drawer, draw.draw).record)
    seed, named = bytes.fromhex(record["seed"]), hash_named(record["manifest"]["hash"])
    reveals = {
        value: f"reveal of {agency}" for agency, reveal in record["reveals"].items() for value in _long_texts(reveal)
    }
    sealed = _sealed(system)
    keys = {team_key(named, seed, agency).hex(): f"team key of {agency}" for agency in record["reveals"]}
    return sealed | reveals | keys | {record["seed"]: "seed", target_key(named, seed).hex(): "target key"}


def _sealed(system: System) -> dict[str, str]:
    drawer = system.services["drawer"]
    vault = Vault(drawer.ports)
    with drawer.db.read(drawer.system) as session:
        secrets = [
            forms(vault.open_secret(row.sealed), f"secret of {row.id}") for row in session.scalars(select(DrawSecret))
        ]
        keys = [
            forms(drawer.ports.secrets.open(SERVICE, KEY, row.sealed), f"signing key {row.id}")
            for row in session.scalars(select(SigningKey))
        ]
        rosters = {row.id: vault.open_salts(row.sealed) for row in session.scalars(select(RosterSecret))}
    salts = [
        forms(salt, f"salt of {officer} in {name}")
        for name, roster in rosters.items()
        for officer, salt in {**roster.salts, "ρ": roster.rho}.items()
    ]
    return joined([*secrets, *keys, *salts])


def _long_texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _long_texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _long_texts(each)]
    return [value] if isinstance(value, str) and len(value) >= 32 else []
