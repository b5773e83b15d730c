r"""What of a text is prose: mathematics, code, addresses and names of variables are taken out first.

None of it says which language somebody thinks in: `\frac`, `sin`, `def`, `x_1` and `km` are the same in all of them.
Whatever is taken out becomes a break between words. Linear in the text's length.
"""

from __future__ import annotations

import re

_FULLWIDTH = re.compile("[\uff21-\uff3a\uff41-\uff5a]")
_NARROW = {code: code - 0xFEE0 for code in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
"""Letters as East Asian typesetting writes them: words in them are words."""
_BLOCKS = re.compile(
    r"""
      ```.*?(?:```|\Z) | ~~~.*?(?:~~~|\Z)                      # fenced code, closed or not
    | `[^`\n]{1,500}`                                          # quoted code
    | \$\$.{1,5000}?\$\$                                       # displayed mathematics
    | \\\[.{1,5000}?\\\] | \\\(.{1,2000}?\\\)
    | \\begin\{[^{}\n]{1,40}\}.{0,5000}?\\end\{[^{}\n]{1,40}\}
    | \[asy\].{0,20000}?\[/asy\]                               # drawings, as AoPS writes them
    | https?://\S+ | www\.\S+ | \S{1,64}@\S{1,64}\.\w{2,}      # addresses
    | </?[A-Za-z][\w-]{0,40}>                                  # tags
    """,
    re.VERBOSE | re.DOTALL,
)
_SIGNS_OF_BLOCKS = ("`", "~~~", "$$", "\\", "[asy]", "<", "@", "://", "www.")
"""A text without any of these has no block: looking for them is much faster."""
# Money is written with the same sign: between two of them stands mathematics only if it holds no words.
_INLINE_MATHS = re.compile(r"\$(?=\S)([^$\n]{1,300}?)(?<=\S)\$")
_WORD_IN_MATHS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}|[^\x00-\u024f\u0370-\u03ff\u2000-\u2bff]")
_BOX = re.compile(r"\\(?:text|mathrm|textbf|mbox)\s*\{([^{}]{0,200})\}")
_COMMAND = re.compile(r"\\[A-Za-z]+\*?(?:\s*\{[^{}]{0,100}\})*")
# Letters are named, not \w: Chinese stands beside digits and variables without a space.
_LETTER = "A-Za-z\u00c0-\u024f"
_IDENTIFIERS = re.compile(
    r"[A-Za-z]*[\d_][A-Za-z\d_.]*"  # x1, max_value, 3rd: anything with a digit or an underscore
    rf"|(?<![{_LETTER}])(?:"
    r"[a-z]+[A-Z][A-Za-z]*"  # camelCase
    r"|(?<=[\d\s.])(?:km|cm|mm|kg|mg|ml|min|sec|hr|hrs|ft|lb|lbs|oz|mph|USD)"
    r"|sin|cos|tan|cot|sec|csc|log|ln|exp|lim|max|min|gcd|lcm|mod|det|arcsin|arccos|arctan|sqrt|frac|pi"
    rf"|(?<!['’])[A-Za-z](?!['’][{_LETTER}])"  # a single letter is a variable
    rf")(?![{_LETTER}])"
    r"|(?<![Α-ω])[Α-ω](?![Α-ω])"
)


def prose_of(text: str) -> str:
    """The text with everything that is no prose turned into a break."""
    if _FULLWIDTH.search(text):
        text = text.translate(_NARROW)
    if any(sign in text for sign in _SIGNS_OF_BLOCKS):
        text = _BLOCKS.sub(" \x00 ", text)
    if "$" in text:
        text = _INLINE_MATHS.sub(lambda found: found[0] if _WORD_IN_MATHS.search(found[1]) else " \x00 ", text)
    if "\\" in text:
        text = _COMMAND.sub(" \x00 ", _BOX.sub(r" \1 ", text))
    return _IDENTIFIERS.sub(" ", text)
