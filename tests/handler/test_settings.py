"""Settings: what each variable accepts, and the one line that says what is wrong with it."""

from collections.abc import Mapping
from ipaddress import IPv4Address

import pytest

from handler.settings import Settings, SettingsError

SHOP = {"PRODUCT_SERVICE_URL": "http://shop"}


def settings(**environ: str) -> Settings:
    return Settings.from_env(SHOP | environ)


def test_defaults_are_the_documented_ones() -> None:
    """Only the product service must be named."""
    plain = settings()
    assert plain.model_id == "global.anthropic.claude-haiku-5-5"
    assert plain.ledger_url == "memory://"
    assert (plain.deadline_seconds, plain.threads, plain.workers, plain.port) == (120, 64, 1, 8080)
    assert (str(plain.prompts_dir), plain.log_level, plain.report_failures) == ("prompts", "INFO", True)
    assert (plain.image_hosts, plain.topic_event_types, plain.aws_region) == (None, {}, None)


def test_every_variable_is_read() -> None:
    """Each is spelt as its field, in capitals; blanks around a value do not count."""
    given = settings(
        PRODUCT_SERVICE_TOKEN_FILE="/var/token",  # noqa: S106 - a path
        MODEL_ID=" eu.anthropic.claude-haiku-5-5 ",
        LEDGER_URL="dynamodb://ledger",
        IMAGE_HOSTS="*.example.com,10.0.0.7",
        PROMPTS_DIR="/prompts",
        DEADLINE_SECONDS="2.5",
        TOPIC_EVENT_TYPES='{"products": "ProductRegisteredEvent"}',
        REPORT_FAILURES="false",
        LOG_LEVEL="ERROR",
        THREADS="20",
        WORKERS="2",
        PORT="9000",
        AWS_REGION="eu-central-1",
        K_SERVICE="product-enricher",
    )
    assert str(given.product_service_token_file) == "/var/token"
    assert given.model_id == "eu.anthropic.claude-haiku-5-5"
    assert given.ledger_url == "dynamodb://ledger"
    assert given.image_hosts
    assert given.image_hosts.addresses == {IPv4Address("10.0.0.7")}
    assert (str(given.prompts_dir), given.deadline_seconds, given.report_failures) == ("/prompts", 2.5, False)
    assert given.topic_event_types == {"products": "ProductRegisteredEvent"}
    assert (given.log_level, given.threads, given.workers, given.port) == ("ERROR", 20, 2, 9000)
    assert (given.aws_region, given.k_service) == ("eu-central-1", "product-enricher")


def test_empty_is_not_given() -> None:
    """A manifest may set a variable to nothing."""
    assert settings(IMAGE_HOSTS="", LEDGER_URL=" ", TOPIC_EVENT_TYPES="") == settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRODUCT_SERVICE_URL", "shop"),
        ("PRODUCT_SERVICE_URL", "ftp://shop"),
        ("PRODUCT_SERVICE_URL", "http://shop/#part"),
        ("PRODUCT_SERVICE_URL", "http://shop/?a=b"),
        ("PRODUCT_SERVICE_URL", "http://me:secret@shop/"),
        ("PRODUCT_SERVICE_URL", ""),
        ("LEDGER_URL", "memory"),
        ("LEDGER_URL", "memory://x"),
        ("LEDGER_URL", "dynamodb://"),
        ("LEDGER_URL", "redis://x"),
        ("IMAGE_HOSTS", "http://img.example.com"),
        ("IMAGE_HOSTS", "10.0.0.0/33"),
        ("DEADLINE_SECONDS", "two"),
        ("DEADLINE_SECONDS", "0"),
        ("DEADLINE_SECONDS", "nan"),
        ("DEADLINE_SECONDS", "inf"),
        ("DEADLINE_SECONDS", "571"),
        ("TOPIC_EVENT_TYPES", "products"),
        ("TOPIC_EVENT_TYPES", '["products"]'),
        ("TOPIC_EVENT_TYPES", '{"products": 1}'),
        ("REPORT_FAILURES", "maybe"),
        ("LOG_LEVEL", "info"),
        ("LOG_LEVEL", "TRACE"),
        ("THREADS", "many"),
        ("THREADS", "0"),
        ("WORKERS", "-1"),
        ("PORT", "0"),
        ("PORT", "65536"),
    ],
)
def test_bad_value_is_one_line_that_names_its_variable(name: str, value: str) -> None:
    """Whoever reads the pod's log knows what to set."""
    with pytest.raises(SettingsError, match=f"^{name}: [^\n]+$"):
        settings(**{name: value})


@pytest.mark.parametrize("environ", [{"K_SERVICE": "enricher"}, {"WORKERS": "2"}])
def test_memory_is_refused_where_several_processes_share_the_work(environ: Mapping[str, str]) -> None:
    """A ledger that each process has for itself would pay twice."""
    with pytest.raises(SettingsError, match=r"^LEDGER_URL: "):
        settings(**environ)
    assert settings(**environ, LEDGER_URL="dynamodb://table").ledger_url == "dynamodb://table"


@pytest.mark.parametrize(("threads", "slots"), [("64", 63), ("2", 1)])
def test_one_thread_is_kept_for_probes(threads: str, slots: int) -> None:
    """A process of one thread could not answer its probe while an event is in work: it does not start."""
    assert settings(THREADS=threads).event_slots == slots
    with pytest.raises(SettingsError, match=r"^THREADS: "):
        settings(THREADS="1")


@pytest.mark.parametrize(("deadline", "timeout"), [("120", 50), ("20", 15), ("2", 1.5)])
def test_model_call_fits_the_deadline(deadline: str, timeout: float) -> None:
    """A call waits 50 s at most, and leaves a part of a short deadline to what comes before and after it."""
    assert settings(DEADLINE_SECONDS=deadline).model_read_timeout == timeout
