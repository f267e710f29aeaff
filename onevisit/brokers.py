"""
How an installation's processes exchange events: by the log in its data folder, or by Kafka (``[kafka]`` of ``settings.toml``).

As with the databases, which it is stands in the settings file and nowhere else; the environment may only say how to reach it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from runtime.errors import OneVisitError
from runtime.events.kafka_settings import KafkaSettings
from schemas.vocabulary import SERVICES

if TYPE_CHECKING:
    from runtime.events.bus import EventBus
    from runtime.events.host import Host
    from runtime.service import Service


class KafkaNotInstalled(OneVisitError):
    """The embedded form needs no Kafka packages, so they may not be there."""

    code = "kafka.not_installed"


@dataclass(frozen=True)
class Part:
    """What of a distributed installation one process runs; one on its own log is always run whole."""

    services: Collection[str] = SERVICES
    consumes: bool = False  # a worker
    keeps_time: bool = False  # timers and errands, while it has the lease
    ordinal: int = 0  # of a worker
    name: str = "onevisit"  # of its log


ALL = Part()


def reached(home: Path, section: Mapping[str, Any]) -> KafkaSettings:
    """Read how Kafka is reached: the environment, else the *section* of the settings file; files lie in *home* or elsewhere."""
    found = KafkaSettings(**section)
    files = {name: home / file for name in ("password_file", "ca_file") if (file := getattr(found, name)) is not None}
    return found.model_copy(update=files)


def buses(settings: KafkaSettings, services: Collection[str]) -> "dict[str, EventBus]":
    """
    Make a bus on Kafka for each service, under its own name; nothing is connected to yet.

    Raises:
        KafkaNotInstalled: the packages for it are missing.
    """
    bus = imported("runtime.events.kafka").KafkaBus
    return {service: bus(settings.of(service)) for service in services}


def broker_host(
    settings: KafkaSettings, services: "Sequence[Service]", part: Part, timers: Callable[[], bool]
) -> "Host":
    """Make what runs *part*: a worker by what the settings say, the others without a consumer."""
    options = {"ordinal": part.ordinal, "consume": part.consumes, "timers": timers if part.keeps_time else None}
    if not part.consumes:
        kind = imported("runtime.events.broker_host").BrokerHost
    elif settings.consumer == "faust":
        kind = imported("runtime.events.faust_host").FaustHost
    else:
        kind = imported("runtime.events.kafka_host").KafkaHost
    found: Host = kind(services, **options)
    return found


def imported(module: str) -> ModuleType:
    """
    Import what speaks to Kafka.

    Raises:
        KafkaNotInstalled: the packages for it are missing.
    """
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise KafkaNotInstalled(package=error.name) from error
