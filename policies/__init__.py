"""What picks the next node beside the DQN agent, and what that agent is made of."""
