"""docs/phrases.md, generated from the tables that the core reads errors by."""
