"""Implements the policies that do not learn, and the parts of the DQN agent."""
