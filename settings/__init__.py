"""What lies below config.py: how a setting is declared, errors, names, random streams."""
