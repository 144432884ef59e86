"""Which tests hold which requirement."""
