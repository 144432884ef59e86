"""How each API reads what it is asked, and words what it answers: one module per shape, and none knows of another.

What is done with a question (who asks, may they, the quota, the faults) is written once, in `generating`.
"""
