"""Declares settings, reads them from flags and names sets of them (presets)."""
