"""What settings are made of, and named sets of them."""
