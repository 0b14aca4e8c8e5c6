"""Settings: the environment, read once and checked at start. Nothing else reads it, but for what the AWS SDK knows."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, Json, PlainValidator, ValidationError

from handler.content import Content
from handler.hosts import AllowedHosts

MODEL_SHARE = 0.75
"""Of the deadline, what one model call may take at most."""
SPARE_THREADS = 1
"""Threads that no event may take, so that probes and metrics always find one."""


class SettingsError(Exception):
    """A variable is missing or wrong; the message is one line that names it."""


def _is_base(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.query is not None or url.fragment is not None or url.username or url.password:
        raise ValueError("give scheme, host and path alone: paths are added to it")
    return url


def _ledger_url(url: str) -> str:
    if url != "memory://" and not re.fullmatch(r"dynamodb://[a-zA-Z0-9_.-]{3,255}", url):
        raise ValueError("give memory:// or dynamodb://TABLE, a name of 3 to 255 letters, digits, _, . and -")
    return url


def _names_topics(mapping: dict[str, str]) -> dict[str, str]:
    if not all(mapping):
        raise ValueError("a topic has no name")
    return mapping


class Settings(Content):
    """What the function is told by its environment; a field's name in capitals is the variable."""

    product_service_url: Annotated[
        AnyHttpUrl, AfterValidator(_is_base), Field(description="Base URL of the product service")
    ]
    product_service_token_file: Annotated[
        Path | None,
        Field(description="File with the bearer token for it; read again when it changes"),
    ] = None
    model_id: Annotated[
        str, Field(min_length=1, description="Bedrock model or inference profile; a task may override")
    ] = "global.anthropic.claude-haiku-5-5"
    ledger_url: Annotated[
        str,
        BeforeValidator(_ledger_url),
        Field(description="memory:// (one process; not on Knative) or dynamodb://TABLE"),
    ] = "memory://"
    image_hosts: Annotated[
        AllowedHosts | None,
        PlainValidator(AllowedHosts.parse),
        Field(description="Where photos may come from: host names, *.domains, addresses, CIDRs; comma list"),
    ] = None
    prompts_dir: Annotated[Path, Field(description="The task folders")] = Path("prompts")
    deadline_seconds: Annotated[float, Field(gt=0, le=570, description="Longest time for one event")] = 120.0
    topic_event_types: Annotated[
        Json[dict[str, str]] | dict[str, str],
        AfterValidator(_names_topics),
        Field(description="JSON object: Kafka topic -> event name, for records that do not name their event"),
    ] = Field(default_factory=dict)
    report_failures: Annotated[bool, Field(description="Report failures to the product service")] = True
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Field(description="Least severe line logged; what was paid always is"),
    ] = "INFO"
    threads: Annotated[int, Field(ge=2, description="Requests handled at a time by a process")] = 64
    workers: Annotated[int, Field(ge=1, description="Processes")] = 1
    port: Annotated[int, Field(ge=1, le=65535, description="Where the HTTP server listens")] = 8080
    aws_region: Annotated[str | None, Field(description="Region of Bedrock and DynamoDB")] = None
    k_service: Annotated[str | None, Field(description="Set by Knative")] = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """The settings that `environ` holds; empty counts as not given. Raises `SettingsError`."""
        given: dict[str, Any] = {
            name: value for name in cls.model_fields if (value := environ.get(name.upper(), "").strip())
        }
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0]).upper()
            raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error
        settings._check_ledger()
        return settings

    def _check_ledger(self) -> None:
        if self.ledger_url == "memory://" and (self.k_service or self.workers > 1):
            raise SettingsError(
                "LEDGER_URL: memory:// is for one process; give dynamodb://TABLE on Knative or with WORKERS > 1"
            )

    @property
    def event_slots(self) -> int:
        """How many events run at a time: one thread fewer than there are, for the probes."""
        return max(1, self.threads - SPARE_THREADS)

    @property
    def model_read_timeout(self) -> float:
        """Seconds to wait for one answer of the model: a part of the deadline, for the photo comes before it."""
        return min(50.0, MODEL_SHARE * self.deadline_seconds)
