"""The one exception of the rules. Knows nothing."""


class RuleError(ValueError):
    """A rule cannot be understood; the text says which, where and what was expected."""
