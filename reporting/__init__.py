"""Computes statistics, tables and figures from logged runs."""
