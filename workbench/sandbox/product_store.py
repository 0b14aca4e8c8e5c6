"""The products of the sandbox's shop, on SQLite: what sellers save, what enrichment writes, which write may win.

It knows no HTTP but the names of refusals, and publishes nothing: every change returns the event that it causes.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from werkzeug.exceptions import Conflict, Locked, NotFound

from workbench.sandbox.product_contract import TEXT, WriteBack

Event = dict[str, Any]
"""`{"type": the event's name, "data": its payload}`."""

_TABLES = """
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS products (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, updated_at TEXT NOT NULL, facts TEXT NOT NULL, copy TEXT);
CREATE TABLE IF NOT EXISTS enrichments (
    product TEXT NOT NULL REFERENCES products ON DELETE CASCADE, field TEXT NOT NULL, name TEXT NOT NULL,
    task TEXT NOT NULL, version INTEGER, entry TEXT NOT NULL, PRIMARY KEY (product, field, name));
CREATE TABLE IF NOT EXISTS failures (
    product TEXT NOT NULL REFERENCES products ON DELETE CASCADE, task TEXT NOT NULL,
    version INTEGER, report TEXT NOT NULL, PRIMARY KEY (product, task));
CREATE TABLE IF NOT EXISTS accepted (
    product TEXT NOT NULL REFERENCES products ON DELETE CASCADE, path TEXT NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (product, path, key));
"""


class ProductStore:
    """One connection behind one lock: every method is one transaction, safe under threads."""

    def __init__(self, database: Path | str = ":memory:") -> None:
        self._lock = Lock()
        self._connection = sqlite3.connect(database, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def save(self, product_id: str, facts: Mapping[str, Any]) -> Event:
        """A seller saves: the facts are replaced, the version rises by one."""
        with self._transaction() as sql:
            before = _find(sql, product_id)
            sql.execute(
                "INSERT INTO products (id, version, updated_at, facts) VALUES (?, 1, ?, ?)"
                " ON CONFLICT DO UPDATE"
                " SET version = version + 1, updated_at = excluded.updated_at, facts = excluded.facts",
                (product_id, datetime.now(UTC).isoformat(), json.dumps(facts)),
            )
            if before is None:
                kind = "ProductRegisteredEvent"
            elif (json.loads(before["facts"]).get("imageUrls") or []) != (facts.get("imageUrls") or []):
                kind = "ProductImagesUpdatedEvent"
            else:
                kind = "ProductAttributesUpdatedEvent"
            return _event(kind, _known(sql, product_id))

    def set_copy(self, product_id: str, text: str) -> None:
        """A person writes the description: from now on enrichment may not; raises `NotFound`."""
        with self._transaction() as sql:
            _known(sql, product_id)
            sql.execute("UPDATE products SET copy = ? WHERE id = ?", (text, product_id))

    def delete(self, product_id: str) -> Event:
        """Forgets the product, its enrichment and its idempotency keys; raises `NotFound`."""
        with self._transaction() as sql:
            row = _known(sql, product_id)
            sql.execute("DELETE FROM products WHERE id = ?", (product_id,))
            stem = {"productId": product_id, "version": row["version"], "updatedAt": row["updated_at"]}
            return {"type": "ProductDeletedEvent", "data": stem}

    def write(self, product_id: str, write: WriteBack, *, path: str, key: str) -> Event | None:
        """Stores a write-back; None for a key accepted before. Raises `NotFound`, `Locked` or `Conflict`."""
        with self._transaction() as sql:
            product = _known(sql, product_id)
            if not _first_time(sql, product_id, path=path, key=key):
                return None
            if write.field == "description" and product["copy"] is not None:
                raise Locked("A person wrote the description.")
            rows = sql.execute("SELECT * FROM enrichments WHERE product = ? AND field = ?", (product_id, write.field))
            stored = {row["name"]: row for row in rows if row["name"] in write.names}
            for row in stored.values():
                _hold_order(write.version, row["version"])
            for name in sorted(write.names):
                _put_entry(sql, product_id, write, name=name, before=stored.get(name))
            if "rejected" not in write.outcomes.values():
                _close_report(sql, product_id, task=write.task, version=write.version)
            kind = "ProductAttributesUpdatedEvent" if TEXT in write.values else "ProductImagesUpdatedEvent"
            return _event(kind, product)

    def report(self, product_id: str, task: str, report: Mapping[str, Any], *, path: str, key: str) -> None:
        """Stores a failure report in place of the task's last one; raises `NotFound` or `Conflict`."""
        with self._transaction() as sql:
            _known(sql, product_id)
            if not _first_time(sql, product_id, path=path, key=key):
                return
            last = sql.execute(
                "SELECT max(version) FROM (SELECT product, task, version FROM enrichments"
                " UNION ALL SELECT product, task, version FROM failures) WHERE product = ? AND task = ?",
                (product_id, task),
            ).fetchone()[0]
            version = report["source"]["version"]
            _hold_order(version, last)
            sql.execute(
                "INSERT INTO failures VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET version = coalesce(excluded.version, version), report = excluded.report",
                (product_id, task, version, json.dumps(report)),
            )

    def product(self, product_id: str) -> dict[str, Any]:
        """The whole product, enrichment with provenance and open failures included; raises `NotFound`."""
        with self._transaction() as sql:
            return _whole(sql, _known(sql, product_id))

    def products(self) -> list[dict[str, Any]]:
        """All products, whole, in the order of their registration."""
        with self._transaction() as sql:
            return [_whole(sql, row) for row in sql.execute("SELECT * FROM products ORDER BY rowid").fetchall()]

    def failures(self) -> list[dict[str, Any]]:
        """The planner's work list: every open report with its `productId` and `task`."""
        return [{"productId": each["productId"], **report} for each in self.products() for report in each["failures"]]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection:
            yield self._connection


def _find(sql: sqlite3.Connection, product_id: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = sql.execute("SELECT * FROM products WHERE id = ?", (product_id,)).fetchone()
    return row


def _known(sql: sqlite3.Connection, product_id: str) -> sqlite3.Row:
    row = _find(sql, product_id)
    if row is None:
        raise NotFound("No such product.")
    return row


def _first_time(sql: sqlite3.Connection, product_id: str, *, path: str, key: str) -> bool:
    """Whether the key is new for this path; a refusal later on rolls it back, so that only accepted writes are kept."""
    done = sql.execute("INSERT OR IGNORE INTO accepted VALUES (?, ?, ?)", (product_id, path, key))
    return done.rowcount == 1


def _hold_order(version: int | None, stored: int | None) -> None:
    if version is not None and stored is not None and version < stored:
        raise Conflict(f"source.version {version} is older than {stored}.")


def _close_report(sql: sqlite3.Connection, product_id: str, *, task: str, version: int | None) -> None:
    sql.execute(
        "DELETE FROM failures WHERE product = ? AND task = ? AND (version IS NULL OR version <= coalesce(?, version))",
        (product_id, task, version),
    )


def _put_entry(
    sql: sqlite3.Connection, product_id: str, write: WriteBack, *, name: str, before: sqlite3.Row | None
) -> None:
    entry = {"value": write.values.get(name), "outcome": write.outcomes.get(name), **write.provenance}
    if name not in write.values and before is not None:  # rejected: the earlier codes stay, with their own provenance
        entry = {**json.loads(before["entry"]), "outcome": write.outcomes[name]}
    sql.execute(
        "INSERT INTO enrichments VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET task = excluded.task, version = coalesce(excluded.version, version), entry = excluded.entry",
        (product_id, write.field, name, write.task, write.version, json.dumps(entry)),
    )


def _stem(row: sqlite3.Row) -> dict[str, Any]:
    """What an event says of a product. Enrichment results are not in it: they are no evidence for the next one."""
    owned = {"protected": ["description"]} if row["copy"] is not None else {}
    facts = json.loads(row["facts"])
    return {"productId": row["id"], "version": row["version"], "updatedAt": row["updated_at"], **facts, **owned}


def _event(kind: str, row: sqlite3.Row) -> Event:
    return {"type": kind, "data": _stem(row)}


def _whole(sql: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    enrichment: dict[str, Any] = {}
    for each in sql.execute("SELECT * FROM enrichments WHERE product = ? ORDER BY rowid", (row["id"],)):
        entry = json.loads(each["entry"])
        if each["name"] == TEXT:
            enrichment[each["field"]] = entry
        else:
            enrichment.setdefault(each["field"], {})[each["name"]] = entry
    reports = sql.execute("SELECT * FROM failures WHERE product = ? ORDER BY task", (row["id"],)).fetchall()
    return {
        **_stem(row),
        "description": row["copy"] if row["copy"] is not None else enrichment.get("description", {}).get("value"),
        "enrichment": enrichment,
        "failures": [{"task": each["task"], **json.loads(each["report"])} for each in reports],
    }
