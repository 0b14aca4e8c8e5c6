"""Every way an event can fail, as one tree: the class says who can mend it, the code names the failure for good.

    EnrichmentError
    ├── Malformed    400  not a CloudEvent we can open: the sender mends it
    ├── TooLarge     413  the body is over the limit
    ├── Unusable     422  this event will never work as it is: it goes to the dead letters, or to the seller
    ├── Throttled    429  Bedrock's quota: deliver again later
    ├── Unavailable  503  it may heal by itself: deliver again
    └── Defect       500  a bug of ours

The status is what KafkaSource acts on: it delivers again on 404, 408, 409, 429 and 5xx, and sends everything else to
the dead-letter sink at once. That is why neither 404 nor 409 appears here. Codes match `[a-z0-9]+`, because the
dispatcher fails on a `kne-` header of any other form, and never change their meaning: dashboards and dead letters hold
them.
"""

from typing import ClassVar


class EnrichmentError(Exception):
    """Base of all expected failures; raise a leaf.

    `detail` says what was wrong with this event, without seller text; `title` says what to do about it. `product_id` is
    of an event that came to no task, where its data names one.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str = "", *, product_id: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.product_id = product_id


class Malformed(EnrichmentError):
    """The request is not a CloudEvent that can be opened."""

    status = 400


class NotACloudEvent(Malformed):
    code = "notacloudevent"
    title = "Send a CloudEvent: ce-* headers, or a body of type application/cloudevents+json."


class InvalidCloudEvent(Malformed):
    code = "invalidcloudevent"
    title = "Set specversion 1.0 and non-empty id, source and type; time, if present, in RFC 3339."


class BrokenJson(Malformed):
    code = "brokenjson"
    title = "Send well-formed JSON in UTF-8."


class BatchUnsupported(Malformed):
    code = "batchunsupported"
    title = "Send one event a request: one status cannot be true for several events."


class TooLarge(EnrichmentError):
    """The request body is over 1 MiB."""

    status = 413
    code = "bodytoolarge"
    title = "Keep the event under 1 MiB: send image URLs, not image bytes."


class Unusable(EnrichmentError):
    """Delivering the same event again cannot help."""

    status = 422


class EventNameUnknown(Unusable):
    code = "eventnameunknown"
    title = "Name the event: eventType in the payload, a record header eventtype, or TOPIC_EVENT_TYPES for the topic."


class DataNotJson(Unusable):
    code = "datanotjson"
    title = "Send the product as a JSON object with content type application/json."


class SchemaViolated(Unusable):
    code = "schemaviolated"
    title = "Correct the named fields of the event's data."


class LanguageUnsupported(Unusable):
    code = "languageunsupported"
    title = "Ask for a language that every text task has claim packs and a length for."


class KeyMissing(Unusable):
    code = "keymissing"
    title = "Give the tombstone or deletion a record key: the product id."


class InputTooLarge(Unusable):
    code = "inputtoolarge"
    title = "Shorten the product's attributes: the question is too long for the model's budget."


class ImageGone(Unusable):
    code = "imagegone"
    title = "Upload the photo again: its URL answers 404 or 410."


class ImageRefused(Unusable):
    code = "imagerefused"
    title = "Make the photo readable for this service: its host refuses the request."


class ImageNotAllowed(Unusable):
    code = "imagenotallowed"
    title = "Serve the photo from a public host that IMAGE_HOSTS lists."


class ImageTooLarge(Unusable):
    code = "imagetoolarge"
    title = "Upload a smaller photo file."


class ImageTooManyPixels(Unusable):
    code = "imagetoomanypixels"
    title = "Upload a photo with fewer pixels."


class ImageNotAnImage(Unusable):
    code = "imagenotanimage"
    title = "Let the URL answer with a JPEG, PNG, GIF or WebP file."


class ImageUnreadable(Unusable):
    code = "imageunreadable"
    title = "Upload the photo again: the file is truncated or damaged."


class AnswerRefused(Unusable):
    code = "answerrefused"
    title = "Look at the product: the model, or a guardrail, declines to answer for it."


class AnswerRejected(Unusable):
    code = "answerrejected"
    title = "Look at the violations, which enrichment-failures has in full: a rule was broken again after it was named."


class AnswerUnusable(Unusable):
    code = "answerunusable"
    title = "Look at the stop reason: the model ended without an answer that can be read."


class ModelTimeout(Unusable):
    code = "modeltimeout"
    title = "Look at the product: paid calls for it ended without an answer three times."


class ProductUnknown(Unusable):
    code = "productunknown"
    title = "Register the product first, or, if it is every product, check PRODUCT_SERVICE_URL: it answers 404."


class WriteBackRejected(Unusable):
    code = "writebackrejected"
    title = "Compare the product service with docs/product-service.openapi.yaml: it refuses the PUT for good."


class Throttled(EnrichmentError):
    """Bedrock's quota is used up and our own retries are spent."""

    status = 429
    code = "modelthrottled"
    title = "Deliver again later, or raise the Bedrock quota."


class Unavailable(EnrichmentError):
    """It may heal by itself; the event must be delivered again."""

    status = 503


class ModelUnavailable(Unavailable):
    code = "modelunavailable"
    title = "Deliver again: Bedrock did not answer, or answered with a passing error."


class ModelMisconfigured(Unavailable):
    code = "modelmisconfigured"
    title = "Check MODEL_ID, the region, model access and the IAM policy: Bedrock refuses the request itself."


class ModelAnswerBroken(Unavailable):
    code = "modelanswerbroken"
    title = "Deliver again: Bedrock's answer was cut off."


class ModelAnswerLate(Unavailable):
    code = "modelanswerlate"
    title = "Deliver again: no answer came within the read time-out; the call may have been paid."


class DeadlineExceeded(Unavailable):
    code = "deadlineexceeded"
    title = "Deliver again: DEADLINE_SECONDS left no time for the next step."


class LeaseHeld(Unavailable):
    code = "leaseheld"
    title = "Deliver again: another worker is busy with the same question or product."


class LedgerUnavailable(Unavailable):
    code = "ledgerunavailable"
    title = "Check the ledger's table, its IAM policy and its capacity; deliver again."


class ProductServiceUnavailable(Unavailable):
    code = "productserviceunavailable"
    title = "Check the product service; deliver again."


class ProductServiceUnauthorized(Unavailable):
    code = "productserviceunauthorized"
    title = "Check PRODUCT_SERVICE_TOKEN_FILE: the product service answers 401 or 403."


class ImageHostUnavailable(Unavailable):
    code = "imagehostunavailable"
    title = "Check the image host; deliver again."


class ImageTimeout(Unavailable):
    code = "imagetimeout"
    title = "Check the image host: it did not answer in time; deliver again."


class BodyLate(Unavailable):
    code = "bodylate"
    title = "Deliver again: the request's body stopped arriving."


class Busy(Unavailable):
    code = "busy"
    title = "Deliver again: every event slot of this process is taken."


class Defect(EnrichmentError):
    """A bug: the log line of the same event has the traceback."""

    status = 500
    code = "defect"
    title = "Report the log line of this event: the function has a bug."


def drop_tracebacks(error: BaseException) -> None:
    """Of an error, and of those that led to it.

    A traceback keeps what all its frames hold, photos and connections too; where one of them holds the error, until
    garbage is collected.
    """
    led: list[BaseException | None] = [error]
    while led:
        if (each := led.pop()) is not None and each.__traceback__ is not None:
            each.__traceback__ = None
            led += [each.__cause__, each.__context__]
