"""The parts of studies/learners.py: what is measured, and what is made of it."""
