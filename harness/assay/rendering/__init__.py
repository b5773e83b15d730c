"""What people read of a run in a browser: texts of models as safe HTML, and the look of our pages.

`assay view` and the HTML report stand on it.

| file      | holds                                                                       |
|-----------|-----------------------------------------------------------------------------|
| `visible` | any text as HTML that shows it: escaped, control characters made visible     |
| `prose`   | a model's text with its formulas marked and its code blocks highlighted      |
| `code`    | a program as highlighted HTML                                                |
| `diff`    | two outputs beside each other, what differs marked                           |
| `charts`  | intervals, shares and distributions as small SVG                             |
| `assets/` | `assay.css`, `math.js` and KaTeX (MIT licence, beside it): nothing is fetched |

**A model's text is hostile.** It becomes text nodes and attribute values, never markup: `visible.escape` is the only
door, everything else here is made of it and of constants, and returns `markupsafe.Markup`. No HTML of a model, no
Markdown, no link and no image is ever rendered. Formulas stay source text in the page; `math.js` hands them to KaTeX
(no trusted commands, bounded macros and sizes), which builds nodes and not markup, and leaves the source where KaTeX
refuses. Nothing here needs an inline style or script, so that pages may forbid both by their content security policy.

Every function is bounded: what is longer than a cap is shown plainly or cut, and says so.
"""

from __future__ import annotations

from pathlib import Path

from assay.rendering.charts import interval_svg, share_svg
from assay.rendering.code import highlight
from assay.rendering.diff import diff_table
from assay.rendering.prose import prose
from assay.rendering.visible import escape, one_line, snippet

ASSETS = Path(__file__).parent / "assets"
"""`assay.css`, `math.js`, `katex/katex.min.css`, `katex/katex.min.js` and `katex/fonts/*.woff2`."""

__all__ = [
    "ASSETS",
    "diff_table",
    "escape",
    "highlight",
    "interval_svg",
    "one_line",
    "prose",
    "share_svg",
    "snippet",
]
