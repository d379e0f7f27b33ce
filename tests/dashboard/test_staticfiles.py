"""Static files under ASGI: whole answers, no synchronous iterator."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from dashboard.staticfiles import StaticFiles


def page(_request):
    return HttpResponse(b"page")


@pytest.fixture
def serve():
    middleware, factory = StaticFiles(page), RequestFactory()
    return lambda path, method="GET", **headers: middleware(factory.generic(method, path, headers=headers))


def test_static_file_is_served_whole(serve):
    answer = serve("/static/admin/css/base.css")
    assert (answer.status_code, answer.streaming, answer["Content-Type"]) == (200, False, 'text/css; charset="utf-8"')
    assert len(answer.content) == int(answer["Content-Length"]) > 1000
    assert "Access-Control-Allow-Origin" not in answer


def test_static_file_that_did_not_change_is_not_sent_again(serve):
    first = serve("/static/admin/css/base.css")
    again = serve("/static/admin/css/base.css", **{"If-Modified-Since": first["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")


def test_static_file_head_has_no_body(serve):
    answer = serve("/static/admin/css/base.css", "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")


def test_other_paths_are_pages(serve):
    assert serve("/static/../dashboard/settings.py").content == b"page"
    assert serve("/").content == b"page"
