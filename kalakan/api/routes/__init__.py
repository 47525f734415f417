"""Endpoints, grouped by topic."""
