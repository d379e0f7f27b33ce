"""Numbers that not everybody may see: how they are masked, for whom, and what links to them."""

from dashboard.privacy.policy import CLEAR, MASKED, Policy, policy_of
from dashboard.privacy.sealed import is_sealed, unseal

__all__ = ["CLEAR", "MASKED", "Policy", "is_sealed", "policy_of", "unseal"]
