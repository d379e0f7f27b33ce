"""Saved views: kept, shared, replaced, dropped."""

import re

import pytest

from dashboard.models import SavedView
from dashboard.pages.views import MOST

pytestmark = pytest.mark.django_db


def keep(client, name="fraud", query="q=%2B252&sort=-age", **fields):
    return client.post("/views/keep/", {"name": name, "query": query} | fields)


def links(client) -> list[str]:
    """Return the addresses of the views that are offered."""
    box = client.get("/").content.decode().partition('id="views"')[2].partition("</details>")[0]
    return re.findall(r'<a class="grow" href="([^"]+)"', box)


def test_view_is_kept_with_filter_and_layout_and_offered(viewer):
    answer = keep(viewer, query="?q=%2B252&sort=-age&density=compact&columns=state,caller&p=4&nonsense=1")
    expected = "q=%2B252&columns=state%2Ccaller&sort=-age&density=compact"
    assert (answer.url, SavedView.objects.get().query, links(viewer)) == (f"/?{expected}", expected, [f"/?{expected.replace('&', '&amp;')}"])


def test_only_shared_views_are_seen_by_others(viewer, operator):
    keep(viewer, "mine")
    keep(viewer, "ours", query="", shared="1")
    assert (len(links(viewer)), links(operator)) == (2, ["/"])


def test_same_name_replaces_ones_own_view_alone(viewer, operator):
    keep(viewer, "x", shared="1")
    keep(operator, "x")
    keep(viewer, "x", query="state=3")
    assert sorted(SavedView.objects.values_list("owner__username", "query", "shared")) == [
        ("operator", "q=%2B252&sort=-age", False),
        ("viewer", "state=3", False),
    ]


def test_view_is_dropped_by_its_owner_only(viewer, operator):
    keep(viewer, shared="1")
    number = SavedView.objects.get().pk
    refused = operator.post(f"/views/{number}/drop/").status_code
    assert (refused, viewer.post(f"/views/{number}/drop/", {"query": "state=3"}).url, SavedView.objects.count()) == (404, "/?state=3", 0)


@pytest.mark.parametrize("name", ["", "  \0 "])
def test_view_without_a_name_is_refused_in_words(viewer, name):
    answer = viewer.post("/views/keep/", {"name": name, "query": "state=3"}, follow=True).content.decode()
    assert ("give it a name" in answer, SavedView.objects.count()) == (True, 0)


def test_views_of_one_person_are_limited(viewer):
    keep(viewer, "first")
    owner = SavedView.objects.get().owner
    SavedView.objects.bulk_create([SavedView(owner=owner, name=str(number)) for number in range(MOST - 1)])
    keep(viewer, "too many")
    keep(viewer, "first", query="state=1")
    assert (SavedView.objects.count(), SavedView.objects.get(name="first").query) == (MOST, "state=1")


def test_hostile_name_is_text(viewer):
    keep(viewer, "<script>alert(1)</script>", shared="1")
    text = viewer.get("/").content.decode()
    assert ("<script>alert" in text, "&lt;script&gt;alert" in text) == (False, True)
