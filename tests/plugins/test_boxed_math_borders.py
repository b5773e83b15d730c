"""Pairs on either side of each border of what counts as equal: one step over it is another answer.

`SAME` and `DIFFERENT` are looked at in both directions; each theme has both kinds.
"""

from __future__ import annotations

import pytest

from assay_plugins.boxed_math import BoxedMath, decide
from assay_plugins.boxed_math.decide import is_readable

boxed = BoxedMath()

SAME: dict[str, list[tuple[str, str]]] = {
    "exact arithmetic": [
        ("0^5", "0"), ("1^{10^9}", "1"), ("(-1)^{7}", "-1"), ("(-1)^{10^9}", "1"), ("4^{1/2}", "2"), ("8^{1/3}", "2"),
        (r"\left(\frac{4}{9}\right)^{-1/2}", "3/2"), ("27^{2/3}", "9"), (r"\sqrt{10^{60}}", "10^{30}"),
        (r"|-\frac{3}{4}|", "0.75"), (r"\max(1, 7, 3)", "7"), (r"\min(4, -2, 9)", "-2"),
        (r"\lfloor -2.5 \rfloor", "-3"), (r"\lceil -2.5 \rceil", "-2"), (r"\lceil 2.1 \rceil", "3"),
        (r"\gcd(12, 18)", "6"), (r"\operatorname{lcm}(4, 6)", "12"), ("0!", "1"), ("1!", "1"), ("5!!", "15"),
        ("6!!", "48"), (r"\binom{6}{0}", "1"), (r"\binom{6}{6}", "1"), (r"\binom{7}{3}", "35"), (r"\binom{3}{5}", "0"),
        (r"\sin 0", "0"), (r"\tan 0", "0"), (r"\arctan 0", "0"), (r"\ln 1", "0"), (r"\cos 0", "1"), ("2^{-3}", "1/8"),
        ("(2/3)^3", "8/27"), (r"17 \bmod 5", "2"), (r"\frac{1}{2}+\frac{1}{3}", "5/6"), ("3-5", "-2"),
        (r"\frac{2}{3}\cdot\frac{3}{4}", "1/2"), ("0 x", "0"), (r"\gcd(\sqrt{36},4)", "2"),
        (r"\lfloor\sqrt{4}\rfloor", "2"), (r"\lfloor \sqrt[3]{27}\rfloor", "3"), (r"(\sqrt{9})!", "6"),
        (r"\sqrt{16} \bmod 3", "1"), (r"\gcd(\frac12,\frac13)", "1/6"), (r"7 \bmod 2.5", "2"), (r"(-7) \bmod 5", "3"),
        (r"5 \bmod -3", "-1"), ("10!!", "3840"), ("(-8)^{2}", "64"), ("0.5^{-2}", "4"), ("2^{0}", "1"),
        ("(-1)^{0}", "1"),
    ],
    "decimals": [
        ("12.0", "12"), ("12.00", "12.0"), ("1/3", "0.33333"), ("2/3", "0.66667"), ("2/3", "0.66666"), ("0.1", "1/10"),
        (r"\pi", "3.14159"), (r"\sqrt{2}", "1.41421"), ("3.14159", "3.141593"), ("0.50", "0.5"), ("1/7", "0.142857"),
        ("6.02e23", "6.02e23"), ("1.5e-3", "0.0015"), ("203.99999999999997", "204"), ("1.414214 x", r"\sqrt{2}x"),
        ("2.5x+1", r"\frac{5}{2}x+1"), ("1234.5678", "1234.568"), ("e^2", "7.38906"), ("-0.0", "0"),
        ("100.4", "100.40"), ("1.4142135x", r"\sqrt2 x"), ("2.5+2.5", "5"), ("1.05x+2.1", "2.1+1.05x"),
        ("1e3", "1000"), ("1.0e3", "1000"), ("-1/3", "-0.33333"), ("0.33333...", "1/3"), (".5", "1/2"), ("5.", "5"),
        ("1.25e2", "125"), (r"3.0\times 10^2", "300"), ("6.02214e23", "6.022140e23"), ("6.02214e23", "6.0221e23"),
        ("9.99", "9.990"), ("1.23456789", "1.2345679"), ("10^{-3}", "0.001"), ("5e-1", "0.5"),
        ("100000.5", "100000.50"),
    ],
    "percent": [
        ("50%", "0.5"), ("50%", "50"), ("50%", r"\frac12"), (r"12.5\%", "1/8"), ("100%", "1"), ("x%", "x/100"),
        ("50 percent", r"50\%"), (r"\frac12\%", "0.5%"),
    ],
    "names and what is said of them": [
        ("x=5", "5"), ("5=x", "5"), ("x=5", "5=x"), ("x=y=5", "5"), ("f(x)=x^2", "x^2"), ("P(A)=0.5", "1/2"),
        ("AB=12", "12"), ("AB=12", "BA=12"), (r"\frac{AB}{CD}=2", "2"), ("x_1=3", "3"), ("2+3=5", "5"),
        ("x=2+3=5", "5"), ("m+n=7", "7"), (r"x=\frac{1}{3}\approx 0.333", "1/3"), (r"x\approx 3.14", "3.14"),
        (r"\text{Area}=12", "12"), ("A=4", r"\text{Area}=4"), ("y=2x", "f(x)=2x"), ("x=2, y=3", "y=3, x=2"),
        ("(x,y)=(2,3)", "(2,3)"), ("x:y=2:3", "2:3"), (r"x \in \{1,2\}", r"\{1,2\}"),
        (r"k=\sqrt{2}=1.41421", r"\sqrt2"), ("m-n=7", "7"), (r"x=\frac13\approx 0.34", "1/3"),
        (r"x=3\approx 3.1", "3"), (r"2x \in (2,4)", r"2x \in (2,4)"), (r"x=1.4142=\sqrt2", r"\sqrt2"), ("-m-n=7", "7"),
        ("mn=7", "7"), ("x=a", "a"), ("5=2+3", "5"), ("e=2", "2"), ("f'(x)=2x", "2x"),
        (r"x=1.414\approx\sqrt2", "1.414"), ("a+b=7", "b+a=7"), (r"x=1.41=\sqrt2", r"\sqrt2"),
    ],
    "equations": [
        ("x+y=1", "1=x+y"), ("x+y=1", "2x+2y=2"), ("x+y=1", "-x-y=-1"), ("y=x+1", "y-x=1"), ("x^2+y^2=4", "y^2+x^2=4"),
        (r"\frac{x}{2}+\frac{y}{3}=1", "3x+2y=6"), (r"x \ne y", r"y \ne x"), (r"x+y \ne 1", r"1 \ne x+y"),
        ("ax+b=0", "b+ax=0"), ("2x+3y=6", r"y=2-\frac{2x}{3}"), ("x^2+y^2-4=0", "x^2+y^2=4"), ("xy=1", "yx=1"),
        ("y=3", "y=3"), ("y-3=2(x-1)", "y=2x+1"), ("a^2=b^2+c^2", "b^2+c^2=a^2"), ("f(x)=x+1", "f(x)=1+x"),
        ("x+y=1=z", "x+y=1=z"), (r"y=x\int_0^1 e^t dt", "y=(e-1)x"), ("2y=x", r"y=x\int_0^1 t dt"),
    ],
    "inequalities": [
        ("x>2", "2<x"), (r"x \ge 2", r"2 \le x"), ("2<x<3", "3>x>2"), ("2<x<3", "(2,3)"), (r"2 \le x<3", "[2,3)"),
        (r"2<x \le 3", "(2,3]"), (r"x \ge 2", r"[2,\infty)"), ("x<2", r"(-\infty,2)"), (r"x \le 2", r"(-\infty,2]"),
        ("2x>4", "x>2"), ("-x>-2", "x<2"), (r"-2x \ge 4", r"x \le -2"), ("3-x<1", "x>2"), ("1<2x+1<5", "0<x<2"),
        ("|x|<2", "-2<x<2"), (r"|x| \le 2", "[-2,2]"), ("|x|>2", "x<-2 or x>2"),
        (r"|x| \ge 2", r"(-\infty,-2]\cup[2,\infty)"), ("2>|x|", "(-2,2)"), ("|x-1|<2", "(-1,3)"), ("x+y<1", "1>x+y"),
        ("x+y<1", "2x+2y<2"), ("-x-y>-1", "x+y<1"), ("a<b<c", "c>b>a"), ("x>2", r"x \in (2,\infty)"),
        (r"x \ne 2", r"(-\infty,2)\cup(2,\infty)"), ("0<x<1", "1>x>0"), (r"x+1 \le y", r"y \ge x+1"),
        ("x<y<z", "z>y>x"), ("x^2>4", "4<x^2"), ("x<1", "1>x"), (r"-1 \le x \le 1", "[-1,1]"),
        (r"0 \le x", r"[0,\infty)"), ("x>0", "x>0"), ("xy<2", "2>xy"), ("2x+2<y", r"x+1<\frac y2"),
        ("2a<x", r"(2a,\infty)"), ("x<2a", r"(-\infty,2a)"), (r"2a \le x", r"[2a,\infty)"),
        (r"x \le 2a", r"(-\infty,2a]"), ("2a<x<3b", "(2a,3b)"), (r"2a \le x<3b", "[2a,3b)"), ("3b>x>2a", "(2a,3b)"),
        (r"2a<x \le 3b", "(2a,3b]"), ("x>2a", r"(2a,\infty)"), (r"3b \ge x", r"(-\infty,3b]"), ("2(x-3)<4", "x<5"),
        ("-(x-3)<4", "x>-1"), (r"\frac x2-1<3", "x<8"), ("3+2x>7", "x>2"), ("7<3+2x", "x>2"),
        (r"-3x \le 6", r"x \ge -2"), (r"2x \ne 4", r"x \ne 2"), (r"|x+1| \ge 3", r"x \le -4 or x \ge 2"),
        (r"3 \le |x+1|", r"x \le -4 or x \ge 2"), ("|2-x|<1", "(1,3)"),
    ],
    "sets of real numbers": [
        ("x>-2, x<3", "(-2,3)"), (r"x>2 \text{ and } x<5", "(2,5)"),
        (r"x<2 \text{ or } x>5", r"(-\infty,2)\cup(5,\infty)"), (r"x>2, x \ne 3", r"(2,3)\cup(3,\infty)"),
        (r"(1,3)\cup(2,5)", r"(1,2]\cup(2,5)"), (r"[1,2]\cup[2,3]", r"[1,3]\cup\emptyset"),
        (r"[1,2)\cup\{2\}", r"[1,2]\cup\emptyset"), (r"(0,4)\cap(2,6)", r"(2,4)\cup\emptyset"),
        (r"\mathbb{R}\setminus(1,2)", r"(-\infty,1]\cup[2,\infty)"),
        (r"\mathbb{R}\setminus[1,2]", r"(-\infty,1)\cup(2,\infty)"),
        (r"\mathbb{R}\setminus\{0,1\}", r"(-\infty,0)\cup(0,1)\cup(1,\infty)"),
        (r"(0,5)\setminus[2,3]", r"(0,2)\cup(3,5)"), (r"\{x \mid x^2 \ge 0\}", r"\{x \mid x^2 \ge 0\}"),
        (r"\{x : 1 \le x<2\}", "[1,2)"), (r"\{y : y>1\}", "x>1"), (r"(-3,3)\cap\mathbb{Z}", r"\{-2,-1,0,1,2\}"),
        (r"[-1,1]\cap\mathbb{Z}", r"\{-1,0,1\}"), (r"(0,4)\cap\mathbb{N}", r"\{1,2,3\}"),
        ("all real numbers", r"(-\infty,\infty)"), (r"\text{no solution}", r"\emptyset"),
        (r"\text{no solutions}", r"\{\}"), (r"\emptyset", r"\{\}"), (r"(-\sqrt2,\sqrt2)", r"|x|<\sqrt2"),
        (r"(1,2)\cup(3,4)\cup(5,6)", r"(5,6)\cup((1,2)\cup(3,4))"),
        (r"\{y : y>1 \text{ or } y<0\}", r"x>1 \text{ or } x<0"), (r"[0,\infty)", r"x \ge 0"),
        (r"\{1\}\cup\{2\}", r"\{1,2\}\cup\emptyset"), (r"(1,2)\cup\{2\}\cup(2,3)", r"(1,3)\cup\emptyset"),
        (r"(1,2]\cup[2,3)", r"(1,3)\cup\emptyset"), (r"\{3,1\}\cup(4,5)", r"(4,5)\cup\{1\}\cup\{3\}"),
        (r"(-\infty,1)\cup(0,\infty)", r"\mathbb{R}"), (r"(1,2)\cap(3,4)", r"\emptyset"),
        (r"[1,2]\cap[2,3]", r"\{2\}\cup\emptyset"), (r"\mathbb{R}\setminus\mathbb{R}", r"\emptyset"),
        (r"\mathbb{R}\setminus\emptyset", r"\mathbb{R}"),
        (r"(0,9)\setminus(2,3)\setminus(5,6)", r"(0,2]\cup[3,5]\cup[6,9)"), ("x=3 or x>5", r"\{3\}\cup(5,\infty)"),
        ("3>x or 5<x", "x<3 or x>5"), (r"x \ne 0, x \ne 1", r"\mathbb{R}\setminus\{0,1\}"),
        ("2x+1>3 or 2x+1<-3", "x>1 or x<-2"), ("|2x-1|<3", "(-1,2)"), ("|x| > 0", r"x \ne 0"), ("5>2x-1>1", "(1,3)"),
        (r"[2.5,4.5]\cap\mathbb{Z}", r"\{3,4\}"), (r"(-\infty, \sqrt2)", r"x<\sqrt{2}"),
        (r"x<\frac12", r"(-\infty,0.5)"), ("0<x, x<1", "(0,1)"), ("2x+3=7", "2x=4"),
        ("x=2 or 2x=10", r"\{2,5\}\cup\emptyset"), (r"[\sqrt4,3)", "[2,3)"),
        (r"(-\infty,-1)\cup(-1,1)\cup(1,\infty)", r"\mathbb{R}\setminus\{1,-1\}"),
        (r"\mathbb{R}\setminus((0,1)\cup(2,3))", r"(-\infty,0]\cup[1,2]\cup[3,\infty)"),
        (r"((0,5)\cap(1,9))\cup\{7\}", r"(1,5)\cup\{7\}"), ("x>1 or x=1", r"[1,\infty)\cup\emptyset"),
        (r"(-2.5,2.5)\cap\mathbb{Z}", r"\{0,1,-1,2,-2\}"), (r"x\in(1,2)", r"(1,2)\cup\emptyset"),
        (r"x\in[1,2)\cup(3,4)", r"(3,4)\cup[1,2)"), (r"\{y : y^2>4\}", r"\{x : x^2>4\}"),
        (r"\{t \mid \sin t>0\}", r"\{x \mid \sin x>0\}"),
    ],
    "lists, tuples, sets": [
        ("1,2,3", "3,1,2"), ("1,1,2", "2,1,1"), (r"\{1,2\}", r"\{2,1,2\}"), (r"\{1,2\}", "1,2"),
        ("(1,2)", "(1.0,2.0)"), ("(1,2,3)", r"\langle 1,2,3\rangle"), ("(1,2),(3,4)", "(3,4),(1,2)"),
        ("(1,2),(3,4)", "(1,2),(3,4),(1,2)"), (r"\{(1,2),(3,4)\}", "(3,4),(1,2)"), (r"\{5\}", "5"),
        ("1 and 2", "2, 1"), (r"\{\{1,2\},\{3\}\}", r"\{\{3\},\{2,1\}\}"), ("(x,y)=(1,2)", "x=1,y=2"),
        (r"\pm 3", "3,-3"), (r"x=\pm 3", "-3,3"), ("a=1,b=2,c=3", "c=3,a=1,b=2"), ("[1,2,3]", "[1,2,3]"),
        ("(1,2,3)", "[1,2,3]"), (r"\emptyset", r"\{\}"), ("1,(2,3)", "(2,3),1"), ("(1,(2,3))", "(1,(2,3))"),
        ("5,", "5"), (r"\{1\},\{2\}", r"\{2\},\{1\}"),
    ],
    "matrices": [
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1&2\\3&4\end{bmatrix}"),
        (r"\begin{pmatrix}1\\2\\3\end{pmatrix}", "(1,2,3)"), (r"\begin{pmatrix}1&2&3\end{pmatrix}", "(1,2,3)"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,2],[3,4]]"),
        (r"2\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\4\end{pmatrix}"),
        (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "-2"),
        (r"\begin{pmatrix}\frac12&0\end{pmatrix}", r"\begin{pmatrix}0.5&0\end{pmatrix}"),
        (r"\begin{pmatrix}1&2\end{pmatrix}+\begin{pmatrix}1&1\end{pmatrix}", r"\begin{pmatrix}2&3\end{pmatrix}"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "[1,2]"),
        (r"\begin{pmatrix}5\end{pmatrix}", r"\begin{bmatrix}5\end{bmatrix}"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}\begin{pmatrix}1\\1\end{pmatrix}", "(3,7)"),
        (r"\begin{pmatrix}1&0\\0&1\end{pmatrix}^3", r"\begin{pmatrix}1&0\\0&1\end{pmatrix}"),
    ],
    "cases": [
        (r"\begin{cases}x & x>0\\ -x & x \le 0\end{cases}", r"\begin{cases}-x & x \le 0\\ x & x>0\end{cases}"),
    ],
    "numerals, ratios": [
        ("1011_2", "1011"), ("1011_{2}", r"1011_{\text{two}}"), ("0011_2", "11_2"), ("-12_5", "-12"), ("2:3", "4:6"),
        ("2:3", "2/3"), ("2:3:4", "4:6:8"), ("1:2", "0.5"), (r"\sqrt2:2", r"1:\sqrt2"), ("0:5", "0:5"),
        ("1:2:3", "2:4:6"), ("12:30", "12:30"), ("1.5:1", "3:2"), ("x:2x", "1:2"), ("A1_{16}", "A1_{16}"),
        ("-11_2", "-11_2"), ("1011_2", "1011_{(2)}"),
    ],
    "units": [
        (r"5\text{ cm}", r"50\text{ mm}"), (r"5\text{ cm}", "5"), (r"1\text{ km}", r"1000\text{ m}"),
        (r"1\text{ h}", r"60\text{ min}"), (r"1\text{ m}^2", r"10000\text{ cm}^2"),
        (r"1\text{ m}^3", r"10^6\text{ cm}^3"), (r"72\text{ km/h}", r"20\text{ m/s}"),
        (r"20\text{ m/s}", r"20\text{ m}\cdot\text{s}^{-1}"), (r"20\frac{\text{m}}{\text{s}}", r"72\text{ km/h}"),
        (r"9\text{ square feet}", r"1\text{ square yard}"), (r"9\text{ sq ft}", r"9\text{ ft}^2"),
        (r"1\text{ N}", r"1\text{ kg}\cdot\text{m/s}^2"), (r"1\text{ J}", r"1\text{ N m}"),
        (r"100^\circ\text{C}", r"212^\circ\text{F}"), (r"0^\circ\text{C}", r"273.15\text{ K}"),
        (r"20\text{ degrees Celsius}", r"20^\circ C"), (r"180^\circ", r"\pi"), (r"180^\circ", r"\pi\text{ rad}"),
        (r"45^\circ", r"\frac{\pi}{4}"), (r"1\text{ L}", r"1000\text{ mL}"), (r"1\text{ L}", r"1000\text{ cm}^3"),
        (r"5\text{ apples}", "5"), (r"5\text{ apples}", r"5\text{ pears}"), (r"5\text{ meters long}", r"5\text{ m}"),
        (r"3\text{ cubic centimeters}", r"3\text{ cm}^3"), (r"3\text{ cm squared}", r"3\text{ cm}^2"),
        (r"30\text{ miles per hour}", r"30\text{ mph}"), (r"2\text{ dozen}", "24"), (r"3\text{ million}", "3000000"),
        (r"3\text{ million dollars}", r"\$3{,}000{,}000"), (r"5\text{ feet }6\text{ inches}", r"66\text{ inches}"),
        (r"2\text{ hours }30\text{ minutes}", r"150\text{ minutes}"), (r"1^\circ 30'", r"1.5^\circ"),
        ("5'6''", r"66\text{ in}"), (r"10\text{ kg}", r"10000\text{ g}"), (r"1\text{ mW}", r"0.001\text{ W}"),
        (r"1\text{ Pa}", r"1\text{ N/m}^2"), (r"1\text{ kWh}", r"3.6\text{ MJ}"),
        (r"9.8\text{ m/s/s}", r"9.8\text{ m/s}^2"), (r"5\text{ m}^{-1}", r"5\text{ per meter}"),
        (r"60\text{ rpm}", "60"), (r"-40^\circ\text{C}", r"-40^\circ\text{F}"), (r"2\pi\text{ rad}", r"360^\circ"),
        (r"1\text{ ft}", r"12\text{ inches}"), (r"1\text{ mile}", r"5280\text{ feet}"),
        (r"5\text{ Meters}", r"5\text{ m}"), (r"3\text{ µm}", r"0.003\text{ mm}"), (r"5\text{ кг}", r"5000\text{ г}"),
        (r"5\text{ 千克}", r"5000\text{ 克}"), (r"1\text{ hour }1\text{ second}", r"3601\text{ seconds}"),
        (r"2\text{ m }5\text{ cm}", r"205\text{ cm}"), ("5 km", "5000 m"), ("5 cm", "5"),
        (r"30\text{ degrees}", r"\frac{\pi}{6}"), (r"100\text{ square cm}", r"1\text{ dm}^2"),
        (r"\pi\text{ rad/s}", r"180\text{ degrees/s}"), (r"\pi\text{ rad/s}^2", r"180\text{ degrees/s}^2"),
        (r"1\text{ /rad}", r"\frac{\pi}{180}\text{ /degree}"), (r"5\text{ N}\cdot\text{m}", r"5\text{ J}"),
        (r"2\text{ m/s}\cdot\text{s}", r"2\text{ m}"), (r"6\text{ square m per s}", r"6\text{ m}^2/\text{s}"),
        (r"5\text{ degrees C}", r"5^\circ\text{C}"),
        (r"4\text{ g/(cm}\cdot\text{s)}", r"0.4\text{ kg/(m}\cdot\text{s)}"),
        (r"212^\circ\text{F}", r"373.15\text{ K}"), (r"373.15\text{ K}", r"100^\circ\text{C}"),
        (r"225^\circ", r"\pi+\frac{\pi}{4}"), (r"60^\circ", r"\frac{\pi^2}{3\pi}"), (r"x^\circ", r"\frac{\pi x}{180}"),
        (r"-10^\circ\text{C}", r"14^\circ\text{F}"), (r"5\text{ feet in total}", r"5\text{ ft}"),
        (r"5\text{ dollars in cash}", r"\$5"), (r"5\text{ meters in 2 seconds}", r"5\text{ meters in 2 seconds}"),
        (r"\frac13\text{ cm}", r"0.33333\text{ cm}"), (r"0.33333\text{ cm}", r"\frac{10}{3}\text{ mm}"),
    ],
    "money": [
        (r"\$5", r"5\text{ dollars}"), (r"\$5", "5"), (r"\$0.75", r"75\text{ cents}"), ("€5", r"5\text{ euros}"),
        ("£5", r"5\text{ pounds}"), ("¥5", r"5\text{ yen}"), ("¥5", r"5\text{ yuan}"),
        (r"\$5\text{ million}", "5000000"), ("75¢", r"\$0.75"), ("5 dollars", "$5"), ("500 cents", "$5"),
        (r"5\text{ USD}", r"\$5"), ("5元", "5 yuan"), ("100 рублей", "₽100"),
    ],
    "symbols": [
        ("xy", "yx"), ("x(y+z)", "xy+xz"), (r"\sqrt{x^2y^2}", "|xy|"), ("|x|^2", "x^2"),
        (r"\frac{x^2-y^2}{x-y}", "x+y"), ("(a+b)^3", "a^3+3a^2b+3ab^2+b^3"), (r"\sin 2x", r"2\sin x\cos x"),
        ("e^{x+y}", "e^xe^y"), (r"\ln(xy)", r"\ln x+\ln y"), (r"\max(x,y)", r"\frac{x+y+|x-y|}{2}"),
        (r"\lfloor x+1\rfloor", r"\lfloor x\rfloor+1"), (r"\arctan x + \arctan\frac1x", r"\arctan\frac1x+\arctan x"),
        ("2^{x+1}", r"2\cdot 2^x"), (r"\sum_{k=1}^{4}k x", "10x"), (r"\frac{1}{x}", "x^{-1}"), ("x^{1}", "x"),
        (r"3 \cdot 10^{-30}x", r"x \cdot 3 \cdot 10^{-30}"), (r"\infty", r"+\infty"), (r"-\infty", r"-\infty"),
        ("|x-3|", "|3-x|"), (r"\sqrt{(x-3)^2}", "|x-3|"), (r"\max(x,500)", r"\max(500,x)"), ("|x|+|x|", "2|x|"),
        (r"x \bmod 7", r"x \bmod 7"), (r"\frac{x}{y}\cdot\frac{y}{z}", r"\frac{x}{z}"),
        (r"(\sqrt x+1)(\sqrt x-1)", "x-1"), ("(x^2)^{1/2}", "|x|"), (r"\log_2 x^3", r"3\log_2 x"),
        (r"\ln\frac{x}{y}", r"\ln x-\ln y"), (r"\sin(x+\pi)", r"-\sin x"), ("x^{2}+0", "x^2"), ("1+x", "x+1"),
        ("i x", "x i"), (r"e^{2\pi i}", "1"), ("(1+i)(1-i)", "2"), ("a_1+a_2", "a_2+a_1"),
        (r"\sqrt{2}\sqrt{3}", r"\sqrt{6}"), (r"10^{50}+\sqrt2", r"\sqrt2+10^{50}"),
        (r"\frac{1}{\sqrt{3}-\sqrt2}", r"\sqrt3+\sqrt2"), (r"\cos 36^\circ", r"\frac{1+\sqrt5}{4}"),
        (r"\sum_{k=1}^{\infty}\frac{1}{2^k}", "1"), (r"\sum_{k=0}^\infty \frac{1}{3^k}", "3/2"),
        (r"\left(\int_0^1 x dx\right)^2", "1/4"), (r"2^{\int_0^1 2x dx}", "2"),
        (r"\sqrt{\int_0^1 x dx}", r"\frac{1}{\sqrt2}"), (r"\sin(\int_0^\pi \sin x dx)", r"\sin 2"),
        (r"y\int_0^1 x dx", r"\frac y2"), (r"\sqrt{(x-50)^2}", "|x-50|"), ("|x-50|^3", "|50-x|^3"),
        ("2^{|x-50|}", "2^{|50-x|}"), ("1.5^x", r"(\frac32)^x"), ("x^{0.5}", r"\sqrt x"),
        (r"\sin 0.5", r"\sin\frac12"), (r"\sin(1.5707963 x)", r"\sin\frac{\pi x}{2}"), ("x^{0.3333333}", "x^{1/3}"),
        ("3.1415927r^2", r"\pi r^2"), (r"\ln 2.5", r"\ln\frac52"), (r"-2\infty", r"-\infty"), ("|x-10^4|", "|10^4-x|"),
        ("|xy|", "|x||y|"), (r"\max(x,10^4)", r"\max(10^4,x)"), ("1.4142135x+y+z", r"\sqrt2x+y+z"),
    ],
    "commas between digits": [
        ("1,234", "1234"), ("1,234,567", "1234567"), ("(1,234)", "(1,234)"), ("1 234 567", "1234567"),
        ("1.234,5", "1234.5"), ("2,5", "2.5"), ("1,234.5", "1234.5"), ("{{{5}}}", "5"), (r"\{1,234\}", r"\{234,1\}"),
        ("1,234 and 5", "5, 1234"), ("12,345.67", "12345.67"), ("-1,234", "-1234"), ("1,234,567.5", "1234567.5"),
        ("+1 000", "1000"), ("-1.234,5", "-1234.5"), ("1{,}000", "1000"), ("0,5", "1/2"), ("-2,5", "-5/2"),
        ("{{1,234}}", "1234"),
    ],
}  # fmt: skip

DIFFERENT: dict[str, list[tuple[str, str]]] = {
    "exact arithmetic": [
        ("0^0", "0"), ("0^{-1}", "0"), ("(-1)^{7}", "1"), ("(-1)^{8}", "-1"), ("8^{1/3}", "3"), ("2^{1/2}", "2"),
        (r"\lfloor -2.5 \rfloor", "-2"), (r"\lceil 2.1 \rceil", "2"), (r"\max(1,7,3)", "3"), (r"\min(4,-2,9)", "4"),
        (r"\gcd(12,18)", "36"), (r"\operatorname{lcm}(4,6)", "24"), ("5!!", "120"), ("6!!", "15"),
        (r"\binom{7}{3}", "34"), (r"\binom{3}{5}", "1"), (r"17 \bmod 5", "3"), (r"\frac10", "0"), ("(-2)!", "2"),
        (r"\cos 0", "0"), (r"\sin 1", "0"), (r"\ln 2", "0"), ("2^{-3}", "8"), ("|-3|", "-3"), ("3-5", "2"),
        (r"\sqrt{10^{60}+1}", "10^{30}"), ("0!", "0"), (r"5 \bmod 0", "0"), (r"\gcd(\frac12,\frac13)", "1"),
        (r"(-7) \bmod 5", "-2"), (r"5 \bmod -3", "2"), ("2^{0}", "0"), ("(-8)^{2}", "-64"), ("0.5^{-2}", "0.25"),
        (r"\lfloor\sqrt{5}\rfloor", r"\sqrt5"), ("3!!", "6"), ("(1/2)!", "1"),
    ],
    "decimals": [
        ("12.0", "12.1"), ("12.0", "13"), ("10000.0", "10001.0"), ("1000000", "1000000.5"),
        ("1000000", "1000000.0000011"), ("1/3", "0.3332"), ("1/3", "0.3335"), ("2/3", "0.6668"), (r"\pi", "3.14158"),
        (r"\pi", "3.142"), (r"\sqrt2", "1.41423"), ("3.14159", "3.1417"), ("6.02e23", "6.03e23"),
        ("1e10", "10000000001"), ("0.0001", "0.0002"), ("1.41431 x", r"\sqrt2x"), ("2.5x+1", "2.6x+1"),
        ("123456.0", "123457"), ("1.0001", "1"), ("0.33333", "0.33334"), ("5", "2.5+2.500001"), ("1e3", "100"),
        ("1.25e2", "12.5"), (".5", "5"), ("1.05x+2.1", "1.06x+2.1"), ("6.02214e23", "6.022e22"),
        ("12345.6", "12345.7"), ("0.99999", "1"), ("1.00001x", "x"), ("1.4142x+1", "1.4143x+1"), ("99999", "99999.5"),
        ("2.0e10", "20000000001"), ("9.99", "9.98"), ("1.23456789", "1.2345678"), ("100000.5", "100000.6"),
    ],
    "percent": [
        ("50%", "0.05"), ("50%", "500"), ("50%", "5"), ("x%", "x/10"), (r"\frac12\%", r"50\%"), ("50 percent", "51%"),
    ],
    "names and what is said of them": [
        ("x=2", "y=2"), ("AB=12", "CD=12"), ("AB=12", "A=12"), ("f(x)=2x", "f(y)=3y"), ("x=4=5", "5"), ("x=4=5", "4"),
        ("2+3=6", "6"), ("2+3=6", "5"), (r"x=\frac13\approx 0.5", "1/3"), ("(x,y)=(2,3)", "(y,x)=(2,3)"),
        ("x+y=5", "x-y=5"), ("2x=10", "10"), ("x^2=9", "9"), ("m+n=7", "8"), ("x=2,y=3", "x=3,y=2"),
        ("x=2,y=3", "x=2,z=3"), ("x=2,y=3", "x=2"), ("x=y", "5"), ("x:y=2:3", "y:x=2:3"), ("P(A)=0.5", "P(B)=0.5"),
        ("x_1=3", "x_2=3"), ("3m+n=7", "7"), (r"x=\frac13= 0.34", "1/3"), ("x=3=3.1", "3"), (r"x=3\approx 3.3", "3"),
        ("2m-n=7", "7"), ("m^2+n=7", "7"), ("x=a", "b"), ("e=2", "e"), ("f'(x)=2x", "2"), ("a+b=7", "a-b=7"),
        ("5=2+4", "5"), ("x=2=y", "3"), ("xy=7", "7=x+y"), ("2=(1,2)", "(1,2)"), ("2x=x+x", "2x"), ("2=x+2", "2"),
        (r"\sin x=\frac12", r"\frac12"), (r"\ln x=2", "2"), ("|x|=3", "3"), (r"x=1.38=\sqrt2", r"\sqrt2"),
        (r"\sqrt x=3", "3"),
    ],
    "equations": [
        ("x+y=1", "x+y=2"), ("x+y=1", "x-y=1"), ("x+y=1", "x+2y=2"), ("x^2=1", "x=1"), ("x+y=1", "x+y<1"),
        (r"x+y \ne 1", "x+y=1"), ("ax=b", "bx=a"), ("f(x)=x", "f(x)=2x"), ("x+y=1", "x+z=1"), ("x=x", "y=y+1"),
        ("2x+3y=6", "3x+2y=6"), ("xy=1", "x=y"), ("y-3=2(x-1)", "y=2x-1"), ("x^2+y^2=4", "x^2+y^2=2"), ("a=b", "a=c"),
        ("x+y=1=z", "x+y=1"), ("f(x)=x+1", "f(x)=x-1"), ("x+y=0", "x-y=0"), ("2x=4y", "2x=4z"), ("x=x", "x+1=x"),
        ("x=x", "x=x+1"), ("x+1=x", "x+2=x+y"), (r"y=x\int_0^1 e^t dt", "y=ex"),
    ],
    "inequalities": [
        ("x>2", r"x \ge 2"), ("x>2", "x<2"), ("x>2", "y>2"), ("2<x<3", r"2<x \le 3"), ("2<x<3", "[2,3]"),
        ("2<x<3", "2<x<4"), (r"x \ge 2", r"(2,\infty)"), (r"x \le 2", r"[2,\infty)"), (r"-2x \ge 4", r"x \ge -2"),
        ("3-x<1", "x<2"), ("|x|<2", r"|x| \le 2"), ("|x|<2", "x<2"), ("|x|>2", "x>2"), ("|x-1|<2", "(-2,2)"),
        ("x+y<1", "x+y>1"), ("x+y<1", r"x+y \le 1"), ("x+y<1", "-x-y<-1"), ("a<b<c", "a<c<b"), ("x>2", "2"),
        ("x>2", "x=2"), (r"x \ne 2", "x>2"), ("x>2", "x>-2"), ("1<2x+1<5", "0<x<4"), ("0<x<1", "0<x<2"),
        (r"x+1 \le y", r"y \le x+1"), ("x<y<z", "x<z<y"), ("x^2>4", "x>2"), ("xy<2", "xy>2"), ("x<1", "x<2"),
        (r"-1 \le x \le 1", "(-1,1)"), ("2x+2<y", "x+1<y"), ("x<y", "2x<y"), (r"0 \le x", r"(0,\infty)"),
        ("2a<x", r"[2a,\infty)"), ("x<2a", r"(-\infty,2a]"), ("2a<x<3b", "(2a,3b]"), ("2a<x<3b", "(3b,2a)"),
        ("x>2a", r"(-\infty,2a)"), ("2a<x", r"(2b,\infty)"), ("2a<x", r"(-2a,\infty)"), ("2(x-3)<4", "x<2"),
        ("-(x-3)<4", "x<-1"), (r"\frac x2-1<3", "x<4"), ("3+2x>7", "x<2"), ("0x<5", "x<5"),
        (r"|x+1| \ge 3", r"x \le -3 or x \ge 3"), (r"|x+1| \ge 3", r"-4 \le x \le 2"), (r"2x \ne 4", r"x \ne 4"),
        ("2x=4", "x=4"), ("|2-x|<1", "(0,2)"),
    ],
    "sets of real numbers": [
        (r"x>2 \text{ and } x<5", r"x>2 \text{ or } x<5"), (r"(1,3)\cup(4,5)", "(1,5)"),
        (r"(1,2)\cup(2,3)", r"(1,3)\cup\emptyset"), (r"[1,2)\cup(2,3]", r"[1,3]\cup\emptyset"),
        (r"(0,4)\cap(2,6)", r"(0,6)\cup\emptyset"), (r"(0,4)\cap(2,6)", r"[2,4)\cup\emptyset"),
        (r"\mathbb{R}\setminus(1,2)", r"(-\infty,1)\cup(2,\infty)"),
        (r"\mathbb{R}\setminus\{0\}", r"\mathbb{R}\setminus\{1\}"), (r"(0,5)\setminus[2,3]", r"(0,2]\cup[3,5)"),
        (r"(-3,3)\cap\mathbb{Z}", r"\{-3,-2,-1,0,1,2,3\}"), (r"[0,2]\cap\mathbb{Z}", r"\{1,2\}"),
        (r"\{x : x>1\}", r"\{x : x \ge 1\}"), ("x>3", "y>3"), (r"x>2, x \ne 3", r"(2,\infty)"), ("[1,2]", r"\{1,2\}"),
        ("(1,2)", "1,2"), (r"(-\infty,2)", r"(-\infty,2]"), ("[2,3]", "2,3"), (r"\text{no solution}", "0"),
        (r"\mathbb{R}", r"\mathbb{Q}"), (r"(1,2)\cup(3,4)", r"(1,2)\cap(3,4)"), (r"(0,3)\cap\mathbb{N}", r"\{1,2,3\}"),
        (r"x>1 \text{ or } x<-2a", r"(1,\infty)\cup\emptyset"), (r"(1,2)\cup(3,a)", r"(1,2)\cup\emptyset"),
        (r"\{1\}\cup\{2\}", r"\{1,3\}\cup\emptyset"), (r"(1,2)\cup\{2\}\cup(2,3)", r"(1,2)\cup(2,3)"),
        (r"[1,2]\cap[2,3]", r"\emptyset"), (r"(1,2)\cap(2,3)", r"\{2\}\cup\emptyset"),
        (r"\mathbb{R}\setminus\emptyset", r"\emptyset"), (r"(0,9)\setminus(2,3)", r"(0,2)\cup(3,9)"),
        ("x=3 or x>5", r"(5,\infty)\cup\emptyset"), (r"x \ne 0, x \ne 1", r"\mathbb{R}\setminus\{0\}"),
        ("|2x-1|<3", "(-2,1)"), ("|x| > 0", r"\mathbb{R}"), (r"[2.5,4.5]\cap\mathbb{Z}", r"\{2,3,4\}"),
        (r"[2,4]\cap\mathbb{Z}", r"\{3\}"), (r"(2,4)\cap\mathbb{Z}", r"\{2,3,4\}"), (r"x<\frac12", r"(-\infty,0.6)"),
        (r"(-\infty,1)\cup(1,\infty)", r"\mathbb{R}"), (r"[0,1]\cup[3,4]", r"[0,1]\cup[3,5]"),
        (r"[0,1]\cup[3,4]", r"[0,1]\cup(3,4]"), (r"\emptyset", r"\{0\}"), ("2x+1>3 or 2x+1<-3", "x>1 or x<-1"),
        ("5>2x-1>1", "(1,2)"), ("y>1 or y<0", "x>1 or x<0"), (r"(1,2)\cup(3,4)", "(1,2),(3,5)"),
        (r"\mathbb{R}\setminus((0,1)\cup(2,3))", r"(-\infty,0]\cup[1,\infty)"), (r"[\sqrt4,3)", "(2,3)"),
        ("x>1 or x=1", r"(1,\infty)\cup\emptyset"), (r"((0,5)\cap(1,9))\cup\{7\}", r"(1,5)\cup\{4\}"),
        (r"\mathbb{R}\setminus\{1,-1\}", r"\mathbb{R}\setminus\{1\}"), ("x=2 or 2x=10", r"\{2,10\}\cup\emptyset"),
        (r"(0,3)\cup\mathbb{Z}", r"\{1,2\}\cup\emptyset"), (r"A\cap\mathbb{Z}", r"\emptyset"),
        (r"\mathbb{Z}\setminus(0,3)", r"\{1,2\}\cup\emptyset"), (r"(5,1)\cup(0,9)", r"(0,9)\cup\emptyset"),
        (r"(0,10^9)\cap\mathbb{Z}", r"(0,1)\cup\emptyset"), (r"(10^{30},10^{30}+3)\cap\mathbb{Z}", r"\{10^{30}\}"),
        (r"(3,3)\cup(4,5)", r"(4,5)\cup\emptyset"), (r"[3,3]\cup(4,5)", r"(4,5)\cup\emptyset"),
        (r"\{x : x<3\}\cap\mathbb{Z}", r"\{0,1,2\}"), (r"(-1,3)\cap\mathbb{N}", r"\{-1,0,1,2,3\}"),
        (r"(\frac10,5)\cup(6,7)", r"(0,5)\cup(6,7)"), (r"(i,5)\cup(6,7)", r"(0,5)\cup(6,7)"),
        (r"(2i,5)\cup(6,7)", r"(i,5)\cup(6,7)"), (r"x>\frac10", "x>0"), (r"(-1,3)\cap\mathbb{N}", r"\{0,1,2\}"),
        (r"(-1,3)\cap\mathbb{N}", r"\{1,2\}"), (r"[0,2]\cap\mathbb{N}", r"\{0,1,2\}"),
        (r"[0,2]\cap\mathbb{N}", r"\{1,2\}"), (r"x\in(1,2)", r"[1,2]\cup\emptyset"),
        (r"\{y : y^2>4\}", r"\{x : x^3>4\}"),
    ],
    "lists, tuples, sets": [
        ("1,2,3", "1,2"), ("1,1,2", "1,2,2"), ("1,1,2", "1,2"), (r"\{1,2\}", r"\{1,2,3\}"), ("(1,2)", "(2,1)"),
        ("(1,2)", "[1,2]"), ("(1,2)", "(1,2,3)"), ("(1,2)", r"\{1,2\}"), ("(1,2,3)", "3,2,1"),
        ("(1,2),(3,4)", "(1,2)"), ("(1,2),(3,4)", "(1,2),(4,3)"), (r"\{\{1,2\},\{3\}\}", r"\{1,2,3\}"),
        (r"\{\{1\},2\}", r"\{1,2\}"), (r"\pm 3", "3"), (r"\pm 3", "-3"), ("a=1,b=2", "b=1,a=2"), ("a=1,b=2", "2,1"),
        ("1,2", "12"), ("(1,2]", "[1,2)"), ("()", "[]"), ("1,(2,3)", "1,2,3"), ("(1,(2,3))", "((1,2),3)"),
        (r"\{1\},\{2\}", r"\{1,2\}"), ("(1,2),(3,4)", "(1,2,3,4)"), (r"\{1,2\}", "(1,2)"), ("1,2", "1,2,2"),
        ("x=1,y=2", "x=1,y=3"), ("x=1,y=2,z=3", "x=1,y=2"), ("[1,2]", "(1,2]"),
    ],
    "matrices": [
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&5\end{pmatrix}"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "(1,2,3,4)"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,2],[3,5]]"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,2]]"), (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\{1,2\}"),
        (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "(2,1)"), (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "2"),
        (r"\begin{pmatrix}1&2\end{pmatrix}+\begin{pmatrix}1&1\end{pmatrix}", r"\begin{pmatrix}2&2\end{pmatrix}"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}\begin{pmatrix}1\\1\end{pmatrix}", "(4,6)"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2&3\\4&5&6\end{pmatrix}"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,2],[3,4],[5,6]]"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2,3)"), (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2]"),
    ],
    "cases": [
        (r"\begin{cases}x & x>0\\ -x & x \le 0\end{cases}", r"\begin{cases}x & x \le 0\\ -x & x>0\end{cases}"),
        (r"\begin{cases}x & x>0\\ -x & x \le 0\end{cases}", r"\begin{pmatrix}x & x>0\\ -x & x \le 0\end{pmatrix}"),
    ],
    "numerals, ratios": [
        ("1011_2", "1011_3"), ("1011_2", "11"), ("1011_2", "1010"), ("FF_{16}", "255"), ("2:3", "3:2"), ("2:3", "4:7"),
        ("2:3:4", "4:6:9"), ("2:3:4", "2:3"), ("2:3", "3/2"), ("0:5", "0:6"), ("0:5", "5:0"), ("-12_5", "12_5"),
        ("1:2:3", "1:2:4"), ("1:2:3", "2:2:3"), ("12:30", "12:31"), ("12:00", "6:00"), ("A1_{16}", "A2_{16}"),
        ("-11_2", "11_2"), ("21_3", "7"), ("0:1:2", "0:2:3"),
    ],
    "units": [
        (r"5\text{ cm}", r"5\text{ mm}"), (r"5\text{ cm}", r"5\text{ cm}^2"), (r"5\text{ cm}^2", r"5\text{ cm}^3"),
        (r"5\text{ m}", r"5\text{ s}"), (r"72\text{ km/h}", r"72\text{ m/s}"), (r"20\text{ m/s}", r"20\text{ s/m}"),
        (r"20\text{ m/s}", r"20\text{ m/s}^2"), (r"1\text{ m}^2", r"100\text{ cm}^2"),
        (r"9\text{ square feet}", r"9\text{ feet}"), (r"3\text{ cubic feet}", r"3\text{ square feet}"),
        (r"100^\circ\text{C}", r"100^\circ\text{F}"), (r"100^\circ\text{C}", r"100\text{ K}"), (r"180^\circ", r"2\pi"),
        (r"45^\circ", r"\frac{\pi}{3}"), (r"1\text{ mW}", r"1\text{ MW}"),
        (r"5\text{ feet }6\text{ inches}", r"5.6\text{ feet}"),
        (r"5\text{ feet }6\text{ inches}", r"56\text{ inches}"),
        (r"2\text{ hours }30\text{ minutes}", r"2.3\text{ hours}"), (r"1^\circ 30'", r"1.3^\circ"),
        (r"2\text{ dozen}", "2"), (r"3\text{ million}", "3"), (r"5\text{ squared}", "5"), (r"5\text{ or }6", "5"),
        (r"5\text{ minus }x", "5"), (r"1\text{ N}", r"1\text{ J}"), (r"10\text{ kg}", r"10\text{ g}"),
        ("5'6''", r"66\text{ ft}"), (r"30\text{ miles per hour}", r"30\text{ miles}"),
        (r"1\text{ L}", r"100\text{ mL}"), (r"1\text{ kWh}", r"1\text{ kW}"), (r"9.8\text{ m/s/s}", r"9.8\text{ m/s}"),
        (r"5\text{ m}^{-1}", r"5\text{ m}"), (r"1\text{ Pa}", r"1\text{ N/m}"),
        (r"-40^\circ\text{C}", r"40^\circ\text{F}"), (r"1\text{ ft}", r"10\text{ inches}"),
        (r"2\text{ m }5\text{ cm}", r"25\text{ cm}"), ("5 km", "5 m"), (r"30\text{ degrees}", r"\frac{\pi}{3}"),
        (r"1\text{ hour }1\text{ second}", r"61\text{ seconds}"), (r"5\text{ кг}", r"5\text{ г}"),
        (r"3\text{ µm}", r"3\text{ mm}"), (r"1\text{ acre}", r"1\text{ hectare}"),
        (r"1\text{ year}", r"1\text{ month}"), (r"20^\circ\text{C}", r"21^\circ\text{C}"),
        (r"\pi\text{ rad/s}", r"180\text{ degrees}"), (r"\pi\text{ rad/s}", r"90\text{ degrees/s}"),
        (r"2\text{ m/s}\cdot\text{s}", r"2\text{ m/s}"), (r"212^\circ\text{F}", r"212\text{ K}"),
        (r"-10^\circ\text{C}", r"10^\circ\text{F}"), (r"225^\circ", r"\pi+\frac{\pi}{3}"),
        (r"x^\circ", r"\frac{\pi x}{90}"), (r"373.15\text{ K}", r"373.15^\circ\text{C}"),
        (r"5\text{ feet in total}", r"5\text{ ft}^2"), (r"\frac13\text{ cm}", r"0.3333\text{ mm}"),
        (r"\frac13\text{ cm}", r"0.33\text{ cm}"),
    ],
    "money": [
        (r"\$5", "€5"), (r"\$5", r"5\text{ cents}"), (r"\$0.75", r"7.5\text{ cents}"), ("¥5", r"\$5"), ("£5", "€5"),
        (r"\$5\text{ million}", r"\$5"), ("75¢", "75€"), ("5 dollars", "5 cents"), ("500 cents", "$50"), ("5元", "$5"),
        ("$5.00", "$5.01"),
    ],
    "symbols": [
        ("xy", "x+y"), ("x(y+z)", "xy+z"), (r"\sqrt{x^2}", "x"), ("|x|", "-x"), ("x-y", "y-x"),
        (r"\sin 2x", r"2\sin x"), ("e^{x+y}", "e^x+e^y"), (r"\ln(x+y)", r"\ln x+\ln y"), (r"\max(x,y)", r"\min(x,y)"),
        (r"\lfloor x+1\rfloor", r"\lceil x\rceil"), (r"\lfloor x\rfloor", "x"), ("x + 10^{-30}", "x"),
        (r"\sqrt{2}+10^{-50}", r"\sqrt2"), ("x^2", "x^3"), (r"\infty", "5"), (r"\infty", r"-\infty"), ("x+y", "x+z"),
        (r"\sqrt[3]{x^3}", "|x|"), ("x", "x+0.0000001"), (r"\max(x,500)", "x"), (r"\max(x,500)", "500"),
        ("|x+y-7|", "7-x-y"), (r"\lfloor x\rfloor", r"\lceil x\rceil-1"), (r"\sqrt{(x-3)^2}", "x-3"),
        (r"\sqrt{(x-3)^2}", "3-x"), ("|x|+|x-5|", "2x-5"), (r"x \bmod 1000", "x"), ("|x-12345|", "12345-x"),
        (r"\frac{x}{y}", r"\frac{y}{x}"), ("x^y", "y^x"), (r"\log_2 x", r"\log_3 x"), ("x i", "x"),
        (r"e^{2\pi i}", "-1"), (r"\sin(x+\pi)", r"\sin x"), (r"10^{50}+\sqrt2", r"10^{50}+\sqrt3"),
        (r"\sqrt{2}\sqrt{3}", r"\sqrt{5}"), ("a_1", "a_2"), (r"\cos 36^\circ", r"\cos 36"), ("x^2+y^2", "(x+y)^2"),
        (r"\lfloor x/1000\rfloor", "0"), (r"\frac{x^2}{x}", "-x"), ("xyz", "xy"), (r"\sqrt{(x-50)^2}", "50-x"),
        (r"\sqrt{(x-50)^2}", "x-50"), ("|x-50|^3", "(50-x)^3"), ("2^{|x-50|}", "2^{50-x}"), ("x|x-50|", "x(50-x)"),
        ("|x-50|+1", "51-x"), (r"\sin|x-50|", r"\sin(50-x)"), ("e^{|x-50|}", "e^{50-x}"),
        (r"\left(\int_0^1 x dx\right)^2", "1/2"), (r"\sum_{k=1}^{\infty}\frac{1}{2^k}", "2"), ("1.5^x", "(1.6)^x"),
        ("x^{0.5}", "x^{0.6}"), ("3.1415r^2", r"\pi r^2"), (r"\sqrt{x-50}\sqrt{x-50}", "50-x"), (r"\min(x,50)", "x"),
        (r"\lfloor\frac{x}{50}\rfloor", "0"), (r"x \bmod 50", "x"), ("|x+50|", "x+50"), ("|x-10^4|", "10^4-x"),
        ("|xy-50|", "50-xy"), (r"|x-2\cdot 5000|", "10^4-x"), ("|xy-50|", "xy-50"), ("|x+y|", "x+y"),
        ("|x-10^{6}|", "10^6-x"), ("|x-0^0|", "1-x"), ("|xyz-9|", "9-xyz"), ("$", "5"), ("{}", "x"),
        ("1.41421350x+y+z", r"\sqrt2x+y+z"),
    ],
    "commas between digits": [
        ("1,234", "1.234"), ("1,23", "123"), ("12,34", "1234"), ("(1,234)", "1234"), (r"\{1,234\}", "1234"),
        ("1,2,3", "123"), ("1 23", "123"), ("1.234,5", "1.2345"), ("1,234,56", "123456"), ("{{5", "5"),
        ("12,345.67", "12.34567"), ("-1,234", "1234"), ("+1 000", "100"), ("0,5", "5"), ("-1.234,5", "1234.5"),
        ("{{{6}}}", "5"),
    ],
}  # fmt: skip


def flat(pairs: dict[str, list[tuple[str, str]]]) -> list[object]:
    return [pytest.param(a, b, id=f"{theme}: {a} | {b}"[:90]) for theme, group in pairs.items() for a, b in group]


@pytest.mark.parametrize(("a", "b"), flat(SAME))
def test_same(a: str, b: str) -> None:
    assert boxed.same_answer(a, b)
    assert boxed.same_answer(b, a)
    assert boxed.answer_key(a)[0] == boxed.answer_key(b)[0]


@pytest.mark.parametrize(("a", "b"), flat(DIFFERENT))
def test_different(a: str, b: str) -> None:
    assert not boxed.same_answer(a, b)
    assert not boxed.same_answer(b, a)
    assert boxed.answer_key(a) != boxed.answer_key(b)


def test_every_theme_has_both_sides() -> None:
    assert SAME.keys() == DIFFERENT.keys()


def test_keys_and_buckets_of_answers() -> None:
    """Numbers and whatever may equal one share a bucket; words that mean no mathematics, and long texts, do not."""
    number = boxed.answer_key("12")
    assert number == ("", "12")
    for same in ("012", "+12", "24/2", r"\frac{24}{2}", "$12$"):
        assert boxed.answer_key(same) == number, same
    for alike in ("12.0", "12%", "x", r"\sqrt{144}", "twelve", "no", r"\text{no solution}", "(1, 2)"):
        assert boxed.answer_key(alike)[0] == ""
        assert boxed.answer_key(alike)[1] != "12"
    for words in ("Evelyn", "all of them", r"\text{October}"):
        assert boxed.answer_key(words)[0] == "words", words
    assert boxed.answer_key("x+" * 2000 + "1")[0] == "long"
    digits = "3" * 3500
    assert boxed.answer_key("0" * 1000 + digits) == boxed.answer_key(digits) == ("", digits)
    assert boxed.same_answer("0" * 1000 + digits, digits)
    assert boxed.same_answer("-" + "0" * 5000, "0")
    assert not boxed.same_answer("-" + digits * 2, digits * 2)
    assert not boxed.same_answer("0" * 4000 + ".5", "1/2" + " " * 4000 + "x")


def test_braces_without_end_around_a_number() -> None:
    assert boxed.same_answer("{" * 4000 + "5" + "}" * 4000, "5")
    assert not boxed.same_answer("{" * 4000 + "5" + "}" * 4000, "6")
    assert not boxed.same_answer("{" * 4000 + "5" + "}" * 3999, "5")
    assert not boxed.same_answer("{{" + "5}+{5" + "}}", "5")


@pytest.mark.parametrize(
    ("percent", "hundredth", "itself"), [("either", True, True), ("fraction", True, False), ("number", False, True)]
)
def test_what_a_percentage_of_an_expression_equals(percent: str, hundredth: bool, itself: bool) -> None:
    verifier = BoxedMath(percent=percent)  # type: ignore[arg-type]
    for value, hundred, same in ((r"x\%", "x/100", "x"), (r"\sqrt{2}\%", r"\frac{\sqrt2}{100}", r"\sqrt2")):
        assert verifier.same_answer(value, hundred) == verifier.same_answer(hundred, value) == hundredth
        assert verifier.same_answer(value, same) == verifier.same_answer(same, value) == itself
        assert verifier.same_answer(value, value + " ")
    assert not verifier.same_answer(r"x\%", r"2x\%")


def test_order_is_an_option_of_lists_alone() -> None:
    ordered = BoxedMath(ordered=True)
    for a, b in (("x, y", "y, x"), ("1, 2, 3", "1, 3, 2"), ("(1,2), (3,4)", "(3,4), (1,2)")):
        assert boxed.same_answer(a, b)
        assert not ordered.same_answer(a, b)
        assert ordered.same_answer(a, a.replace(" ", "  "))
    for a, b in ((r"\{1, 2\}", r"\{2, 1\}"), ("a=1, b=2", "b=2, a=1"), (r"(1,2) \cup (3,4)", r"(3,4) \cup (1,2)")):
        assert ordered.same_answer(a, b)


def test_texts_without_content_have_keys_of_their_own() -> None:
    for a, b in (("$", "$$"), ("$", " "), (r"\,", "{}")):
        assert not boxed.same_answer(a, b)
        assert boxed.answer_key(a) != boxed.answer_key(b)


def test_which_texts_can_be_read() -> None:
    for text in ("9" * 5000, "5", "x", r"\frac12", "Evelyn", "(1, 2)"):
        assert is_readable(text), text[:20]
    for text in ("x" * 5000, "", "$", r"\frac{1}{", "x^^2 )("):
        assert not is_readable(text), text[:20]


def test_a_dozen_decimals_may_be_rounded_and_no_more() -> None:
    """Each may be off by one unit of its last digit; of more than twelve every digit counts."""

    def rounded(count: int) -> str:
        return "+".join(f"0.5x^{{{k}}}" for k in range(1, count + 1))

    def exact(count: int, last: str) -> str:
        return "+".join([*(rf"\frac12 x^{{{k}}}" for k in range(1, count)), f"{last}x^{{{count}}}"])

    assert boxed.same_answer(rounded(12), exact(12, "0.50000005"))
    assert not boxed.same_answer(rounded(12), exact(12, "0.6"))
    assert not boxed.same_answer(rounded(13), exact(13, "0.50000005"))


@pytest.mark.parametrize(("error", "cap"), [(RecursionError(), "depth"), (OverflowError(), "magnitude")])
def test_what_slips_past_the_caps_is_refused_and_never_right(monkeypatch, error: Exception, cap: str) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(decide, "_decide_values", fails)
    found = decide.decide(f"{cap} + 1", f"{cap} + 2", boxed.rules)
    assert (found.equal, found.how) == (False, f"refused: {cap}")
