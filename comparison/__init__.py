"""The parts of compare_learners.py: what is measured, and what is made of it."""
