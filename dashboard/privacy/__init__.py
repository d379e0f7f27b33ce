"""Numbers that not everybody may see: how they are masked, for whom, and what links to them."""

from dashboard.privacy.policy import CLEAR, MASKED, Policy, policy_of
from dashboard.privacy.sealed import is_sealed, linked, unseal

__all__ = ["CLEAR", "MASKED", "Policy", "is_sealed", "linked", "policy_of", "unseal"]
