"""The route agent with and without each of its parts: the ablation of `docs/improved_agent.md`."""
