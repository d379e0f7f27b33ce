"""Profiles count memberships, duplicates included."""

from dialogs.engine import profiles
from dialogs.engine.profiles import Profiles


def test_sizes_by_value_and_in_all():
    table, mine, other = Profiles(("caller",), ("total",)), [], []
    for members, name, value in ((mine, "caller", "x"), (mine, "caller", "x"), (other, "caller", "y"), (mine, "total", "ignored")):
        assert table.add(members, name, value)
    assert (table.size("caller"), table.size("caller", "x"), table.size("caller", "z"), table.size("total", "any"), table.size("none")) == (3, 2, 0, 1, None)
    assert mine == [("caller", "x"), ("caller", "x"), ("total", None)]
    table.drop(mine)
    assert (table.size("caller"), table.size("caller", "x"), table.size("total")) == (1, 0, 0)


def test_values_are_capped_and_the_refused_counted(monkeypatch):
    monkeypatch.setattr(profiles, "VALUES_MAX", 1)
    table, members = Profiles(("caller",)), []
    assert [table.add(members, "caller", value) for value in ("x", "y", "x")] == [True, False, True]
    assert (table.refused, table.size("caller")) == (1, 2)


def test_what_moved_of_a_watched_profile_is_told_once():
    table, mine = Profiles(("caller", "trunk"), ("total",)), []
    table.add(mine, "caller", "x")
    table.watch(("caller", "total", "new"))
    assert sorted(table.moved()) == [("caller", "x", 1)]
    for name, value in (("caller", "x"), ("caller", "y"), ("trunk", "z"), ("total", None), ("new", "n")):
        table.add(mine, name, value)
    table.remove(mine, "caller", "y")
    assert sorted(table.moved(), key=str) == [("caller", "x", 2), ("caller", "y", 0), ("new", "n", 1), ("total", None, 1)]
    assert list(table.moved()) == []
    table.drop([("caller", "x"), ("caller", "x")])
    assert list(table.moved()) == [("caller", "x", 0)]
