"""What does an answer say? From headers and a body, in any provider's way of speaking, to sentences with one meaning.

    CallFailure ──answer──▶ Answer ──dialects──▶ sentences ──verdict──▶ cause, limits, wish

`answer` and `body` bound and unpack what came over the wire; `forms`, `prose` and `calendars` each read one form of a
wait or a moment; `dialects` has one module for each provider, which translates its fields into the `sentences` that all
have in common; `verdict` holds the rules of what follows from sentences. A dialect decides nothing, and a rule knows no
provider.
"""
