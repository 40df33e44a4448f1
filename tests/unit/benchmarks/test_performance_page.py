"""One section of the page of figures is measured anew without the others."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
WRITE = """
import json, sys
from pathlib import Path
import performance_page as page
page.PAGE = Path(sys.argv[1])
found, arguments = json.loads(sys.argv[2]), json.loads(sys.argv[3])
page.measured = lambda section: found
sys.argv[1:] = arguments
page.main()
"""
MACHINE = {"cores": 2, "cpu": "C", "python": "3", "duckdb": "2"}


def page_after(path: Path, p50: float, *arguments: str) -> str:
    """The page, when every benchmark that runs finds this."""
    times = {"p50 ms": p50, "p50": p50}
    found = {
        "machine": MACHINE,
        "load_before": 0.0,
        "alone": {"answer_ms": times},
        "with analysts": {"answer_ms": times},
        "p99_ratio": 1,
    }
    subprocess.run(
        [sys.executable, "-c", WRITE, str(path), json.dumps(found), json.dumps(arguments)],
        cwd=BENCHMARKS, timeout=60, check=True,
    )  # fmt: skip
    return path.read_text(encoding="utf-8")


def test_the_sections_of_others_stay_as_they_are(tmp_path: Path) -> None:
    """issue #6: a page generated from a run; each section says when."""
    page = tmp_path / "page.md"
    page.write_text("# P\n\n## Decoding\n\nas it was\n\n## Gone\n\nold\n", encoding="utf-8")
    first = page_after(page, 12.5, "--only", "mixed")
    assert "## Decoding\n\nas it was\n\n## Sending while others ask\n\n" in first
    assert "12.5" in first
    assert "Gone" not in first
    second = page_after(page, 13.5, "--only", "mixed")
    assert second == first.replace("12.5", "13.5")
