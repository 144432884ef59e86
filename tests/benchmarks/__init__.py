"""What decisions and requests cost, in the unit *m*: one frozen pydantic model of four fields, made in the same run."""
