"""Whatever of a request can be wrong is named as people call it, in both languages."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

import onevisit
import runtime
import services
from onevisit import home as homes
from onevisit.demo.papers import demo_settings
from onevisit.system import System, build
from runtime.web.messages import Messages

CHINESE, LATIN = re.compile("[\u4e00-\u9fff]"), re.compile("^[a-z][a-z ,.()']*$")


FILES = sorted(
    file for package in (runtime, services, onevisit) for file in Path(package.__path__[0]).rglob("messages.toml")
)


@pytest.fixture(scope="module")
def messages() -> Messages:
    return Messages(*FILES)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    home = tmp_path_factory.mktemp("fields") / "home"
    homes.create(home, demo_settings(""))
    system = build(homes.open_home(home))
    yield system
    system.close()


def models_in(annotation: object, found: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """Collect the models that a parameter's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in found:
        found.add(annotation)
        for field in annotation.model_fields.values():
            models_in(field.annotation, found)
    for part in typing.get_args(annotation):
        models_in(part, found)
    return found


def fields_of(dependant: Dependant) -> Iterator[str]:
    """Name every field that a route reads from path, query, form or body."""
    for parameter in (*dependant.path_params, *dependant.query_params, *dependant.body_params):
        models = models_in(parameter.field_info.annotation, set())
        if not models:
            yield parameter.alias
        for model in models:
            yield from model.model_fields
    for each in dependant.dependencies:
        yield from fields_of(each)


def test_every_field_of_every_request_has_a_word(county: System, messages: Messages) -> None:
    app = county.web()
    fields = {name for route in app.routes if isinstance(route, APIRoute) for name in fields_of(route.dependant)}

    assert len(fields) > 90
    assert {"visit_id", "first_on", "login", "beacon_minutes", "paused"} <= fields
    wordless = {
        name
        for name in fields
        if not CHINESE.search(messages.field(name, "zh")) or not LATIN.match(messages.field(name, "en"))
    }
    assert wordless == set()


def test_a_field_inside_another_is_named_by_both(messages: Messages) -> None:
    assert messages.field("stages.0.first_on", "zh") == "阶段 第 1 项 开始日期"
    assert messages.field("stages.0.first_on", "en") == "the stages, no. 1, the first day"
    assert messages.field("answers.JT-01.Q3", "zh") == "检查项目的答案"
    assert messages.field("no_such_thing.1", "zh") == "no_such_thing.1"
    refusal = messages.of("web.input_invalid", {"fields": ["day", "stages.0.first_on"]})
    assert refusal.zh == "填写的内容有误：检查日期、阶段 第 1 项 开始日期。"


def test_words_of_fields_are_words_of_something(county: System, messages: Messages) -> None:
    """No word stands there for a field that nobody sends, save those that refusals of a service name themselves."""
    app = county.web()
    fields = {name for route in app.routes if isinstance(route, APIRoute) for name in fields_of(route.dependant)}
    words = {code.removeprefix("word.field.") for code in messages.codes if code.startswith("word.field.")}
    named = "\n".join(path.read_text("utf-8") for path in Path(services.__path__[0]).rglob("*.py"))

    assert {word for word in words - fields if not re.search(rf"\b{word}\b", named)} == set()
