"""Every macro renders, in both languages, and everything hostile is escaped (the client checks that on each page)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.vocabulary import Role
from tests.kit import Kit, person
from tests.pages.client import ConsoleClient, open_site
from tests.pages.gallery import gallery

MACROS = Path(__file__).parents[2] / "services/console/templates/console/macros.html"
SAMPLE = Path(__file__).parent / "templates" / "gallery"


@pytest.fixture
def viewer(kit: Kit) -> Iterator[ConsoleClient]:
    service = gallery(kit.ports, kit.folder)
    yield open_site(kit, service).person(person("JT", Role.VIEWER))
    service.close()


def test_every_macro_is_shown_once_and_documented_with_its_signature() -> None:
    text = MACROS.read_text("utf-8")
    reference, _, code = text.partition("#}")
    defined = dict(re.findall(r"macro ([a-z]\w*)\((.*?)\) -?%}", code))
    samples = "".join(path.read_text("utf-8") for path in SAMPLE.glob("*.html"))

    for name, signature in defined.items():
        assert f"ui.{name}(" in samples, f"{name} is not in the gallery"
        told = re.findall(rf"\b{name}\(((?:[^()]|\(\))*)\)", reference)
        assert told, f"{name} is not in the reference"
        assert signature.replace(" ", "") in [one.replace(" ", "") for one in told], name


def test_the_gallery_renders_in_chinese(viewer: ConsoleClient) -> None:
    page = viewer.get("/gallery")

    assert page.root.one("html").get("lang") == "zh-CN"
    assert "还剩 4 个工作日" in page.main
    assert page.parts == ["/parts/gallery/part/1"]


def test_the_language_is_switched_and_kept(viewer: ConsoleClient) -> None:
    page = viewer.get("/gallery").form("/lang").submit()

    assert page.path == "/gallery"
    assert page.root.one("html").get("lang") == "en"
    assert "4 working days left" in viewer.get("/gallery").main


def test_a_form_is_sent_with_what_stands_in_it(viewer: ConsoleClient) -> None:
    form = next(form for form in viewer.get("/gallery").forms if form.element.get("id") == "entry")

    assert form.values["agencies"] == ["JT"]
    assert form.values["found"] == ["CORRECTED"]
    assert (
        form.submit(firm="x", agencies=["JT", "YJ"], files={"evidence": ("a.txt", b"a", "text/plain")}).path
        == "/gallery"
    )


def test_parts_and_tiles_load(viewer: ConsoleClient) -> None:
    home = viewer.get("/")

    assert [part.text for path in home.parts if (part := home.load(path)).text.startswith("我的检查")]
    assert viewer.get("/gallery").load("/parts/gallery/part/1").text.startswith("移送待办")


def test_a_part_that_is_refused_says_so_in_its_place(viewer: ConsoleClient) -> None:
    answer = viewer.part("/parts/gallery/part/x", 422)

    assert not list(answer.root.all("html"))
    assert "填写的内容有误" in answer.text
