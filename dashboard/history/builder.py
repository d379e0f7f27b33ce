"""The form that writes a query, and the addresses of links that do. Knows the language's words; knows no table, no page."""

from collections.abc import Mapping

from django import forms

from dashboard.history.rows import MAX_KEY
from dashboard.privacy.sealed import is_sealed
from dashboard.query.tree import quoted

STATES = ("setting up", "ringing", "no ack", "in call", "live", "ended", "failed", "expired")


class Builder(forms.Form):
    """The form that writes a query, and the addresses of links. Empty fields ask nothing."""

    caller = forms.CharField(required=False, max_length=MAX_KEY, label="Caller", help_text="Number or name; 4930* for all that begin so")
    callee = forms.CharField(required=False, max_length=MAX_KEY, label="Callee", help_text="Number or name; 4930* for all that begin so")
    call_id = forms.CharField(required=False, max_length=MAX_KEY, label="Call-ID", help_text="Whole, or its beginning and a star")
    state = forms.ChoiceField(required=False, choices=[("", "Any"), *((word, word.capitalize()) for word in STATES)], label="State")
    code = forms.IntegerField(required=False, min_value=300, max_value=699, label="Code", help_text="Status that failed the call: 486")
    longer = forms.IntegerField(required=False, min_value=0, label="Longer than, s", help_text="Seconds, as the table shows them")
    peer = forms.CharField(required=False, max_length=MAX_KEY, label="Peer", help_text="A peer or address that the call went through")
    since = forms.DateTimeField(required=False, label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
    until = forms.DateTimeField(required=False, label="Until", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
    profile = forms.CharField(required=False, max_length=64, label="Profile")
    value = forms.CharField(required=False, max_length=MAX_KEY, label="Value")

    def clean(self) -> dict[str, object]:
        """Refuse a range that ends before it begins, and a profile's value without the profile."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", "This is before the beginning of the range.")
        if cleaned.get("value") and not cleaned.get("profile"):
            self.add_error("value", "A value needs its profile's name.")
        return cleaned


def written(form: Builder) -> str:
    """The query that a valid form means, "" for none."""
    said = form.cleaned_data
    profile = "=".join(part for part in (said["profile"], said["value"]) if part)
    parts = [
        *(starred(name, said[field]) for name, field in (("from", "caller"), ("to", "callee"), ("call_id", "call_id"))),
        f"state = {quoted(said['state'])}" if said["state"] else "",
        f"code = {said['code']}" if said["code"] else "",
        f"duration > {said['longer']}" if said["longer"] is not None else "",
        f"peer = {quoted(said['peer'])}" if said["peer"] else "",
        *(f"begun {sign} {quoted(spoken(form.data[name]))}" for sign, name in ((">=", "since"), ("<=", "until")) if said[name]),
        f"profile = {quoted(profile)}" if profile else "",
    ]
    return " and ".join(part for part in parts if part)


def starred(name: str, text: str) -> str:
    """Return what asks for a text, or for its beginning before a star."""
    if not text:
        return ""
    return f"{name} startswith {quoted(text[:-1])}" if text.endswith("*") and text != "*" else f"{name} = {quoted(text)}"


def spoken(moment: str) -> str:
    """Return a moment as the browser's input gives it, as a query writes it."""
    return moment.strip().replace("T", " ")


def typed(data: Mapping[str, str]) -> str:
    """Return what an address asks about numbers in plain words, for the audit log; "" for nothing, and for links."""
    given = {name: str(data.get(name) or "").strip() for name in ("q", "caller", "callee", "profile", "value")}
    return " ".join(f"{name}={text}" for name, text in given.items() if text and not is_sealed(text))[: 4 * MAX_KEY]
