"""Accounts become links: candidates, surprise, nulls."""
