"""The tables of `workbench sizing`, as Markdown to paste: numbers of `plan`, each with its reason. Pure."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from handler.models import model_table
from workbench.sandbox.kafka_source_spec import Delivery
from workbench.sizing.plan import (
    BURNDOWN,
    CONSUMER_EVENTS,
    LEAST_PODS,
    POD_EVENTS,
    PROBE_THREADS,
    STEP,
    Call,
    Capacity,
    Load,
    Quota,
    Rate,
    capacity_of,
    hours,
    rate_of,
)

Row = tuple[str, ...]


def report(calls: Sequence[Call], quota: Quota, load: Load, *, model_id: str) -> str:
    """Assumptions, rate, and numbers of service.yaml. Raises `ValueError` where no retries can bridge the outage."""
    rate = rate_of(calls, quota, latency=load.latency)
    capacity = capacity_of(rate, load, calls=len(calls))
    columns = [call.task for call in calls] + (["a product"] if len(calls) > 1 else [])
    tables = [
        _table(("assumed", "value", "from"), _assumptions(calls, quota, load, model_id)),
        _table(("", *columns), _rates(calls, quota, load)),
        _table(("for service.yaml", "value", "why"), _numbers(rate, capacity, load, calls=len(calls))),
    ]
    return "\n\n".join(tables)


def _assumptions(calls: Sequence[Call], quota: Quota, load: Load, model_id: str) -> Iterator[Row]:
    yield "quota, requests a minute", f"{quota.requests:,}", "--rpm"
    yield "quota, tokens a minute", f"{quota.tokens:,}", "--tpm"
    yield "seconds of a model call", f"{load.latency:g}", "--latency; 2 to 3 are published; measure yours"
    yield "seconds of an event beside its calls", f"{load.overhead:g}", "--overhead: photo, ledger, PUT; a guess"
    yield "products", f"{load.catalogue:,}", "--catalogue"
    yield "calls a product", f"{len(calls)}", "--task; one after another; re-asks come on top: see the metrics"
    yield "seconds that a throttle lasts", f"{load.outage:g}", "--outage"
    yield "tokens of a call", "below", "upper estimates: longest question of samples/, longest example answer"
    yield "quota tokens of an output token", f"{BURNDOWN}", "Claude 3.7 to 4.x; to be confirmed for 5.x"
    yield "model and day of its price", model_table().prices_on, f"{model_id}, or the task's own"
    why = "2 x max.poll.records - 1; to be seen on the cluster"
    yield "events in flight, a dispatcher pod", f"{CONSUMER_EVENTS}", why


def _rates(calls: Sequence[Call], quota: Quota, load: Load) -> Iterator[Row]:
    groups = [[call] for call in calls] + ([list(calls)] if len(calls) > 1 else [])
    rates = [rate_of(group, quota, latency=load.latency) for group in groups]

    def summed(name: str, value: Callable[[Call], Decimal]) -> Row:
        return name, *(f"{sum(map(value, group)):,.0f}" for group in groups)

    def rated(name: str, value: Callable[[Rate], float]) -> Row:
        return name, *(f"{value(rate):,.0f}" for rate in rates)

    def lasting(name: str, value: Callable[[Rate], float]) -> Row:
        return name, *(f"{hours(load.catalogue, value(rate)):,.1f}" for rate in rates)

    yield summed("prompt tokens", lambda call: Decimal(call.prefix + call.fresh))
    yield summed("of these cached", lambda call: Decimal(call.prefix))
    yield summed("max_tokens", lambda call: Decimal(call.max_tokens))
    yield summed("tokens reserved at the start", lambda call: Decimal(call.reserved))
    yield summed("tokens settled at the end", lambda call: Decimal(call.settled))
    yield rated("products a minute, by requests", lambda rate: rate.by_requests)
    yield rated("products a minute, by tokens reserved", lambda rate: rate.by_tokens)
    yield rated("products a minute, by tokens held and settled", lambda rate: rate.by_settled_tokens)
    yield rated("tokens a minute to reserve every request", lambda r: quota.tokens * r.by_requests / r.by_tokens)
    yield "what binds", *(rate.binds for rate in rates)
    yield rated("products a minute, to plan with", lambda rate: rate.planned)
    yield lasting("hours for the catalogue", lambda rate: rate.planned)
    yield lasting("hours if requests alone bound", lambda rate: rate.by_requests)
    yield lasting("hours if unused tokens come back at once", lambda rate: rate.ceiling)
    yield summed("USD for the catalogue, cache warm", lambda call: call.usd_warm * load.catalogue)
    yield summed("USD for the catalogue, nothing cached", lambda call: call.usd_cold * load.catalogue)


def _numbers(rate: Rate, capacity: Capacity, load: Load, *, calls: int) -> Iterator[Row]:
    events, pods, slots = capacity.events_in_flight, capacity.carrying_pods, capacity.container_concurrency
    a_second = f"{rate.ceiling:,.0f} products / 60"
    why = f"{a_second} x {calls} x {load.latency:g} s: all that the quota can let through"
    yield "calls in flight", f"{capacity.calls_in_flight}", why
    yield "events in flight", f"{events}", f"{a_second} x ({calls} x {load.latency:g} + {load.overhead:g} s)"
    why = f"at most {POD_EVENTS} events a pod, a quarter of a core, as it requests; at least {LEAST_PODS} pods"
    yield "pods that carry them", f"{pods}", why
    yield "containerConcurrency", f"{slots}", f"{events} / {pods}, up to a multiple of {STEP}"
    yield "THREADS", f"{capacity.threads}", f"{PROBE_THREADS} more: probes and scrapes find one when every event waits"
    why = f"{pods} and one: {pods * slots} slots stay when a pod dies or its node is drained; each revision has its own"
    yield "max-scale", f"{capacity.max_scale}", why
    why = f"dispatcher pods: {events} / {CONSUMER_EVENTS}, rounded up; that each gets one is to be seen on the cluster"
    yield "consumers", f"{capacity.consumers}", why
    yield "partitions", f"{capacity.consumers}", "of the topic, or more: a consumer without one is idle"
    yield from _delivery(capacity.delivery, load)


def _delivery(delivery: Delivery, load: Load) -> Iterator[Row]:
    waits = delivery.waits()
    total = f"{' + '.join(f'{wait:g}' for wait in waits)} = {sum(waits):g} s"
    why = f"waits {total}: {load.outage:g} s of throttle, {load.longest_hold} s of leases and an attempt"
    yield "delivery.retry", f"{delivery.retry}", why
    why = "exponential, without jitter; the first wait is no shorter than a call"
    yield "delivery.backoffDelay", f"PT{delivery.backoff_delay:g}S", why


def _table(head: Row, rows: Iterator[Row]) -> str:
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    padded.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(padded)
