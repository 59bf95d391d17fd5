"""Call the command line in this process and show real defects with their traceback."""

from typer.testing import CliRunner

from mig_dagster.cli import app


def run(*args: object) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr."""
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
