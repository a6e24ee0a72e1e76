"""Customers who extract nothing, ordinary ones and those that resemble campaigns."""
