"""Whatever the planner may refuse, warn or say has its sentence in both languages, and no sentence is left over."""

import re
import tomllib
from pathlib import Path

import services.planner.app
from runtime.errors import OneVisitError

PLANNER = Path(services.planner.app.__file__).parent
LITERAL = re.compile(r'"((?:cell|import|target|inspector|expert|recusal|absence|item|checklist|sizes|caps)\.[a-z_]+)"')
WARNED = re.compile(r'(?:_warn|Warned)\(\s*"([a-z_]+)"')
SAID = re.compile(r'"(planner\.said\.[a-z]+)"')
STEP = re.compile(r'caller,\s*campaign_id,\s*"([a-z]+)",', re.DOTALL)


def codes() -> set[str]:
    classes = [OneVisitError]
    found: set[str] = set()
    while classes:
        kind = classes.pop()
        classes += kind.__subclasses__()
        if kind.__module__.startswith("services.planner"):
            found.add(kind.code)
    source = "\n".join(path.read_text("utf-8") for path in PLANNER.rglob("*.py"))
    found |= set(LITERAL.findall(source))
    found |= {f"warning.{code}" for code in WARNED.findall(source)}
    found |= set(SAID.findall(source)) | {f"planner.said.{step}" for step in STEP.findall(source)}
    return found | {"sizes.one_class", "sizes.class_per_category"}


def test_every_code_has_its_sentence() -> None:
    sentences = tomllib.loads((PLANNER / "messages.toml").read_text("utf-8"))

    words = {code for code in sentences if code.startswith("word.")}  # held by tests/architecture/test_messages.py
    assert sentences.keys() - words == codes()
    for code in sentences.keys() - words:
        sentence = sentences[code]
        assert sentence["zh"].endswith(("。", "？")), code
        assert sentence["en"].endswith((".", "?")), code
        assert re.findall(r"{(\w+)}", sentence["zh"]) or not re.findall(r"{(\w+)}", sentence["en"]), code
