"""Changing a live call: its variables, flags and lifetime. Knows requests; what may be changed, and how, is `dashboard.rpc.change`'s business."""

from collections.abc import Mapping

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from dashboard.models import DialogRow
from dashboard.pages.requests import PageRequest
from dashboard.privacy import policy_of
from dashboard.rpc.access import address_of
from dashboard.rpc.change import PERMISSION, ChangeRefused, Mistake, carry_out, may_change, wish_of
from dialogs.engine.rules.actions import FLAGS, TEXT_MAX
from dialogs.rpc.commands.settings import TIMEOUT_MAX

MISTAKEN, REFUSED = 400, 409
changer = permission_required(PERMISSION, raise_exception=True)


@require_GET
@changer
def change_form(request: PageRequest, uid: str) -> HttpResponse:
    """Show what of a call can be changed."""
    row = get_object_or_404(DialogRow, pk=uid)
    refusal = may_change(row, request.user)
    return answer(request, row, refused=refusal.words if refusal else "")


@require_POST
@changer
def change(request: PageRequest, uid: str) -> HttpResponse:
    """Change one thing of a call and show what there is now."""
    row = get_object_or_404(DialogRow, pk=uid)
    form = {name: request.POST.get(name, "") for name in ("what", "key", "value", "flag", "seconds")}
    try:
        wish = wish_of(row, form)
        carry_out(row, request.user, wish, address_of(request))
    except Mistake as mistake:
        return answer(request, row, mistake=str(mistake), form=form, status=MISTAKEN)
    except ChangeRefused as refused:
        return answer(request, row, refused=str(refused), form=form, status=REFUSED)
    return answer(request, row, done=f"{wish.what}: {wish.now}", made=form)


def answer(
    request: PageRequest,
    row: DialogRow,
    *,
    done: str = "",
    mistake: str = "",
    refused: str = "",
    made: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return the form, as a dialog's content for htmx and as a page without it.

    `made` has just been changed: the row knows it a moment later. `form` was refused: it stays filled in.
    """
    variables, flags = changed(policy_of(request.user).row(row), made or {})
    context = {
        "row": policy_of(request.user).row(row),
        "may": may_change(row, request.user) is None,
        "variables": variables.items(),
        "flags": sorted(flags),
        "done": done,
        "mistake": mistake,
        "refused": refused,
        "form": form or {},
        "longest": TEXT_MAX,
        "most_seconds": TIMEOUT_MAX,
        "last_flag": FLAGS - 1,
    }
    return render(request, "pages/_change.html" if request.htmx else "pages/change.html", context, status=status)


def changed(row: DialogRow, made: Mapping[str, str]) -> tuple[dict[str, str], set[int]]:
    """Return a call's variables and flags with what was just made of them."""
    variables, flags = dict(row.snapshot.variables), set(row.snapshot.flags)
    match made.get("what"):
        case "set_var":
            variables[made["key"]] = made["value"]
        case "unset_var":
            variables.pop(made["key"], None)
        case "setflag":
            flags.add(int(made["flag"]))
        case "resetflag":
            flags.discard(int(made["flag"]))
    return variables, flags
