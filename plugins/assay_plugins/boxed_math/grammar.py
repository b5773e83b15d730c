r"""Reading one expression: a recursive-descent parser over tokens, bounded in depth.

It accepts LaTeX (`\frac12`, `\sqrt[3]{x}`, `\sin^2 x`) and what programs and people type (`3*sqrt(5)/7`,
`2^(1/4)`, `1 1/2`). Precedence is the usual one; a function without brackets takes the product that follows
it up to a sign or the next function (`\sin 2x`, but `\sin b \cos a`). Numerals become exact fractions.
What it does not know raises `UnreadableError`; it never guesses.
"""

from __future__ import annotations

from fractions import Fraction

from assay_plugins.boxed_math.big_operators import read_big
from assay_plugins.boxed_math.cursor import Cursor
from assay_plugins.boxed_math.limits import MAX_DEPTH, RefusedError, UnreadableError
from assay_plugins.boxed_math.nodes import Add, Call, Const, Mul, Node, Num, Pow, Sym
from assay_plugins.boxed_math.tokens import Token
from assay_plugins.boxed_math.vocabulary import (
    ACCENTS,
    BIG,
    CIRCULAR,
    CLOSERS,
    FUNCTIONS,
    HALF,
    INVERSE,
    LETTERS,
    MINUS_ONE,
    OVER,
    PROSE,
    SIGNS,
    TIMES,
    UNKNOWN_FUNCTIONS,
    WORDS,
    apply_function,
    numeral,
)


def parse_expression(tokens: list[Token], *, sign: int = 1, indices: frozenset[str] = frozenset()) -> Node:
    r"""The tree of an expression.

    Args:
        tokens: All of them must be used.
        sign: How `\pm` is read: 1 for plus, -1 for minus (`\mp` is its opposite).
        indices: Names that are bound around the expression.

    Raises:
        UnreadableError: It is not an expression that this grammar knows.
        RefusedError: It is nested too deeply or holds too long a number.
    """
    parser = _Parser(tokens, sign, indices)
    node = parser.sum()
    if parser.position != len(parser.tokens):
        raise UnreadableError(f"unexpected {parser.peek()!r}")
    return node


def quotient(a: Node, b: Node) -> Node:
    """The quotient a / b."""
    return Mul((a, Pow(b, MINUS_ONE)))


class _Parser(Cursor):
    """State of one parse: the position in the tokens and the depth of nesting."""

    def __init__(self, tokens: list[Token], sign: int, indices: frozenset[str] = frozenset()) -> None:
        super().__init__(tokens)
        self.depth = 0
        self.sign = sign
        self.bars = 0
        self.circular = 0
        self.indices = indices
        """Names that a sum binds: there `i` is an index and no root of -1."""

    def body(self, index: str) -> Node:
        """The product that follows, in which a name is bound."""
        outer = self.indices
        self.indices = outer | {index}
        node = self.product()
        self.indices = outer
        return node

    def inner(self, tokens: list[Token]) -> Node:
        """The expression of tokens that stand apart, such as a bound."""
        return parse_expression(tokens, sign=self.sign, indices=self.indices)

    # -- operators ---------------------------------------------------------------------------------

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RefusedError("depth")
        items = [self.product()]
        while self.peek() in SIGNS and self.kind() != "text":
            operator = self.take().text
            item = self.product()
            items.append(self._signed(operator, item))
        self.depth -= 1
        return items[0] if len(items) == 1 else Add(tuple(items))

    def _signed(self, operator: str, item: Node) -> Node:
        negative = operator == "-" or (operator == r"\pm" and self.sign < 0) or (operator == r"\mp" and self.sign > 0)
        if not negative:
            return item
        return Num(-item.value, item.places) if isinstance(item, Num) else Mul((MINUS_ONE, item))

    def product(self) -> Node:
        items = [self.unary()]
        while self.position < len(self.tokens):
            text = self.peek()
            if self.kind() == "text":
                break
            if text in TIMES:
                self.take()
                items.append(self.unary())
            elif text in OVER:
                self.take()
                items.append(Pow(self.unary(), MINUS_ONE))
            elif text in (r"\mod", r"\bmod", "mod"):
                self.take()
                left = items[0] if len(items) == 1 else Mul(tuple(items))
                items = [Call("mod", (left, self.unary()))]
            elif self.starts_atom():
                items.append(self.implicit(items[-1]))
            else:
                break
        return items[0] if len(items) == 1 else Mul(tuple(items))

    def implicit(self, left: Node) -> Node:
        """A factor without an operator before it; two numerals side by side are a mistake, not a product."""
        if isinstance(left, Num) and self.kind() == "number":
            raise UnreadableError("two numbers side by side")
        return self.power()

    def unary(self) -> Node:
        signs: list[str] = []
        while self.peek() in SIGNS and self.kind() != "text":
            signs.append(self.take().text)
        node = self.power()
        for operator in reversed(signs):
            node = self._signed(operator, node)
        return node

    def starts_atom(self) -> bool:
        kind, text = self.kind(), self.peek()
        if kind in ("number", "word"):
            return text not in ("mod", "and", "or")
        if kind == "command":
            name = text[1:]
            return (
                name in FUNCTIONS or name in LETTERS or text in ACCENTS or text in BIG
                or text in (r"\frac", r"\sqrt", r"\pi", r"\infty", r"\binom", r"\lfloor", r"\lceil", r"\{", r"\angle",
                            r"\operatorname", r"\exp", r"\triangle", r"\partial")
            )  # fmt: skip
        return text in ("(", "[", "{") or (text == "|" and self.bars == 0)

    def power(self) -> Node:
        base = self.postfix(self.atom())
        if self.accept("^"):
            if self.degree():
                base = Mul((base, Const("pi"), Num(Fraction(1, 180)))) if self.circular else base
                return self.postfix(base)
            if self.peek() in (r"\prime", "'"):
                self.take()
                return Call("prime", (base,))
            exponent = self.script()
            if self.accept("^"):
                exponent = Pow(exponent, self.script())
                if self.peek() == "^":
                    raise RefusedError("tower of powers")
            if isinstance(base, Sym) and self.accept("_"):
                base = Sym(f"{base.name}_{self.name_script()}")
            base = self.postfix(Pow(base, exponent))
        return base

    def degree(self) -> bool:
        if self.accept(r"\circ"):
            return True
        if self.peek() == "{" and [token.text for token in self.tokens[self.position : self.position + 3]] == [
            "{", r"\circ", "}",
        ]:  # fmt: skip
            self.position += 3
            return True
        return False

    def postfix(self, node: Node) -> Node:
        while True:
            if self.accept("!"):
                double = self.accept("!")
                if self.peek() == "!":
                    raise UnreadableError("a factorial of three signs")
                node = Call("double factorial" if double else "factorial", (node,))
            elif self.accept("%"):
                node = Mul((node, Num(Fraction(1, 100))))
            elif self.accept("'"):
                node = Call("prime", (node,))
            else:
                return node

    def script(self) -> Node:
        """An exponent: a group, or one signed atom."""
        if self.peek() in ("-", "+"):
            return self._signed(self.take().text, self.script())
        if self.kind() == "number":
            return self.atom()
        if self.kind() == "word" and self.peek() not in WORDS:
            return self.letter()
        if self.peek() == r"\frac" or (self.kind() == "command" and self.peek()[1:] in FUNCTIONS):
            return self.power()
        return self.postfix(self.atom())

    # -- atoms -------------------------------------------------------------------------------------

    def atom(self) -> Node:
        self.depth += 1
        if self.depth > 2 * MAX_DEPTH:
            raise RefusedError("depth")
        node = self._atom()
        self.depth -= 1
        return node

    def _atom(self) -> Node:
        kind, text = self.kind(), self.peek()
        if kind == "number":
            return self.number()
        if kind == "word":
            return self.word()
        if kind == "command":
            return self.command()
        if text in ("(", "[", "{"):
            return self.group()
        if text == "|":
            return self.absolute()
        raise UnreadableError(f"unexpected {text!r}" if text else "it ends too early")

    def group(self) -> Node:
        opening = self.take().text
        bars, self.bars = self.bars, 0
        node = self.sum()
        if opening == "{" and self.peek() in (r"\choose", r"\over", r"\atop"):
            operator = self.take().text
            right = self.sum()
            node = quotient(node, right) if operator == r"\over" else Call("binom", (node, right))
        self.expect(CLOSERS[opening])
        self.bars = bars
        return node

    def absolute(self) -> Node:
        self.take()
        self.bars += 1
        node = self.sum()
        self.bars -= 1
        self.expect("|")
        return Call("abs", (node,))

    def number(self) -> Node:
        text = self.take().text
        if text.endswith("."):
            return self.repeating(text)
        value = numeral(text)
        if value.places is not None and self.peek() in (r"\overline", r"\bar"):
            return self.repeating(text)
        if value.places is None:
            mixed = self.mixed()
            if mixed is not None:
                return Num(value.value + mixed)
        return value

    def mixed(self) -> Fraction | None:
        r"""The fraction of a mixed number, `\frac12` or ` 1/2` after an integer; None where there is none."""
        ahead = self.tokens[self.position : self.position + 8]
        texts = [token.text for token in ahead]
        if texts[:1] == [r"\frac"]:
            if len(texts) >= 7 and texts[1] == texts[4] == "{" and texts[3] == texts[6] == "}":
                top, bottom, used = texts[2], texts[5], 7
            elif len(texts) >= 2 and len(texts[1]) == 2:
                top, bottom, used = texts[1][0], texts[1][1], 2
            else:
                return None
        elif len(ahead) >= 3 and ahead[0].spaced and texts[1] == "/" and ahead[0].kind == ahead[2].kind == "number":
            top, bottom, used = texts[0], texts[2], 3
        else:
            return None
        if not (top.isdecimal() and bottom.isdecimal() and len(top) < 19 and len(bottom) < 19) or int(bottom) == 0:
            return None
        self.position += used
        return Fraction(int(top), int(bottom))

    def repeating(self, whole: str) -> Node:
        r"""0.1\overline{6}: the token is all that stands before the bar."""
        self.take()
        self.expect("{")
        period = self.take().text
        self.expect("}")
        if not period.isdecimal() or len(period) > 100:
            raise UnreadableError("a repeating decimal without a period")
        head = numeral(whole.rstrip("."))
        if (head.places or 0) < 0:
            raise UnreadableError("a period behind an exponent")
        shift = 10 ** (head.places or 0)
        return Num(head.value + Fraction(int(period), (10 ** len(period) - 1) * shift))

    def word(self) -> Node:
        text = self.peek()
        if text in FUNCTIONS:
            self.take()
            return self.function(text)
        if text in ("pi", "oo", "infty", "inf", "infinity"):
            self.take()
            return Const("pi" if text == "pi" else "oo")
        if text in LETTERS:
            self.take()
            return self.symbol(text)
        if text in ("bar", "hat", "vec", "tilde") and self.position + 1 < len(self.tokens):
            self.take()
            return self.symbol(f"{text} {self.name_script()}")
        if len(text) > 1 and not text.isascii():
            raise UnreadableError(f"the word {text!r}")
        for suffix in ("pi", "sqrt"):  # 2xpi, xsqrt(2)
            if text.endswith(suffix) and len(text) <= len(suffix) + 1:
                self.position += 1
                self.tokens = [*self.tokens[: self.position - 1], Token("word", text[: -len(suffix)]),
                               Token("word", suffix), *self.tokens[self.position :]]  # fmt: skip
                self.position -= 1
                return self.letter()
        return self.letter()

    def letter(self) -> Node:
        """One letter of a run: letters side by side are a product."""
        token = self.tokens[self.position]
        if len(token.text) > 1:
            if len(token.text) > 6 or token.text.lower() in PROSE:
                raise UnreadableError(f"the word {token.text!r}")
            self.tokens = [*self.tokens[: self.position], Token("word", token.text[0], token.spaced),
                           Token("word", token.text[1:]), *self.tokens[self.position + 1 :]]  # fmt: skip
        self.position += 1
        if token.text in UNKNOWN_FUNCTIONS and self.peek() == "(" and not self.tokens[self.position].spaced:
            return Call(token.text, self.arguments())
        return self.symbol(token.text[0])

    def symbol(self, name: str) -> Node:
        if self.accept("_"):
            return Sym(f"{name}_{self.name_script()}")
        if name in ("e", "i", "I") and name not in self.indices:
            return Const("e" if name == "e" else "i")
        return Sym(name)

    def command(self) -> Node:
        token = self.take()
        text, name = token.text, token.text[1:]
        if text == r"\frac":
            top = self.argument()
            return quotient(top, self.argument())
        if text == r"\sqrt":
            return self.root()
        if name in FUNCTIONS:
            return self.function(name)
        if text in (r"\pi", r"\infty"):
            return Const("pi" if name == "pi" else "oo")
        if name in LETTERS:
            return self.symbol(name)
        if text == r"\binom":
            top = self.argument()
            return Call("binom", (top, self.argument()))
        if text in (r"\{", r"\lfloor", r"\lceil"):
            node = self.sum()
            self.expect(CLOSERS[text])
            return node if text == r"\{" else Call("floor" if name == "lfloor" else "ceil", (node,))
        if text in ACCENTS:
            accent = {"overline": "bar", "widehat": "hat", "overrightarrow": "vec"}.get(name, name)
            return self.symbol(f"{accent} {self.name_script()}")
        if text in BIG:
            return read_big(self, text)
        if text in (r"\angle", r"\triangle"):
            return Sym(f"{name} {self.take().text}")
        raise UnreadableError(f"the command {text}")

    def argument(self) -> Node:
        r"""An argument of a command: a group, or a single token (`\frac12` holds one and two)."""
        if self.kind() == "number" and len(self.peek()) > 1 and self.peek().isdecimal():
            token = self.tokens[self.position]
            self.tokens = [*self.tokens[: self.position], Token("number", token.text[1:]),
                           *self.tokens[self.position + 1 :]]  # fmt: skip
            return numeral(token.text[0])
        if self.kind() == "number":
            return numeral(self.take().text)
        if self.kind() == "word":
            return self.letter()
        return self.atom()

    def root(self) -> Node:
        if self.accept("["):
            degree = self.sum()
            self.expect("]")
            return Pow(self.argument(), quotient(Num(Fraction(1)), degree))
        return Pow(self.argument(), HALF)

    def function(self, name: str) -> Node:
        power = base = None
        while self.peek() in ("^", "_"):
            if self.take().text == "^":
                power = self.script()
            else:
                base = self.argument()
        self.circular += name in CIRCULAR
        args = self.arguments()
        self.circular -= name in CIRCULAR
        node = apply_function(name, args, base)
        if power is not None:
            if power == MINUS_ONE and "a" + name in INVERSE:
                return Call("a" + name, args)
            node = Pow(node, power)
        return node

    def arguments(self) -> tuple[Node, ...]:
        opening = self.peek()
        if opening in ("(", "[", "{", r"\{") and self.kind() != "text":
            self.take()
            if opening == "{" and self.peek() == "(":  # sympy prints \sin{\left(x \right)}
                args = self.arguments()
                if self.accept("}"):
                    return args
                raise UnreadableError("brackets after a function")
            bars, self.bars = self.bars, 0
            args = self.comma_separated()
            self.bars = bars
            self.expect(CLOSERS[opening])
            return args
        items = [self.unary() if self.peek() in SIGNS else self.power()]
        while self.starts_atom() and not self._next_function() and self.peek() not in ("(", "["):
            items.append(self.implicit(items[-1]))
        return (items[0] if len(items) == 1 else Mul(tuple(items)),)

    def comma_separated(self) -> tuple[Node, ...]:
        args = [self.sum()]
        while self.accept(","):
            args.append(self.sum())
        return tuple(args)

    def _next_function(self) -> bool:
        return self.peek().lstrip("\\") in FUNCTIONS
