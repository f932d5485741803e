"""Implements the policies other than the DQN agent, and parts of that agent."""
