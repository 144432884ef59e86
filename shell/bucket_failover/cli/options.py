"""The arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

BucketsArgument = Annotated[list[str] | None, typer.Argument(help="The buckets' names.", metavar="[BUCKET]...")]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="The buckets' names; before them the provider's, if the profile file has several.",
        metavar="[PROVIDER] [BUCKET]...",
    ),
]
ProfileOption = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        metavar="FILE",
        help="The profile file, or the name of one of the user's. Default: BUCKET_FAILOVER_PROFILE, or profile.toml.",
    ),
]
StoreOption = Annotated[
    Path | None,
    typer.Option("--store", metavar="FILE", help="Tokens and limits. Default: BUCKET_FAILOVER_STORE, or the user's."),
]
ProviderOption = Annotated[
    str | None, typer.Option("--provider", help="Which provider of the profile file, if it has several.")
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="MOMENT", help="As it will be believed then: 14:05, 2h30m, 2026-09-01T18:00Z."),
]
ModelOption = Annotated[str | None, typer.Option("--model", help="Limits about other models do not count.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PlainOption = Annotated[bool, typer.Option("--plain", help="No colours, not even on a terminal.")]
