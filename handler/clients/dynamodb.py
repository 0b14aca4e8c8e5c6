"""The ledger in one DynamoDB table, shared by all pods: conditional writes, leases, expiry decided here.

Two kinds of item. A slot: `pk` product#ID, `sk` slot#TASK#LANGUAGE, so that a product is forgotten by one query. A
question: `pk` question#FINGERPRINT, `sk` question. The table's TTL on `ttl` only sweeps: what is past its time but not
swept yet counts as gone.
"""

import base64
import contextlib
import json
import math
import time
import zlib
from collections.abc import Callable

from handler.clients.dynamodb_table import Item, Table
from handler.converse import Answer
from handler.errors import LedgerUnavailable
from handler.events import Order, OrderKind
from handler.ledger import (
    ANSWER_SECONDS,
    ATTEMPT_SECONDS,
    IN_DOUBT,
    QuestionLease,
    Slot,
    SlotLease,
    SlotState,
    Written,
    new_token,
)

SKEW_SECONDS = 5.0
"""How far pods' clocks may lie apart: so long after its end a lease still counts as held by others."""
_KINDS: tuple[OrderKind, ...] = ("version", "updatedAt", "time")
_FREE = "(attribute_not_exists(lease_until) OR lease_until <= :free)"
_UNANSWERED = "attribute_not_exists(answer) OR answer_until <= :now"
_HELD = "lease_token = :token"


class DynamoLedger:
    """Safe to share between threads."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def raise_latest(self, slot: Slot, order: Order | None) -> SlotState:
        if order is None:
            return _state(self._table.get(_slot_key(slot)))
        name = f"latest_{order.kind}"
        _, item = self._table.update(
            _slot_key(slot),
            f"SET {name} = :order",
            condition=f"attribute_not_exists({name}) OR {name} < :order",
            values={":order": {"N": str(order.value)}},
            returns="ALL_NEW",
        )
        return _state(item)

    def acquire_slot(self, slot: Slot, seconds: float) -> SlotLease | None:
        token, now = new_token(), self._clock()
        acquired, before = self._table.update(
            _slot_key(slot),
            "SET lease_token = :token, lease_until = :until",
            condition=_FREE,
            values={":token": {"S": token}, ":until": _number(now + seconds), ":free": _number(now - SKEW_SECONDS)},
            returns="ALL_OLD",
        )
        return SlotLease(slot, token, _state(before)) if acquired or _is_held_by(token, before) else None

    def record_written(self, lease: SlotLease, written: Written) -> None:
        self._table.update(
            _slot_key(lease.slot),
            "SET written = :written REMOVE lease_token, lease_until ADD writes :one",
            condition=_HELD,
            values={":token": {"S": lease.token}, ":written": {"S": json.dumps(written)}, ":one": {"N": "1"}},
        )

    def release_slot(self, lease: SlotLease, *, in_doubt: bool) -> None:
        doubt = {":doubt": {"S": IN_DOUBT}} if in_doubt else {}
        with contextlib.suppress(LedgerUnavailable):
            self._table.update(
                _slot_key(lease.slot),
                "SET lease_token = :doubt REMOVE lease_until" if in_doubt else "REMOVE lease_token, lease_until",
                condition=_HELD,
                values={":token": {"S": lease.token}, **doubt},
            )

    def acquire_question(
        self, fingerprint: str, seconds: float, *, paid_by: str | None = None
    ) -> Answer | QuestionLease | None:
        """Two updates at most: the first counts from one, the second goes on from attempts that still count.

        A refused update brings the answer along. It is billed as a write where a look-up would be a read (DynamoDB,
        "Capacity unit consumption"); but a look-up would come before every question that is then asked.
        """
        token, now = new_token(), self._clock()
        values = {
            ":token": {"S": token},
            ":until": _number(now + seconds),
            ":free": _number(now - SKEW_SECONDS),
            ":now": _number(now),
            ":one": {"N": "1"},
            ":attempts": _number(now + ATTEMPT_SECONDS),
            ":ttl": _whole(now + ANSWER_SECONDS),
            **({} if paid_by is None else {":payer": {"S": paid_by}}),
        }
        unanswered = _UNANSWERED if paid_by is None else f"{_UNANSWERED} OR paid_by <> :payer"
        lease = "SET lease_token = :token, lease_until = :until, attempts_until = :attempts, #ttl = :ttl"
        for expression, counted in (
            (f"{lease}, attempts = :one", "(attribute_not_exists(attempts_until) OR attempts_until <= :now)"),
            (f"{lease} ADD attempts :one", "attempts_until > :now"),
        ):
            acquired, item = self._table.update(
                _question_key(fingerprint),
                expression,
                condition=f"{_FREE} AND ({unanswered}) AND {counted}",
                values=values,
                returns="ALL_NEW",
            )
            if acquired or _is_held_by(token, item):
                return QuestionLease(fingerprint, token, int(item["attempts"]["N"]))
            if (answer := self._answer(item)) and paid_by in (None, answer.paid_by):
                return answer
            if _float(item, "lease_until") > now - SKEW_SECONDS:
                break
        return None

    def renew_question(self, lease: QuestionLease, seconds: float) -> bool:
        return self._update_question(lease, "SET lease_until = :until", {":until": _number(self._clock() + seconds)})

    def keep_answer(self, lease: QuestionLease, answer: Answer) -> Answer:
        now = self._clock()
        stored, item = self._table.update(
            _question_key(lease.fingerprint),
            "SET answer = :answer, paid_by = :payer, answer_until = :until, #ttl = :ttl "
            "REMOVE lease_token, lease_until, attempts, attempts_until",
            condition=f"{_HELD} OR {_UNANSWERED}",
            values={
                ":token": {"S": lease.token},
                # Compressed: an item holds 400 KB at most (DynamoDB, "Service quotas"); a long answer stays far below.
                ":answer": {"B": base64.b64encode(zlib.compress(answer.to_json().encode())).decode()},
                ":payer": {"S": answer.paid_by},
                ":until": _number(now + ANSWER_SECONDS),
                ":ttl": _whole(now + ANSWER_SECONDS),
                ":now": _number(now),
            },
        )
        return answer if stored else self._answer(item) or answer

    def release_question(self, lease: QuestionLease, *, paid: bool) -> None:
        with contextlib.suppress(LedgerUnavailable):
            if paid:
                self._update_question(lease, "REMOVE lease_token, lease_until", {})
            else:
                taken_back = "SET attempts = attempts - :one REMOVE lease_token, lease_until"
                self._update_question(lease, taken_back, {":one": {"N": "1"}})

    def forget(self, product_id: str) -> None:
        for key in self._table.keys(f"product#{product_id}"):
            self._table.delete(key)

    def _update_question(self, lease: QuestionLease, expression: str, values: Item) -> bool:
        held, _ = self._table.update(
            _question_key(lease.fingerprint),
            expression,
            condition=_HELD,
            values={":token": {"S": lease.token}, **values},
        )
        return held

    def _answer(self, item: Item) -> Answer | None:
        if "answer" not in item or _float(item, "answer_until") <= self._clock():
            return None
        return Answer.from_json(zlib.decompress(base64.b64decode(item["answer"]["B"])).decode())


def _state(item: Item) -> SlotState:
    latest = tuple(Order(kind, int(item[f"latest_{kind}"]["N"])) for kind in _KINDS if f"latest_{kind}" in item)
    written: Written | None = None
    if "written" in item:
        order, fingerprint, edition = json.loads(item["written"]["S"])
        written = Written(Order(*order) if order else None, fingerprint, edition)
    return SlotState(latest, written, int(_float(item, "writes")), in_doubt="lease_token" in item)


def _is_held_by(token: str, item: Item) -> bool:
    """Whether an update took place after all: its answer was lost, and the next attempt found the condition
    broken by the first one."""
    return "lease_token" in item and item["lease_token"]["S"] == token


def _slot_key(slot: Slot) -> Item:
    return {"pk": {"S": f"product#{slot.product_id}"}, "sk": {"S": f"slot#{slot.task}#{slot.language}"}}


def _question_key(fingerprint: str) -> Item:
    return {"pk": {"S": f"question#{fingerprint}"}, "sk": {"S": "question"}}


def _number(value: float) -> Item:
    return {"N": f"{value:.3f}"}


def _whole(value: float) -> Item:
    """A time for TTL, which reads seconds (DynamoDB, "Using time to live")."""
    return {"N": str(math.ceil(value))}


def _float(item: Item, name: str) -> float:
    return float(item[name]["N"]) if name in item else 0.0
