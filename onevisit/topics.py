"""``onevisit topics``: the topics of the distributed form, as ``schemas/topics.py`` declares them."""

import asyncio
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from onevisit.saying import out, say
from runtime.errors import OneVisitError
from schemas.vocabulary import SERVICES

if TYPE_CHECKING:
    from runtime.events.kafka_settings import KafkaSettings

DIFFERS = 3  # exit code of plan

topics_app = typer.Typer(
    no_args_is_help=True, help="The topics on Kafka (distributed form; ONEVISIT_KAFKA_… say how to reach it)."
)


class KafkaNotInstalled(OneVisitError):
    """The embedded form needs no Kafka packages, so they may not be there."""

    code = "kafka.not_installed"


def _settings() -> "KafkaSettings":
    from runtime.events.kafka_settings import KafkaSettings  # not at the start of every other command

    return KafkaSettings()


def _kafka_topics() -> ModuleType:
    try:
        from runtime.events import kafka_topics
    except ModuleNotFoundError as error:
        raise KafkaNotInstalled(package=error.name) from error
    return kafka_topics


@topics_app.command("access")
def access() -> None:
    """Print the commands that give each service its rights on Kafka: only a topic's owner may write it."""
    from runtime.events.kafka_access import grants

    settings = _settings()
    for service in SERVICES:
        for grant in grants(settings, service):
            say(grant.command(settings.bootstrap))


@topics_app.command("plan")
def plan() -> None:
    """Show how the broker differs from what is declared; exits 0 if it does not, 3 if it does. Changes nothing."""
    difference = asyncio.run(_kafka_topics().plan(_settings()))
    say("\n".join(difference.lines()) or "Kafka 与声明一致 / Kafka has what is declared")
    raise typer.Exit(0 if difference.nothing else DIFFERS)


@topics_app.command("apply")
def apply(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Show the difference, ask, and make the broker have what is declared. Nothing is ever made smaller."""
    topics, settings = _kafka_topics(), _settings()
    difference = asyncio.run(topics.plan(settings))
    say("\n".join(difference.lines()) or "Kafka 与声明一致 / Kafka has what is declared")
    if difference.nothing:
        return
    if not difference.shrink and not yes and not (sys.stdin.isatty() and typer.confirm("更改 / change it?")):
        out.print("没有更改 / nothing was changed")
        raise typer.Exit(1)
    done = asyncio.run(topics.apply(settings))
    out.print(f"✔ {len(done.create)} + {len(done.grow)} + {len(done.change)}")
