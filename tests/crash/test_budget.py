"""The tests of this folder run with short leases and half the waits: here the shipped numbers are held to the same."""

from itertools import accumulate

import pytest
from stage import DELIVERY

from handler.asking import STORE_SECONDS
from handler.clients.dynamodb import SKEW_SECONDS
from handler.pipeline import WRITE_SECONDS
from handler.settings import Settings

SHIPPED = Settings(product_service_url="http://shop.example.com")
"""service.yaml gives the default deadline (tests/test_deployment.py)."""
QUESTION_SECONDS = SHIPPED.model_read_timeout + STORE_SECONDS + SKEW_SECONDS
SLOT_SECONDS = WRITE_SECONDS + SKEW_SECONDS


def retries_until(seconds: float) -> int:
    """The first retry that starts so long after the function died, if no delivery waits by itself."""
    return next(number for number, waited in enumerate(accumulate(DELIVERY.waits()), 1) if waited >= seconds)


@pytest.mark.parametrize("lease", [QUESTION_SECONDS, SLOT_SECONDS], ids=["question", "slot"])
def test_lease_of_a_dead_function_ends_before_the_last_retry(lease: float) -> None:
    """The longest lease is over, clocks apart included, with a retry to spare for what else may fail."""
    assert retries_until(lease) < DELIVERY.retry


def test_waits_outlast_both_leases_and_a_whole_event() -> None:
    """Even where one event meets both leases, one after the other, and then takes all the time that it has."""
    assert sum(DELIVERY.waits()) > QUESTION_SECONDS + SLOT_SECONDS + SHIPPED.deadline_seconds


def test_first_redelivery_can_wait_for_the_lease_itself() -> None:
    """A delivery waits inside for the dead function's lease and has time left for a call of the longest kind."""
    assert QUESTION_SECONDS + SHIPPED.model_read_timeout <= SHIPPED.deadline_seconds
