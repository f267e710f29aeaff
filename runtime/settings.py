"""Where a service's settings come from: the environment, else its section of the installation's settings file, else defaults."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""An empty section."""


class ServiceSettings(BaseSettings):
    """
    Settings of one service; made with its section of ``settings.toml`` as keywords.

    What stands in the environment (``env_prefix``) wins, so that one start can differ from what is written down.
    The ``title`` names the service and ends with "Settings": complaints about wrong values are told by it.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before what is written down; nothing else is read."""
        return env_settings, init_settings
