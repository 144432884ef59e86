"""The main job, as a demonstration: a haiku that survives its buckets, over real HTTP on the loopback interface."""
