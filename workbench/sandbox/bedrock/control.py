"""The stand-in's own API under /control, for people and other processes; Bedrock has nothing like it.

GET    /control             what it is, settings, pending faults, count of requests
POST   /control/faults      one fault or a list of them, see faults.Fault
POST   /control/settings    {"latency_seconds": 1.5}, see account.Settings
POST   /control/release     hung requests go on to their answer
GET    /control/requests    what was received, in order
DELETE /control/requests    forgets them
DELETE /control             back to the beginning
"""

from collections.abc import Callable
from dataclasses import asdict

from pydantic import TypeAdapter, ValidationError

from workbench.sandbox.bedrock.account import Account
from workbench.sandbox.bedrock.faults import Fault
from workbench.sandbox.bedrock.replies import Reply, json_reply, refused
from workbench.sandbox.bedrock.wire import Refused, parse_json

WHAT = "stand-in, not a model"
_FAULTS = TypeAdapter(Fault | list[Fault])
_CHANGES = TypeAdapter(dict[str, object])


def control(account: Account, method: str, path: str, raw: bytes) -> Reply:
    """The answer to a request that is not a Converse call."""
    action = _ACTIONS.get((method, path.rstrip("/")))
    if action is None:
        return refused(Refused("UnknownOperationException", f"The {WHAT}, knows no {method} {path}."))
    try:
        return json_reply({"what": WHAT, **action(account, parse_json(raw))})
    except ValidationError as error:
        return json_reply({"what": WHAT, "errors": error.errors(include_url=False, include_context=False)}, 400)


def _show(account: Account, _: object) -> dict[str, object]:
    return {
        "settings": account.settings.model_dump(),
        "faults": [fault.model_dump(exclude_defaults=True) for fault in account.faults.pending()],
        "requests": len(account.log.entries()),
    }


def _push(account: Account, body: object) -> dict[str, object]:
    faults = _FAULTS.validate_python(body)
    account.faults.push(*(faults if isinstance(faults, list) else [faults]))
    return _show(account, body)


def _configure(account: Account, body: object) -> dict[str, object]:
    account.configure(_CHANGES.validate_python(body))
    return _show(account, body)


def _release(account: Account, body: object) -> dict[str, object]:
    account.release()
    return _show(account, body)


def _requests(account: Account, _: object) -> dict[str, object]:
    return {"requests": [asdict(received) for received in account.log.entries()]}


def _forget(account: Account, body: object) -> dict[str, object]:
    account.log.clear()
    return _show(account, body)


def _reset(account: Account, body: object) -> dict[str, object]:
    account.reset()
    return _show(account, body)


_ACTIONS: dict[tuple[str, str], Callable[[Account, object], dict[str, object]]] = {
    ("GET", "/control"): _show,
    ("POST", "/control/faults"): _push,
    ("POST", "/control/settings"): _configure,
    ("POST", "/control/release"): _release,
    ("GET", "/control/requests"): _requests,
    ("DELETE", "/control/requests"): _forget,
    ("DELETE", "/control"): _reset,
}
