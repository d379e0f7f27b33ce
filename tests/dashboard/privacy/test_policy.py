"""Who sees whole numbers, and what a masked row can and cannot do."""

import msgspec
import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User

from dashboard.models import DialogRow, MaskedRow
from dashboard.privacy import CLEAR, MASKED, policy_of
from dashboard.privacy.sealed import unseal
from dialogs.config import Privacy
from tests.dashboard.live.people import call, record

pytestmark = pytest.mark.django_db


def mask(settings, *roles: str, keep: int = 4) -> None:
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy(mask=roles, keep=keep))


def someone(*roles: str, permission: str = "") -> User:
    user = User.objects.create_user(f"user{User.objects.count()}")
    user.groups.set(Group.objects.filter(name__in=roles))
    user.user_permissions.set(Permission.objects.filter(codename=permission))
    return user


@pytest.mark.parametrize(
    ("roles", "user", "masked"),
    [
        ((), {"roles": ["viewer"]}, False),
        (("viewer",), {"roles": ["viewer"]}, True),
        (("viewer",), {"roles": ["operator"]}, False),
        (("viewer",), {"roles": ["viewer", "operator"]}, True),
        (("viewer",), {"roles": ["viewer"], "permission": "see_numbers"}, False),
        (("viewer", "operator"), {"roles": ["operator"]}, True),
        (("*",), {"roles": []}, True),
        (("*",), {"roles": ["administrator"]}, False),
        (("viewr",), {"roles": ["operator"]}, True),
        (("viewer", "viewr"), {"roles": ["administrator"]}, False),
    ],
)
def test_policy_follows_roles_and_the_permission(settings, roles, user, masked):
    mask(settings, *roles)
    assert policy_of(someone(*user["roles"], permission=user.get("permission", ""))).masked is masked


def test_superuser_sees_all_and_a_stranger_nothing(settings):
    mask(settings, "*")
    assert (policy_of(User.objects.create_superuser("root")), policy_of(AnonymousUser())) == (CLEAR, MASKED)


def test_clear_policy_gives_the_row_itself():
    row = record(call(1))[0]
    assert CLEAR.row(row) is row


def test_masked_row_is_another_and_cannot_be_saved(settings):
    mask(settings, keep=2)
    row = record(call(1))[0]
    seen = MASKED.row(row)
    assert (row.from_user, seen.from_user, seen.from_uri, seen.pk, MASKED.row(seen) is seen) == ("4417", "44xx", "sip:44xx@example.net", row.pk, True)
    with pytest.raises(MaskedRow):
        seen.save()
    assert DialogRow.objects.get().from_user == "4417"


def test_masked_row_masks_its_snapshot_whatever_was_decoded_before():
    row = record(call(1, variables=(("who", "5000"),)))[0]
    whole = row.snapshot
    seen = MASKED.row(row).snapshot
    assert (whole.caller.uri, seen.caller.uri, seen.caller.name, seen.variables, seen.profiles, row.snapshot is whole) == (
        "sip:4417@example.net",
        "sip:44xx@example.net",
        "xxxx",
        (("who", "50xx"),),
        (("caller", "sip:44xx@example.net"),),
        True,
    )


def test_column_that_is_read_later_is_masked_too():
    record(call(1))
    seen = MASKED.row(DialogRow.objects.only("uid", "from_user", "to_user").get())
    assert (seen.from_uri, seen.profiles, seen.state) == ("sip:44xx@example.net", '[["caller", "sip:44xx@example.net"]]', 4)
    seen.refresh_from_db()
    assert (seen.from_user, seen.to_user) == ("44xx", "50xx")


def test_masked_profile_links_to_its_whole():
    shown = MASKED.profile("caller=sip:4417@example.net")
    assert (shown, unseal(shown.sealed), MASKED.profile("total"), CLEAR.profile("a=4417")) == (
        "caller=sip:44xx@example.net",
        "caller=sip:4417@example.net",
        "total",
        "a=4417",
    )
