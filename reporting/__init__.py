"""Statistics, tables and figures from logged runs."""
