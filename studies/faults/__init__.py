"""Studies that injure, stop and collide runs."""
