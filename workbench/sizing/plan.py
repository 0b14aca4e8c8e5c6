"""The arithmetic of capacity: from a quota, a call's tokens and seconds to the numbers of service.yaml. Pure.

It reads nothing and prints nothing, and it knows neither prompts nor prices.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from workbench.sandbox.kafka_source_spec import MAX_POLL_RECORDS, Delivery

BURNDOWN = 5
"""Tokens of quota that one token of output counts when a call settles: Claude 3.7 to 4.x; assumed for 5.x."""
POD_EVENTS = 64
"""Events at a time in one pod. A core held 256 at 65 % (calls of 2.5 s); a pod is promised a quarter of a core."""
LEAST_PODS = 2
"""That carry the load: the loss of one must not be the loss of all."""
PROBE_THREADS = 4
"""Beside a pod's events: probes, scrapes, and what comes while the function is full, which is told so at once."""
STEP = 8
"""`containerConcurrency` is rounded up to a multiple: a prompt that grows by a line is no deployment."""
CONSUMER_EVENTS = 2 * MAX_POLL_RECORDS - 1
"""In flight in one dispatcher pod: an unordered consumer polls again below `max.poll.records`."""
DELIVERY_TIMEOUT = 360.0
"""Seconds of one delivery, as service.yaml says."""
MAX_POLL_INTERVAL = 2**31 - 1
"""Milliseconds: where the dispatcher cuts the time that a batch may take, retries included (Kafka's int)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What the account may use of the model in a minute."""

    requests: int
    tokens: int

    def __post_init__(self) -> None:
        _check_above_zero(requests=self.requests, tokens=self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is to be done, and in which time its parts are done. Raises `ValueError`, as all of this module."""

    catalogue: int
    """Products."""
    latency: float
    """Seconds of one model call."""
    overhead: float
    """Seconds of an event beside its calls: photo, ledger, PUT."""
    outage: float
    """Seconds that a throttled event survives."""
    longest_hold: int
    """Seconds that leases and one attempt take when a worker died; retries outlast that whatever the outage."""

    def __post_init__(self) -> None:
        _check_above_zero(catalogue=self.catalogue, latency=self.latency, outage=self.outage)
        if not 0 <= self.overhead < math.inf:
            raise ValueError("overhead: give a number, 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One task's question about a product: its tokens and its price."""

    task: str
    prefix: int
    """The stable beginning of the prompt, which a warm cache holds; 0 where it is too short to be cached."""
    fresh: int
    """The rest of the prompt."""
    output: int
    max_tokens: int
    usd_warm: Decimal
    usd_cold: Decimal
    """With nothing in the cache."""

    @property
    def reserved(self) -> int:
        """Taken from the quota when the call starts, or it is throttled: cache reads and `max_tokens` count."""
        return self.prefix + self.fresh + self.max_tokens

    @property
    def settled(self) -> int:
        """What is left of that when the call has ended: cache reads are given back, output counts `BURNDOWN` times."""
        return self.fresh + BURNDOWN * self.output

    @property
    def planned(self) -> int:
        """Of a minute's quota, what is enough for a call even if nothing is given back within the minute."""
        return max(self.reserved, self.settled)

    def least(self, latency: float) -> float:
        """What a call takes if all is given back as it ends: the rest is held for its seconds of the minute."""
        return self.settled + (self.planned - self.settled) * min(1.0, latency / 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Products a minute that a quota lets through."""

    by_requests: float
    by_tokens: float
    """Where nothing comes back within the minute."""
    by_settled_tokens: float
    """Where unused tokens come back as a call ends, which Bedrock documents; at least `by_tokens`."""

    @property
    def planned(self) -> float:
        """To promise hours with."""
        return min(self.by_requests, self.by_tokens)

    @property
    def ceiling(self) -> float:
        """To size pods with: they must not bind before the quota does. What is too much is throttled, and waits."""
        return min(self.by_requests, self.by_settled_tokens)

    @property
    def binds(self) -> Literal["requests", "tokens"]:
        """What the planned rate ends at."""
        return "requests" if self.by_requests <= self.by_tokens else "tokens"


def rate_of(calls: Sequence[Call], quota: Quota, *, latency: float) -> Rate:
    """The rate at which each product gets all these calls, of so many seconds each."""
    return Rate(
        by_requests=quota.requests / len(calls),
        by_tokens=quota.tokens / sum(call.planned for call in calls),
        by_settled_tokens=quota.tokens / sum(call.least(latency) for call in calls),
    )


def hours(products: int, a_minute: float) -> float:
    return products / a_minute / 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What holds a rate: the numbers of service.yaml, and the loads that they rest on."""

    calls_in_flight: int
    events_in_flight: int
    carrying_pods: int
    container_concurrency: int
    threads: int
    max_scale: int
    consumers: int
    """Dispatcher pods with one consumer each; the topic needs as many partitions."""
    delivery: Delivery


def capacity_of(rate: Rate, load: Load, *, calls: int) -> Capacity:
    """Of the rate's ceiling, by Little's law: in flight is what comes in a second, times the seconds that it stays.

    Raises `ValueError` where no retries can bridge the outage.
    """
    a_second = rate.ceiling / 60
    events = _whole(a_second * (calls * load.latency + load.overhead))
    pods = max(LEAST_PODS, math.ceil(events / POD_EVENTS))
    slots = STEP * max(1, math.ceil(events / pods / STEP))
    return Capacity(
        calls_in_flight=_whole(a_second * calls * load.latency),
        events_in_flight=events,
        carrying_pods=pods,
        container_concurrency=slots,
        threads=slots + PROBE_THREADS,
        max_scale=pods + 1,
        consumers=math.ceil(events / CONSUMER_EVENTS),
        delivery=delivery_for(load),
    )


def delivery_for(load: Load) -> Delivery:
    """The fewest retries whose waits last the outage, and leases; the first wait is at least one call long.

    Raises `ValueError` where a batch would take longer than the dispatcher lets a consumer be silent.
    """
    delay = math.ceil(load.latency / 2)
    bridge = max(load.outage, load.longest_hold)
    deliveries = (Delivery(retry=n, backoff_delay=delay, timeout=DELIVERY_TIMEOUT) for n in itertools.count(1))
    delivery = next(delivery for delivery in deliveries if sum(delivery.waits()) >= bridge)
    # eventing-kafka-broker, ConsumerVerticleContext.maxProcessingTimeMs: all attempts and waits, a second a retry, and
    # as long again for the dead letter.
    record = delivery.timeout * (delivery.retry + 1) + sum(delivery.waits()) + delivery.retry
    if 2 * MAX_POLL_RECORDS * 1000 * record > MAX_POLL_INTERVAL:
        raise ValueError(f"outage: {load.outage:,.0f} s are more than retries can bridge: pause the source instead")
    return delivery


def _whole(number: float) -> int:
    return math.ceil(round(number, 6))  # 6000 / 60 x 1.1 is 110.00000000000001


def _check_above_zero(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise ValueError(f"{name}: give a number above 0")
