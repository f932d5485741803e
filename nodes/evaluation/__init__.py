"""How a model is evaluated on the test images."""
