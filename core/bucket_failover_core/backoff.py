"""How long to wait after the n-th failure: doubling, capped, and spread so that callers do not come back in step.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Ours spreads around the nominal
delay instead of below it, so that the shortest wait is bounded from below as well.
"""

_MOST_DOUBLINGS = 64
"""More cannot matter for a cap that is a finite number of seconds, and would overflow a float."""


def backoff_seconds(failures: int, *, minimum: float, maximum: float, jitter: float, draw: float) -> float:
    """The delay after `failures` failures in a row.

    Example: with `minimum=5`, `maximum=30`, `jitter=0.3`: 5, 10, 20, 30, 30, … s at `draw=0.5`; the first is 3.5 s at
    `draw=0` and just under 6.5 s as `draw` nears 1.

    Args:
        failures: 1 for the first.
        minimum: seconds after the first failure.
        maximum: seconds at most, before the spread.
        jitter: half width of the spread, as a fraction of the delay, 0 to 1.
        draw: the chance, in [0, 1).
    """
    nominal = min(minimum * 2.0 ** min(failures - 1, _MOST_DOUBLINGS), maximum)
    return nominal * (1.0 + jitter * (2.0 * draw - 1.0))
