"""Who proposes actions: the reactive policy (mode 1) and the planners that search the world model (mode 2)."""
