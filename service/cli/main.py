"""The command `parley` and its subcommands; each is imported only when it is called."""

import importlib

import click

_COMMANDS = {
    "up": "service.cli.up",
    "serve": "service.cli.serve",
    "status": "service.cli.status",
    "envoy-config": "service.cli.envoy_config",
    "chat": "service.cli.chat",
    "models": "service.cli.models",
    "key": "service.cli.key",
    "check": "service.cli.check",
    "schema": "service.cli.schema",
    "import": "service.cli.import_",
}


class _Lazy(click.Group):
    """Finds subcommands by name, so that `parley key` does not wait for what `parley up` imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Shows the first sentence of each command's help whole."""
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(limit=1000)) for name, each in named if each])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return None if module is None else importlib.import_module(module).command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="parley", message="%(version)s")
def main() -> None:
    """One chat-completions API, over gRPC and REST, in front of many vendors' models.

    \b
    Example:
      parley up                     # the embedded model, on http://127.0.0.1:8080
      parley chat "Say hello"

    Exit codes: 0, it is done. 1, it could not be done, and stderr says why. 2, an option is wrong. `parley status` has
    3 besides: Parley runs, but something of it is not as it should be.
    """  # noqa: D301  # \b is click's mark for a block that is not wrapped


if __name__ == "__main__":
    main()
