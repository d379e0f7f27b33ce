"""Why there is no answer, as JSON (RFC 9457, application/problem+json): status, what to do in `detail`. Knows answers; knows no call."""

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

CONTENT_TYPE = "application/problem+json"


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> HttpResponse:
    """Return the answer that says why there is none."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    response = HttpResponse(json.dumps(body), status=status, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"} | (headers or {}))
    setattr(response, "_has_been_logged", True)  # noqa: B010 -- Django's own mark: what is wrong is the caller's affair, no line of our log for each call
    return response
