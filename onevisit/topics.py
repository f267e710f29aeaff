"""``onevisit topics``: the topics of the distributed form, as ``schemas/topics.py`` declares them."""

import asyncio
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from onevisit.hints import DEFAULT_HOME, HomePath
from onevisit.saying import out, say
from schemas.vocabulary import SERVICES

if TYPE_CHECKING:
    from runtime.events.kafka_settings import KafkaSettings

DIFFERS = 3  # exit code of plan

topics_app = typer.Typer(
    no_args_is_help=True,
    help="The topics on Kafka ([kafka] of settings.toml and ONEVISIT_KAFKA_… say how to reach it).",
)


User = Annotated[str, typer.Option("--user", help="Who may, where the services' own users may not.")]
PasswordFile = Annotated[Path | None, typer.Option("--password-file", help="File with the password of --user.")]


def _settings(home: Path, user: str = "", password_file: Path | None = None) -> "KafkaSettings":
    from onevisit import home as homes  # not at the start of every other command
    from onevisit.brokers import reached

    found = reached(home, homes.settings_of(home).kafka if homes.exists(home) else {})
    return found.model_copy(update={"username": user, "password_file": password_file}) if user else found


def _kafka_topics() -> ModuleType:
    from onevisit.brokers import imported

    return imported("runtime.events.kafka_topics")


@topics_app.command("access")
def access(
    apply: Annotated[bool, typer.Option("--apply", help="Tell the broker, instead of printing.")] = False,
    user: User = "",
    password_file: PasswordFile = None,
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Print the commands that give each service its rights on Kafka: only a topic's owner may write it."""
    from runtime.events.kafka_access import grants

    settings = _settings(home)
    granted = [grant for service in SERVICES for grant in grants(settings, service)]
    if apply:
        asyncio.run(_kafka_topics().allow(_settings(home, user, password_file), granted))
        out.print(f"✔ {len(granted)}")
        return
    for grant in granted:
        say(grant.command(settings.bootstrap))


@topics_app.command("plan")
def plan(user: User = "", password_file: PasswordFile = None, home: HomePath = DEFAULT_HOME) -> None:
    """Show how the broker differs from what is declared; exits 0 if it does not, 3 if it does. Changes nothing."""
    difference = asyncio.run(_kafka_topics().plan(_settings(home, user, password_file)))
    say("\n".join(difference.lines()) or "Kafka 与声明一致 / Kafka has what is declared")
    raise typer.Exit(0 if difference.nothing else DIFFERS)


@topics_app.command("apply")
def apply(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    user: User = "",
    password_file: PasswordFile = None,
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Show the difference, ask, and make the broker have what is declared. Nothing is ever made smaller."""
    topics, settings = _kafka_topics(), _settings(home, user, password_file)
    difference = asyncio.run(topics.plan(settings))
    say("\n".join(difference.lines()) or "Kafka 与声明一致 / Kafka has what is declared")
    if difference.nothing:
        return
    if not difference.shrink and not yes and not (sys.stdin.isatty() and typer.confirm("更改 / change it?")):
        out.print("没有更改 / nothing was changed")
        raise typer.Exit(1)
    done = asyncio.run(topics.apply(settings))
    out.print(f"✔ {len(done.create)} + {len(done.grow)} + {len(done.change)}")


@topics_app.command("rewind")
def rewind(home: HomePath = DEFAULT_HOME) -> None:
    """Go on with topics that were lost: put positions beyond their ends back to the ends. Says what nobody can hear any more."""
    from onevisit.cli import opened

    with opened(home, exclusive=True) as system:
        for one in system.rewind():
            say(f"{one.consumer} {one.topic}/{one.part}: {one.was} → {one.now}, 未听到 / unheard: {one.unheard}")
