"""Optimisation over many episodes at once, in terms of inner products."""
