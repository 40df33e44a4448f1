from pathlib import Path

import pytest

from scripts.make_reference import main, render

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(render()))
def test_generated_file_is_up_to_date(name):
    """issue #2: docs/reference is generated and a test fails when stale: run `make docs`."""
    assert (ROOT / name).read_text(encoding="utf-8") == render()[name], "stale: run `make docs`"


def test_generator_writes_only_what_changed(tmp_path, capsys):
    """ours: `make docs` names what it changed."""
    assert main([str(tmp_path)]) == 0
    assert set(capsys.readouterr().out.split()) == set(render())
    (tmp_path / "docs/reference/views.md").write_text("stale")
    main([str(tmp_path)])
    assert capsys.readouterr().out.split() == ["docs/reference/views.md"]
