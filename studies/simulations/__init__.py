"""Provides what the studies of the two simulations of D2BL share: the command line, the DQN, tables and verdicts."""
