"""The table as a REST API with OpenAPI, by django-ninja (extra `api`). Knows ninja; the door is `view`'s, what can be asked is the table's."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from ninja import File as FromForm
from ninja import NinjaAPI, Schema, UploadedFile
from ninja.errors import HttpError, ValidationError
from pydantic import create_model

from dashboard.api.answers import Problem
from dashboard.api.asking import ask
from dashboard.api.problem import CONTENT_TYPE, problem
from dashboard.api.table import ENTRIES, Entry
from dashboard.api.view import VERSION, asker_of, sent
from dashboard.history.export import COLUMNS
from dashboard.workspace.store import MEGABYTE

ABOUT = "Live SIP calls and their history, proven from the wire. Calls are the objects of the export calls.json. See docs/api.md."
FILE = inspect.Parameter("file", inspect.Parameter.KEYWORD_ONLY, default="", annotation=str)
"The opened capture file whose calls are asked for."

type Operation = Callable[..., Any]


def api() -> NinjaAPI:
    """Return the API with an operation for each entry of the table. Without a documentation page: ninja's has scripts of other hosts."""
    made = NinjaAPI(title="Dialtap", version=VERSION, description=ABOUT, docs_url=None, openapi_url=None, urls_namespace="dialtap-api")
    for entry in ENTRIES:
        name, tag = entry.name.replace("-", "_"), re.split("[/.]", entry.path)[1]
        described = made.api_operation([entry.method], entry.path, operation_id=name, summary=entry.words, tags=[tag], openapi_extra=REFUSED)
        described(operation(entry))
    made.exception_handler(Problem)(lambda _request, error: problem(error.status, str(error), **error.more))
    made.exception_handler(ValidationError)(lambda _request, error: mistaken(error))
    made.exception_handler(BadRequest)(lambda _request, error: problem(400, str(error)))
    made.exception_handler(HttpError)(lambda _request, error: problem(error.status_code, str(error)))
    made.exception_handler(Http404)(lambda _request, error: problem(404, str(error) or "there is no such thing"))
    return made


REFUSED: dict[str, Any] = {
    "responses": {
        "default": {
            "description": "Why there is no answer, and what to do (RFC 9457)",
            "content": {CONTENT_TYPE: {"schema": {"type": "object", "required": ["title", "status", "detail"]}}},
        }
    }
}


def patterns() -> list[URLPattern]:
    """Return its addresses, without what ninja has for browsers."""
    made = api()
    found, _, _ = made.urls
    schema = made.get_openapi_schema(path_prefix=f"/api/{VERSION}/")
    describe(schema)
    described = path("openapi.json", lambda _request: JsonResponse(schema), name="openapi")
    return [described, *(one for one in found if isinstance(one, URLPattern) and one.name != "api-root")]


def describe(schema: dict[str, Any]) -> None:
    """Add what is answered: a call is what the export's columns make of it."""
    call = {
        column.title: {"type": ["string", "integer"] if column.title == "code" else "integer" if column.title == "messages" else "string"} for column in COLUMNS
    }
    schema.setdefault("components", {}).setdefault("schemas", {})["Call"] = {"type": "object", "properties": call, "required": list(call)}
    for ways in schema["paths"].values():
        for said in ways.values():
            named = KINDS.get(said["operationId"], ("application/json", OBJECT))
            said["responses"][200] = {"description": "the answer", "content": {named[0]: {"schema": named[1]}}}


OBJECT: dict[str, Any] = {"type": "object"}
CALL = {"$ref": "#/components/schemas/Call"}
LISTED = OBJECT | {"properties": {"calls": {"type": "array", "items": CALL}, "next": {"type": "string"}, "previous": {"type": "string"}}}
BYTES = {"type": "string", "format": "binary"}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "live": ("application/json", LISTED),
    "calls": ("application/json", LISTED),
    "call": ("application/json", CALL),
    "live_stream": ("application/x-ndjson", OBJECT),
    "calls_file": ("*/*", BYTES),
    "audit_file": ("*/*", BYTES),
    "ladder": ("*/*", BYTES),
    "messages_text": ("text/plain", {"type": "string"}),
    "pcap": ("application/octet-stream", BYTES),
}
"Answers that are more, or something else, than an object."


def operation(entry: Entry) -> Operation:
    """Return an entry as a function that ninja understands: path and query parameters, or a JSON object for what changes something."""

    def run(request: HttpRequest, **said: Any) -> HttpResponse | Any:
        if isinstance(body := said.pop("said", None), Schema):
            said |= body.dict()
        if (upload := said.pop("capture", None)) is not None:
            said |= {"name": upload.name or "capture", "capture": taken(upload)}
        return sent(request, ask(entry, asker_of(request), said))

    signed: Any = run
    signed.__signature__ = inspect.Signature([inspect.Parameter("request", inspect.Parameter.POSITIONAL_ONLY), *_parameters(entry)])
    signed.__name__ = entry.name.replace("-", "_")
    return signed


def taken(upload: UploadedFile) -> bytes:
    """Return an uploaded file's bytes. Raises Problem for one that is larger than may be opened."""
    most: int = settings.DIALTAP.history.open_mb
    if upload.size and upload.size > most * MEGABYTE:
        raise Problem(413, f"{most:,} MB may be opened ([history] open_mb): cut it, for example with editcap -i")
    return bytes(upload.read())


def _parameters(entry: Entry) -> list[inspect.Parameter]:
    if entry.name == "file-open":
        return [inspect.Parameter("capture", inspect.Parameter.KEYWORD_ONLY, default=FromForm(...), annotation=UploadedFile)]
    keyword = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in entry.parameters]
    keyword = [one.replace(default=one.empty) if f"{{{one.name}}}" in entry.path else one for one in keyword]
    if entry.method == "GET":
        return [*keyword, FILE] if entry.within else keyword
    here = [one for one in keyword if f"{{{one.name}}}" in entry.path]
    told = {one.name: (one.annotation, ... if one.default is one.empty else one.default) for one in keyword if one not in here}
    if not told:
        return here
    body = create_model(f"{entry.name.title().replace('-', '')}Said", __base__=Schema, **told)  # type: ignore[call-overload]
    return [*here, inspect.Parameter("said", inspect.Parameter.KEYWORD_ONLY, annotation=body)]


def mistaken(error: ValidationError) -> HttpResponse:
    """Return which parameters are wrong, and how."""
    wrong = [{"parameter": str(one["loc"][-1]), "detail": one["msg"]} for one in error.errors]
    words = "; ".join(f"{one['parameter']}: {one['detail']}" for one in wrong)
    return problem(400, f"{words}; /api/v1/openapi.json has the parameters", errors=wrong)
