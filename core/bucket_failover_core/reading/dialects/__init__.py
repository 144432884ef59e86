"""One module for each provider: what its fields mean, as sentences. Siblings share nothing but the forms."""
