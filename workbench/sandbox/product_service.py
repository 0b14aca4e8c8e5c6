"""A shop's product service for sandbox and tests: docs/product-service.openapi.yaml and the seller's side, over HTTP.

Real sockets on loopback; which write wins is decided in `product_store`. Only the enrichment PUTs ask for the token and
meet faults: the seller's side and `/control` are for people and tests. Not for production.
"""

import hmac
import mimetypes
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Any, Self

from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, Unauthorized, UnprocessableEntity
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from workbench.sandbox.product_contract import failure_report, write_back
from workbench.sandbox.product_faults import Faults
from workbench.sandbox.product_http import Handler, Segment, Server, problem, raw_path, read_object, reply
from workbench.sandbox.product_page import NOTE, render
from workbench.sandbox.product_store import Event, ProductStore

SELLER_FIELDS = frozenset({"name", "category", "attributes", "imageUrls", "brand", "audience", "language"})
_PRODUCTS = "/api/v1/products"
_PRODUCT = f"{_PRODUCTS}/<segment:product_id>"
# Once, while the module is imported: werkzeug parses Python for each rule, and two threads that do so at once can end
# in "SystemError: AST constructor recursion depth mismatch" (python/cpython#106905; seen with Python 3.11.7).
_ROUTES = Map(
    [
        Rule(f"{_PRODUCT}/enrichment-failures/<segment:task>", methods=["PUT"], endpoint="_put_report"),
        Rule(f"{_PRODUCT}/<segment:resource>", methods=["PUT"], endpoint="_put_enrichment"),
        Rule("/", methods=["GET"], endpoint="_get_page"),
        Rule(_PRODUCTS, methods=["GET"], endpoint="_get_products"),
        Rule(_PRODUCT, methods=["GET"], endpoint="_get_product"),
        Rule(_PRODUCT, methods=["PUT"], endpoint="_save_product"),
        Rule(_PRODUCT, methods=["DELETE"], endpoint="_delete_product"),
        Rule(f"{_PRODUCT}/copy", methods=["PUT"], endpoint="_set_copy"),
        Rule("/api/v1/enrichment-failures", methods=["GET"], endpoint="_get_failures"),
        Rule("/images/<segment:name>", methods=["GET"], endpoint="_get_image"),
        Rule("/control/faults", methods=["POST"], endpoint="_set_faults"),
        Rule("/control/writes", methods=["GET"], endpoint="_get_writes"),
    ],
    converters={"segment": Segment},
    strict_slashes=False,
    merge_slashes=False,
)


@dataclass(frozen=True)
class Write:
    """One enrichment PUT as it arrived, and its answer."""

    method: str
    path: str
    """Raw: percent-encoded as sent."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: dict[str, Any] | str
    """The JSON object; the text where it is none."""
    status: int | None
    """None: no answer was sent (a fault hangs)."""


class ProductService:
    """The running service: `with ProductService(publish=queue.put) as service: ... service.url`.

    `publish` gets `{"type": ..., "data": ...}` on the request's thread, after the change is stored and before the
    answer. It has to hand the event on and return: one that waits for the function waits for the write it is part of.
    """

    def __init__(
        self,
        *,
        publish: Callable[[Event], None],
        port: int = 0,
        token: str | None = None,
        images: Path | None = None,
        database: Path | str = ":memory:",
    ) -> None:
        self.writes: list[Write] = []
        self._publish = publish
        self._port = port
        self._token = token
        self._images = images
        self._database = database
        self._faults = Faults()
        self._stopping = Flag()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._store = ProductStore(self._database)
            stack.callback(self._store.close)
            server = Server("127.0.0.1", self._port, Request.application(self._answer), Handler)
            self._port = server.port
            thread = Thread(target=server.serve_forever, args=(0.05,), name="product-service")
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            stack.callback(self._stopping.set)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """`PRODUCT_SERVICE_URL` of this service."""
        return f"http://127.0.0.1:{self._port}"

    def product(self, product_id: str) -> dict[str, Any]:
        """What `GET /api/v1/products/{id}` answers; raises werkzeug's `NotFound`."""
        return {"sandbox": NOTE, **self._store.product(product_id)}

    def save(self, product_id: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """A seller saves the whole product: version + 1, and an event. Raises werkzeug's `UnprocessableEntity`."""
        if not 1 <= len(product_id) <= 128 or product_id in {".", ".."}:
            raise UnprocessableEntity("A product id has 1 to 128 characters and is not a dot segment.")
        if not facts.keys() <= SELLER_FIELDS:
            raise UnprocessableEntity(f"A product has only these fields: {', '.join(sorted(SELLER_FIELDS))}.")
        self._publish(self._store.save(product_id, facts))
        return self.product(product_id)

    def _answer(self, request: Request) -> Response:
        request.get_data()  # an answer to an unread body would reset the connection
        try:
            endpoint, arguments = _ROUTES.bind("").match(raw_path(request), request.method)
            response: Response = getattr(self, endpoint)(request, **arguments)
        except HTTPException as error:
            return problem(error)
        return response

    def _put_enrichment(self, request: Request, product_id: str, resource: str) -> Response:
        def change() -> None:
            path, key = raw_path(request), _idempotency_key(request)
            event = self._store.write(product_id, write_back(resource, read_object(request)), path=path, key=key)
            if event is not None:
                self._publish(event)

        return self._guarded(request, change)

    def _put_report(self, request: Request, product_id: str, task: str) -> Response:
        def change() -> None:
            path, key = raw_path(request), _idempotency_key(request)
            self._store.report(product_id, task, failure_report(read_object(request)), path=path, key=key)

        return self._guarded(request, change)

    def _guarded(self, request: Request, change: Callable[[], None]) -> Response:
        """Runs one enrichment PUT behind the faults and the token, and records it with its answer."""
        try:
            self._meet_fault(request)
            self._authorize(request)
            change()
            response = Response(status=204)
        except HTTPException as error:
            response = problem(error)
        self._record(request, response.status_code)
        return response

    def _meet_fault(self, request: Request) -> None:
        fault = self._faults.take(raw_path(request))
        if fault is None:
            return
        if fault.hang:
            self._record(request, None)
            self._stopping.wait()
            raise ConnectionAbortedError  # the server drops the connection without an answer
        error = HTTPException("A fault that was asked for.")
        error.code = fault.status
        raise error

    def _authorize(self, request: Request) -> None:
        sent, expected = request.headers.get("Authorization", ""), f"Bearer {self._token}"
        if self._token is not None and not hmac.compare_digest(sent.encode(), expected.encode()):
            raise Unauthorized("Send the bearer token.", www_authenticate=WWWAuthenticate("bearer"))

    def _record(self, request: Request, status: int | None) -> None:
        body: dict[str, Any] | str
        try:
            body = read_object(request)
        except BadRequest:
            body = request.get_data().decode(errors="replace")
        headers = {name.lower(): value for name, value in request.headers}
        self.writes.append(Write(request.method, raw_path(request), headers, body, status))

    def _save_product(self, request: Request, product_id: str) -> Response:
        return reply(self.save(product_id, read_object(request)))

    def _delete_product(self, _request: Request, product_id: str) -> Response:
        self._publish(self._store.delete(product_id))
        return Response(status=204)

    def _set_copy(self, request: Request, product_id: str) -> Response:
        match read_object(request):
            case {"description": str(text), **rest} if not rest:
                self._store.set_copy(product_id, text)
                return reply(self.product(product_id))
            case _:
                raise UnprocessableEntity('Send {"description": "..."}.')

    def _get_product(self, _request: Request, product_id: str) -> Response:
        return reply(self.product(product_id))

    def _get_products(self, _request: Request) -> Response:
        return reply({"sandbox": NOTE, "products": self._store.products()})

    def _get_failures(self, _request: Request) -> Response:
        return reply({"sandbox": NOTE, "failures": self._store.failures()})

    def _get_writes(self, _request: Request) -> Response:
        return reply({"sandbox": NOTE, "writes": [asdict(write) for write in self.writes]})

    def _set_faults(self, request: Request) -> Response:
        self._faults.replace(request.get_data())
        return Response(status=204)

    def _get_image(self, _request: Request, name: str) -> Response:
        for file in self._images.iterdir() if self._images else ():
            if file.name == name and file.is_file():  # compared, never joined: no name leads out of the folder
                return Response(file.read_bytes(), mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream")
        raise NotFound("No such image.")

    def _get_page(self, _request: Request) -> Response:
        # Seller text and model text are shown here: whatever slips through must not run.
        policy = {"Content-Security-Policy": "default-src 'none'; img-src http: https:; style-src 'unsafe-inline'"}
        return Response(render(self._store.products()), mimetype="text/html", headers=policy)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key")
    if not key:
        raise BadRequest("The header Idempotency-Key is missing.")
    return key
