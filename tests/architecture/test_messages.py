"""Whatever is refused has a sentence in both languages, and no sentence stands there for something nobody says."""

import ast
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import onevisit
import runtime
import services
from runtime.errors import OneVisitError
from runtime.web.messages import Messages
from services.drawer.domain import shape
from services.results.domain import referrals, sections

ROOT = Path(__file__).parent.parent.parent
PACKAGES: tuple[ModuleType, ...] = (runtime, services, onevisit)
FILES = sorted(file for package in PACKAGES for file in Path(package.__path__[0]).rglob("messages.toml"))
CHINESE, LATIN = re.compile("[\u4e00-\u9fff]"), re.compile("[A-Za-z]{2}")
CODED = ("state", "act", "reason", "what", "kind", "field")
BORROWED = {
    "error": "the root of all refusals: nothing raises it, and a bug shows as web.incident",
}


def refusals() -> set[type[OneVisitError]]:
    """Find every refusal of the product, and no one of a test."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    names = tuple(package.__name__ for package in PACKAGES)
    return {one for one in _below(OneVisitError) if one.__module__.split(".")[0] in names}


def _below(family: type[OneVisitError]) -> set[type[OneVisitError]]:
    return {family}.union(*(_below(child) for child in family.__subclasses__()))


def is_family(one: type[OneVisitError]) -> bool:
    """Tell a family of refusals, which is caught and never raised, from a refusal: by name it is called nowhere."""
    return bool(one.__subclasses__()) and not re.search(
        rf"(?<!class )\b{one.__name__}\((?!.*\):\s*$)", sources(ROOT), re.M
    )


def sentences() -> dict[str, tuple[Path, dict[str, str]]]:
    """Read every sentence: {code: (file, entry)}."""
    return {
        code: (file, entry) for file in FILES for code, entry in tomllib.loads(file.read_text(encoding="utf-8")).items()
    }


_SOURCES: dict[Path, str] = {}


def sources(folder: Path) -> str:
    """Read the program text below *folder* (the root: of the whole product): Python, templates, rule packs."""
    if folder not in _SOURCES:
        below = [ROOT / name for name in ("runtime", "services", "onevisit", "schemas", "rulepacks")]
        folders = below if folder == ROOT else [folder, ROOT / "rulepacks", ROOT / "schemas"]
        _SOURCES[folder] = "\n".join(_texts(folders))
    return _SOURCES[folder]


def _texts(folders: list[Path]) -> Iterator[str]:
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".html", ".toml") and file.name != "messages.toml":
                yield file.read_text(encoding="utf-8")


def is_said(code: str, folder: Path) -> bool:
    """
    Tell whether the program says *code*: in one word, or put together from a beginning and an end that both stand there.

    ``warning.stages_overlap`` is said by ``f"warning.{code}"`` beside ``"stages_overlap"``.
    """
    text = sources(folder)
    if re.search(rf"[\"']{re.escape(code)}[\"']", text):
        return True
    for joint in re.finditer(r"[._]", code):
        start, end = re.escape(code[: joint.end()]), re.escape(code[joint.end() :])
        joined = re.search(rf"[\"']{start}(\{{|[\"'])", text)
        if joined and re.search(rf"[\"']{end}[\"']|^{end} ?=|\b{end}:", text, re.M):
            return True
    return False


def test_every_refusal_has_a_sentence_in_both_languages() -> None:
    written = sentences()
    silent = {
        f"{one.__module__}.{one.__name__}: {one.code}"
        for one in refusals()
        if one.code not in written and one.code not in BORROWED and not is_family(one)
    }

    assert len(refusals()) > 150
    assert silent == set()


def test_every_refusal_says_what_to_do_next() -> None:
    refused = {one.code for one in refusals() if one.code not in BORROWED and not is_family(one)}
    helpless = {code for code, (_, entry) in sentences().items() if code in refused and "next_zh" not in entry}

    assert helpless == set()


def test_every_sentence_is_chinese_and_english_and_knows_the_next_step_in_both_or_neither() -> None:
    for code, (file, entry) in sentences().items():
        assert CHINESE.search(entry["zh"]), f"{code} in {file}"
        assert LATIN.search(entry["en"]), f"{code} in {file}"
        assert ("next_zh" in entry) == ("next_en" in entry), f"{code} in {file}"
        assert entry.keys() <= {"zh", "en", "next_zh", "next_en"}, f"{code} in {file}"


def test_no_code_stands_there_that_nobody_says() -> None:
    raised = {one.code for one in refusals()}
    unsaid = {
        f"{code} in {file.relative_to(ROOT)}"
        for code, (file, _) in sentences().items()
        if code not in raised and not code.startswith("word.") and not is_said(code, file.parent)
    }

    assert unsaid == set()


def coded_facts() -> Iterator[tuple[str, str]]:
    """Find the codes that refusals show as facts: ``Refusal(reason="too_early")``, and what a shape asks of a string."""
    shown = {one.__name__: sentences().get(one.code, (None, {"zh": ""}))[1]["zh"] for one in refusals()}
    for file in sorted((ROOT / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == shape.text.__name__:
                yield "reason", str(_beginning(node.args[0]))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in shown:
                for keyword in node.keywords:
                    stands = keyword.arg in CODED and f"{{{keyword.arg}}}" in shown[node.func.id]
                    if stands and keyword.arg and (code := _beginning(keyword.value)):
                        yield keyword.arg, code.partition(":")[0]


def _beginning(value: ast.expr) -> str | None:
    if isinstance(value, ast.JoinedStr) and value.values:
        value = value.values[0]
    if isinstance(value, ast.BinOp):
        value = value.left
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def test_a_code_inside_a_sentence_is_shown_as_a_word() -> None:
    written = sentences()
    found = set(coded_facts())
    for enum in (referrals.State, referrals.Act, sections.State):
        found |= {("act" if enum is referrals.Act else "state", one.value) for one in enum}

    assert len(found) > 30
    assert {f"word.{name}.{code}" for name, code in found} - written.keys() == set()
    said = Messages(*FILES).of(
        "referral.not_in_state", {"state": referrals.State.RECEIVED, "act": referrals.Act.DECIDE}
    )
    assert said.zh == "移送当前状态（已签收）不能进行这项操作（作出决定）。"


@pytest.mark.parametrize("code", ["warning.nobody_says_this", "nobody.says_this", "planner.said.nobody"])
def test_the_search_for_codes_can_fail(code: str) -> None:
    assert not is_said(code, ROOT / "services" / "planner")


def test_no_code_has_two_sentences() -> None:
    codes = [code for file in FILES for code in tomllib.loads(file.read_text(encoding="utf-8"))]

    assert {code for code in codes if codes.count(code) > 1} == set()
    assert len(FILES) >= 9
