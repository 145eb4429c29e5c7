"""World models for robots: perception, world model, cost, actor, memory and the agent that ties them together."""

__version__ = "0.1.0"
