"""One module for each provider: what its fields mean, as signals.

Five of them count as OpenAI does, and two are Anthropic's; those build on their relative, and share nothing else.
"""
