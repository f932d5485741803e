"""Compares driving agents after D2BL with plain networks, a DQN agent and a rule-based driver."""
