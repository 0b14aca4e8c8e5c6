"""The wiring: reads the settings, builds every part once, and gives functions-framework its target.

functions-framework loads this file under its bare name, inside the application's context, with the `http` signature.
The `cloudevent` signature is no choice: it answers "OK" whatever happened, and routes POST only: probes get 405.
"""

import io
import os
import sys
from contextlib import suppress

import flask
from werkzeug.exceptions import HTTPException

from handler.asking import Asking
from handler.clients.aws import AwsService
from handler.clients.aws_config import as_settings, session
from handler.clients.bedrock import BedrockClient
from handler.clients.photos import PhotoClient
from handler.clients.product_service import ProductServiceClient
from handler.content import ContentError
from handler.deadline import Deadline
from handler.derived import STORE
from handler.hosts import AllowedHosts
from handler.http_surface import HttpSurface
from handler.intake import DELETED
from handler.ledger import Ledger, MemoryLedger
from handler.models import model_table
from handler.pipeline import Pipeline
from handler.precompile import precompile
from handler.settings import Settings, SettingsError
from handler.task_folders import load_prompts
from handler.tasks import Prompts
from handler.telemetry import Telemetry


def build(settings: Settings) -> HttpSurface:
    """The function, ready for its first event. Raises `SettingsError`, `ContentError`."""
    prompts = load_prompts(settings.prompts_dir, settings.model_id)
    _check(settings, prompts)
    ledger, model = _aws_clients(settings)
    if STORE.grew and STORE.is_welcome:
        with suppress(OSError):  # the next start derives it again
            precompile(prompts)
    pipeline = Pipeline(
        prompts=prompts,
        ledger=ledger,
        asking=Asking(ledger, model, model_table()),
        photos=PhotoClient(settings.image_hosts or AllowedHosts.parse(""), pool_size=settings.threads),
        product_service=ProductServiceClient(
            str(settings.product_service_url), settings.product_service_token_file, pool_size=settings.threads
        ),
        report_failures=settings.report_failures,
        new_deadline=lambda: Deadline(settings.deadline_seconds),
    )
    return HttpSurface(
        run=pipeline.run,
        forget=ledger.forget,
        event_types=prompts.event_types,
        topic_event_types=settings.topic_event_types,
        telemetry=Telemetry(io.FileIO(sys.stdout.fileno(), "wb", closefd=False), settings.log_level),
        slots=settings.event_slots,
    )


def _aws_clients(settings: Settings) -> tuple[Ledger, BedrockClient]:
    with as_settings():
        sdk = session(settings.aws_region)
        model = BedrockClient(sdk, read_timeout=settings.model_read_timeout, pool_size=settings.threads)
        table = settings.ledger_url.removeprefix("dynamodb://")
        if table == settings.ledger_url:
            return MemoryLedger(), model
        # Loaded where they are used: the sandbox does not pay for them.
        from handler.clients.dynamodb import DynamoLedger
        from handler.clients.dynamodb_table import Table

        service = AwsService(sdk, "dynamodb", pool_size=settings.threads)
        return DynamoLedger(Table(table, service)), model


def _check(settings: Settings, prompts: Prompts) -> None:
    """What the environment's words alone do not tell: files, and task folders beside them."""
    if token_file := settings.product_service_token_file:
        try:
            token_file.read_bytes()
        except OSError as error:  # the first event would pay for an answer that it cannot write back
            raise SettingsError(f"PRODUCT_SERVICE_TOKEN_FILE: {token_file} cannot be read: {error.strerror}") from error
    for task in prompts.tasks:
        try:
            model_table().find(task.model_id)
        except KeyError as error:
            source = f"model in task {task.name}" if task.file.model else "MODEL_ID"
            raise SettingsError(f"{source}: {error.args[0]}") from error
        if task.file.images != "none" and settings.image_hosts is None:
            raise SettingsError(f"IMAGE_HOSTS: task {task.name} uses photos; name the hosts that they may come from")
    known = prompts.event_types | {DELETED}
    for topic, event_type in settings.topic_event_types.items():
        if event_type not in known:
            names = ", ".join(sorted(known))
            raise SettingsError(
                f"TOPIC_EVENT_TYPES: nothing listens to {event_type!r} (topic {topic!r}), only to {names}"
            )


try:
    _surface = build(Settings.from_env(os.environ))
except (SettingsError, ContentError) as error:
    sys.exit(f"product-enricher: {error}")


def handle(request: flask.Request) -> flask.Response:
    """The target: one HTTP request."""
    return _surface.handle(request)


def _handle_unrouted(_: HTTPException) -> flask.Response:
    return handle(flask.request)


# An event may be POSTed to any path. The framework would answer 404, which KafkaSource delivers again, for /robots.txt,
# /favicon.ico and paths that its router does not match.
flask.current_app.register_error_handler(HTTPException, _handle_unrouted)
