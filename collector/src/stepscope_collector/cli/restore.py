"""`stepscope restore SOURCE`: put a backup in the place of the history."""

from pathlib import Path

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options

__all__ = ["command"]


@click.command("restore")
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@shared_options()
@pass_session
def command(session: Session, source: Path) -> None:
    """Put a backup in the place of the history.

    No server may run on the data directory. SOURCE is copied there, opened and read in full; then the
    history that was there is renamed to `stepscope.duckdb.replaced-TIME`, and the copy has its place.
    SOURCE stays as it is. If anything fails, the history is as it was.
    """
    # Imports DuckDB, which `--help` need not.
    from stepscope_collector.store.backup import restore

    settings = session.settings
    done = restore(source, settings.data.database_path, settings.store)
    replaced = None if done.replaced is None else str(done.replaced)
    session.write_document(
        {"restored": str(settings.data.database_path), "rows": done.rows, "replaced": replaced},
        lambda document, _: (
            f"{document['restored']}: {done.rows} rows from {source}, checked\n"
            + (f"the history before lies in {replaced}\n" if replaced else "")
        ),
    )
