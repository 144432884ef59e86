"""How many deliberate mistakes in the core the tests notice."""
