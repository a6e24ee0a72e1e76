"""Exchanges become account features, one family a file."""
