"""Every link between the repository's own pages and files leads somewhere."""

import re

from tests.docs.commands import ROOT, pages

LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


def test_links_to_files_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in LINK.findall(page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
