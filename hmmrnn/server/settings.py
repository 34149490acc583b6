"""Settings of a server, its workers and its commands: the HMMRNN_ variables of the environment, each checked once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from hmmrnn.shipped import MODELS
from hmmrnn.storage.redis import check_url

PREFIX = "HMMRNN_"
_NAMES = r"^\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(, *\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*$|^$"


def _whole_number(value: Any) -> Any:
    # pydantic by itself also takes " 8", "8.0" and "1_000".
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise ValueError("not a whole number")
    return value


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]


class Settings(BaseModel):
    """Where a server listens, where it keeps its files, and what it may use."""

    # What a value must be stands in `description`: it ends the sentence about a value that is not.
    model_config = ConfigDict(frozen=True, extra="forbid")

    # host, port: address to listen on.
    host: str = Field("127.0.0.1", description="a host name or an address")
    port: WholeNumber = Field(8050, ge=1, le=65535, description="a whole number from 1 to 65535")
    models: Path = Field(MODELS, description="a folder")  # folder of the networks that the picker offers
    # Folder of trained and opened networks, trainings and sweeps.
    data: Path = Field(default_factory=lambda: platformdirs.user_data_path("hmmrnn", False), description="a folder")
    # Folder in which the folder hmmrnn of cached answers is made.
    cache: Path = Field(default_factory=platformdirs.user_cache_path, description="a folder")
    # Size of the cache in MB; the oldest answers are removed first.
    cache_mb: WholeNumber = Field(1024, ge=1, description="a whole number of megabytes from 1")
    # Size that the trained and opened networks may have in MB; with more, no further file is taken.
    networks_mb: WholeNumber = Field(4096, ge=1, description="a whole number of megabytes from 1")
    # Data that each web process may hold in memory, in MB; an answer that needs more is refused in a sentence.
    web_mb: WholeNumber = Field(1024, ge=512, description="a whole number of megabytes from 512")
    # Address of a Redis for queues, answers and locks; without one these are files.
    redis_url: str | None = Field(None, description="like redis://host:6379/0")
    # File of the users who may sign in; without one no sign-in is asked for.
    users: Path | None = Field(None, description="a file")
    # Further names by which browsers reach the server, as those of a proxy in front; .lab.example stands for all below.
    hosts: str = Field("", pattern=_NAMES, description="names separated by commas, like lab.example,.lab.example")
    # Number of proxies in front, whose X-Forwarded-For, -Proto and -Host are believed.
    proxies: WholeNumber = Field(0, ge=0, le=9, description="a whole number from 0 to 9")
    # Whether the lines of the log are text or JSON.
    log: Literal["text", "json"] = Field("text", description="text or json")
    # Number of trainings that a worker runs at the same time.
    trainings: WholeNumber = Field(1, ge=1, description="a whole number from 1")

    @field_validator("models", "data", "cache")
    @classmethod
    def _resolved(cls, path: Path) -> Path:
        # Files are also read by processes that run in another folder.
        return path.resolve()

    @field_validator("redis_url")
    @classmethod
    def _of_a_redis(cls, url: str | None) -> str | None:
        if url is not None:
            check_url(url)
        return url

    @property
    def host_names(self) -> list[str]:
        """The further names of the server, one by one."""
        return [name.strip().lower() for name in self.hosts.split(",") if name]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """The settings that the environment gives; a variable that is empty counts as not set.

        Raises:
            ValueError: a variable has a value that cannot be used; the sentence says which, and what is expected.
        """
        named = {field: environ.get(variable(field), "") for field in cls.model_fields}
        try:
            return cls.model_validate({field: value for field, value in named.items() if value})
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            expected = cls.model_fields[field].description
            # The address of a Redis may hold a password.
            found = "another form" if field == "redis_url" else repr(named[field])
            raise ValueError(f"{variable(field)} must be {expected}; got {found}") from error

    def to_environment(self) -> dict[str, str]:
        """The variables that give a process that is started the same settings."""
        return {variable(field): str(value) for field, value in self if value is not None}


def variable(field: str) -> str:
    """The name of the variable of a setting."""
    return f"{PREFIX}{field.upper()}"
