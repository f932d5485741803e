"""The flocking simulation of D2BL: its world, agents that steer the boids, and their comparison."""
