from pathlib import Path

import pytest

from stepscope_schema.load import KINDS, load_schema, read_schema


def write_schema(root: Path, migrations: tuple[str, ...] = ("0001_initial.sql",)) -> None:
    for kind in KINDS:
        folder = root / "ddl" / kind
        folder.mkdir(parents=True)
        (folder / "ORDER").write_text("second\nfirst\n")
        for name in ("first", "second"):
            (folder / f"{name}.sql").write_text(f"-- {name} of\n-- {kind}\nselect 1\n")
    (root / "migrations").mkdir()
    for name in migrations:
        (root / "migrations" / name).write_text(f"-- {name}\nselect 1;\n")


def test_statements_come_in_the_order_of_the_manifests(tmp_path):
    """issue #2: one object per .sql file, applied in order."""
    write_schema(tmp_path)
    schema = read_schema(tmp_path)
    assert [(statement.kind, statement.name) for statement in schema.statements] == [
        ("tables", "second"),
        ("tables", "first"),
        ("macros", "second"),
        ("macros", "first"),
        ("views", "second"),
        ("views", "first"),
    ]
    assert schema.of("views")[0].header == "second of views"


def test_file_that_no_manifest_names_is_an_error(tmp_path):
    """ours: a forgotten line in ORDER must not leave a view out silently."""
    write_schema(tmp_path)
    (tmp_path / "ddl/views/orphan.sql").write_text("-- forgotten\nselect 1\n")
    with pytest.raises(ValueError, match="ddl/views/ORDER does not name orphan"):
        read_schema(tmp_path)


def test_name_without_file_is_an_error(tmp_path):
    """ours: a deleted file must not stay in ORDER."""
    write_schema(tmp_path)
    (tmp_path / "ddl/tables/first.sql").unlink()
    with pytest.raises(ValueError, match="ddl/tables/ORDER names first, which has no file"):
        read_schema(tmp_path)


def test_name_that_stands_twice_is_an_error(tmp_path):
    """ours: each statement is applied once."""
    write_schema(tmp_path)
    (tmp_path / "ddl/macros/ORDER").write_text("first\nsecond\nfirst\n")
    with pytest.raises(ValueError, match="ddl/macros/ORDER names first more than once"):
        read_schema(tmp_path)


def test_migrations_come_in_the_order_of_their_numbers(tmp_path):
    """issue #2: migrations are applied in order."""
    write_schema(tmp_path, ("0002_b.sql", "0001_initial.sql", "0003_a.sql"))
    schema = read_schema(tmp_path)
    assert [(m.version, m.name) for m in schema.migrations] == [(1, "initial"), (2, "b"), (3, "a")]
    assert schema.version == 3


@pytest.mark.parametrize(
    "names", [(), ("0002_b.sql",), ("0001_a.sql", "0003_c.sql"), ("0001_a.sql", "0001_b.sql")]
)
def test_missing_or_doubled_number_of_a_migration_is_an_error(tmp_path, names):
    """ours: the version of a file says exactly which migrations it has seen."""
    write_schema(tmp_path, names)
    with pytest.raises(ValueError, match="must count from 1 without gap"):
        read_schema(tmp_path)


def test_migration_with_a_wrong_name_is_an_error(tmp_path):
    """ours: a migration that is not applied because of its name would go unseen."""
    write_schema(tmp_path, ("0001_initial.sql", "2-more.sql"))
    with pytest.raises(ValueError, match=r"migrations/2-more\.sql is not named NNNN_name\.sql"):
        read_schema(tmp_path)


def test_packaged_schema_is_complete():
    """issue #2: the packaged files agree with their manifests."""
    schema = load_schema()
    assert {statement.name for statement in schema.of("views")} >= {"executions", "steps"}
    assert schema.migrations[0].name == "initial"


def write_template(root: Path, values: str) -> None:
    folder = root / "ddl/templates"
    folder.mkdir()
    (folder / "counts.sql").write_text("-- Per ${subject}\ncreate view ${view} as select ${keys}\n")
    (folder / "views.toml").write_text(
        '[views]\nthird = { template = "counts", groups = ["one", "two"] }\n'
        f'[groups.one]\nsubject = "workflow"\n[groups.two]\n{values}\n'
    )
    (root / "ddl/views/ORDER").write_text("second\nthird\nfirst\n")


def test_view_of_a_template_has_its_place_in_the_manifest(tmp_path):
    """issue #7: views that differ in names only are written once."""
    write_schema(tmp_path)
    write_template(tmp_path, 'keys = "1"')
    _, third, _ = read_schema(tmp_path).of("views")
    assert third.sql == "-- Per workflow\ncreate view third as select 1\n"


def test_placeholder_without_a_value_is_an_error(tmp_path):
    """ours: a view with a hole in it must not reach a database."""
    write_schema(tmp_path)
    write_template(tmp_path, 'spare = "1"')
    with pytest.raises(ValueError, match=r"views\.toml gives third no value of 'keys'"):
        read_schema(tmp_path)


def test_view_of_a_template_that_has_a_file_too_is_an_error(tmp_path):
    """ours: of two texts for one view one would be ignored."""
    write_schema(tmp_path)
    write_template(tmp_path, 'keys = "1"')
    (tmp_path / "ddl/views/third.sql").write_text("-- third\nselect 1\n")
    with pytest.raises(ValueError, match="ddl/views has a file and a template for third"):
        read_schema(tmp_path)
