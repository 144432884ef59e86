"""The commands, their options, and their exit statuses."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Final

import typer

from bucket_failover.cli import EXIT_USAGE
from bucket_failover.cli.console import answer, reader_may_leave, say
from bucket_failover.cli.demo import SCENARIO_NAMES, run_demo
from bucket_failover.cli.doctor import doctor_command
from bucket_failover.cli.importing import import_command
from bucket_failover.cli.limits import bench_command, clear_command, explain_command, status_command
from bucket_failover.cli.login import login_command
from bucket_failover.cli.logout import logout_command
from bucket_failover.cli.renewing import renew_command
from bucket_failover.errors import BucketFailoverError

_INTERRUPTED: Final = 130
"""The user has interrupted it (128 + SIGINT)."""

app = typer.Typer(
    name="bucket-failover",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Which of several credentials of one provider to use, and why not the others.",
)


@app.callback(invoke_without_command=True)
def _root(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if show_version:
        answer(f"bucket-failover {version('bucket-failover')}")
        raise typer.Exit


@app.command(
    epilog="**Exit status**: 0: every scenario ended as it was to. 2: one was to end exhausted and did not. 3: one was "
    "to be answered by a certain bucket and was not. 64: the command line was wrong. 130: interrupted. "
    "141: the program that read the output has ended.\n\n"
    "**Examples**: `bucket-failover demo` plays them all. `bucket-failover demo revoked` plays one. "
    "`bucket-failover demo all --json | jq '.[].buckets'` is for machines."
)
def demo(
    scenario: Annotated[
        str,
        typer.Argument(help=f"One of {', '.join(SCENARIO_NAMES)}.", metavar="SCENARIO"),
    ] = "all",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of pictures.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="No colours, not even on a terminal.")] = False,
) -> None:
    """A haiku that survives its buckets: a real failover over real HTTP on the loopback interface.

    An embedded provider (a chat API with an OAuth token endpoint, quotas, and rotating refresh tokens) is started on a
    free port; the profile is `default`, `claudius`, `vybestack`; what happens is told from the decisions' own findings.
    """
    if scenario not in SCENARIO_NAMES:
        message = f"{scenario!r} is none of {', '.join(SCENARIO_NAMES)}"
        raise typer.BadParameter(message, param_hint="SCENARIO")
    with reader_may_leave():
        status = run_demo(scenario, as_json=as_json, plain=plain)
    raise typer.Exit(status)


_STATUSES = "**Exit status**: 0: done. 64: the command line, the profile or the store was wrong. 130: interrupted.\n\n"

app.command(
    "status",
    epilog=_STATUSES + "**Examples**: `bucket-failover status`, `bucket-failover status --at 14:05`, "
    "`bucket-failover status --watch`, `bucket-failover status --json | jq '.buckets[] | select(.usable) | .bucket'`.",
)(status_command)
app.command(
    "explain",
    epilog="**Exit status**: 0: a bucket would be used. 1: none would. 64: the command line, the profile or the store "
    "was wrong.\n\n**Examples**: `bucket-failover explain`, `bucket-failover explain --at 2h`, "
    "`bucket-failover explain --model opus --json`.",
)(explain_command)
app.command(
    "bench",
    epilog=_STATUSES + "**Examples**: `bucket-failover bench default --until 18:00`, "
    "`bucket-failover bench claudius --until 2h30m --reason 'kept for the demo'`.",
)(bench_command)
app.command(
    "clear", epilog=_STATUSES + "**Examples**: `bucket-failover clear default`, `bucket-failover clear --all`."
)(clear_command)


app.command(
    "login",
    epilog="**Exit status**: 0: all are logged in. 1: one is not. 64: the command line, the profile or the store was "
    "wrong. 130: interrupted.\n\n**Examples**: `bucket-failover login`, "
    "`bucket-failover login anthropic claudius --no-browser`, `bucket-failover login anthropic default --device`.",
)(login_command)
app.command(
    "logout",
    epilog="**Exit status**: 0: done. 1: a token could not be removed, or the issuer still knows the login. 64: the "
    "command line, the profile or the store was wrong.\n\n**Examples**: `bucket-failover logout anthropic claudius`, "
    "`bucket-failover logout anthropic --all`.",
)(logout_command)
app.command(
    "import",
    epilog=_STATUSES + "**Examples**: `pass show work/key | bucket-failover import anthropic team`, "
    "`bucket-failover import anthropic team --from-env TEAM_KEY`, "
    "`pass show work/token.json | bucket-failover import anthropic default`, "
    "`bucket-failover import anthropic default --from claude-code`, "
    "`bucket-failover import anthropic default --from opencode --key anthropic`, "
    "`bucket-failover import anthropic default --file ~/.cli-proxy-api/claude-me.json`.",
)(import_command)
app.command(
    "renew",
    epilog="**Exit status**: 0: what was due is renewed. 1: a renewal has failed. 64: the command line, the profile or "
    "the store was wrong. 130: interrupted.\n\n**Examples**: `bucket-failover renew`, "
    "`bucket-failover renew claudius --now`, `bucket-failover renew --watch --json`.",
)(renew_command)
app.command(
    "doctor",
    epilog="**Exit status**: 0: nothing is broken. 1: something is. 64: the command line, the profile or the store was "
    "wrong.\n\n**Examples**: `bucket-failover doctor`, `bucket-failover doctor --offline --json`.",
)(doctor_command)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; the exit status."""
    try:
        status = app(args=list(arguments), standalone_mode=False)
    except typer.exceptions.TyperException as error:
        problem = getattr(error, "format_message", error.__str__)()
        if problem == "":
            return 0  # no command was given, and the help was shown
        say(f"bucket-failover: {problem}")
        return EXIT_USAGE
    except BucketFailoverError as error:
        say(f"bucket-failover: {error}")
        return EXIT_USAGE
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    return status if isinstance(status, int) else 0
