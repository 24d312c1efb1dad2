"""Write docs/reference/cli.md from the commands themselves; a test says when it is out of date.

python scripts/cli_reference.py
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from assetkit.cli.app import COMMANDS, cli

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
HEAD = """\
# Command line

<!-- Made by scripts/cli_reference.py from the commands' own help. -->

Results go to stdout; progress, logs and errors go to stderr. When stdout is no terminal, names are
in full and there are no colours and no bars; `NO_COLOR` and `FORCE_COLOR` are honoured. `--json`
prints one object with a versioned `schema`.

```console
$ assetkit --version
assetkit ...
```

## Exit codes

| code | meaning |
|---|---|
| 0 | done, or nothing to do |
| 1 | an asset or a check failed; others may have been built |
| 2 | wrong usage, or a selection that matches nothing |
| 3 | the definitions do not load |
| 4 | only with `--exit-code`: there is work to do, or a promise is late |
| 5 | locked by another process |
| 6 | the saved plan no longer fits |
| 130 | interrupted, after a clean stop (143: terminated) |

## Selections

One grammar for the command line, Python and the page: see [selections](selections.md).
"""


def render() -> str:
    """Return the whole page."""
    context = _context(cli, "assetkit")
    shared = "\n".join(_option_rows(cli, context))
    parts = [HEAD, f"## Options of all commands\n\n| option | meaning |\n|---|---|\n{shared}\n"]
    for section, names in COMMANDS.items():
        parts += [f"## {section}\n", *_commands(cli, "assetkit", names)]
    return "\n".join(parts)


def _context(command: click.Command, path: str) -> click.Context:
    """Return a context as the program itself makes it: commands remember its help option."""
    return click.Context(command, info_name=path, **cli.context_settings)


def _commands(group: click.Group, path: str, names: Iterable[str]) -> Iterator[str]:
    context = _context(group, path)
    for name in names:
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield from _section(command, f"{path} {name}")
            yield from _commands(command, f"{path} {name}", command.list_commands(context))
        elif command is not None:
            yield from _section(command, f"{path} {name}")


def _section(command: click.Command, path: str) -> Iterator[str]:
    context = _context(command, path)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"### `{path} {usage}`\n\n{_help(command)}\n"
    if rows := "\n".join(_option_rows(command, context)):
        yield f"| option | meaning |\n|---|---|\n{rows}\n"
    if examples := getattr(command, "examples", ()):
        yield "```text\n" + "\n".join(examples) + "\n```\n"


def _help(command: click.Command) -> str:
    text = (command.help or "").replace("\b\n", "")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _option_rows(command: click.Command, context: click.Context) -> Iterator[str]:
    for option in command.params:
        if not isinstance(option, click.Option) or option.hidden:
            continue
        record = option.get_help_record(context)
        if record is not None:
            names, meaning = (text.replace("|", "\\|") for text in record)
            yield f"| `{names}` | {meaning} |"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
