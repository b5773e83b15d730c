import array, base64, bisect, calendar, cmath, collections, colorsys, contextlib, copy, csv, ctypes, datetime, decimal, difflib
import fractions, functools, glob, hashlib, heapq, html, inspect, io, itertools, json, locale, logging, math, numbers, operator
import os, pprint, queue, random, re, secrets, shlex, sqlite3, statistics, string, struct, sys, textwrap, time, timeit, traceback
import types, typing, unicodedata, unittest, urllib.parse, uuid, warnings, weakref, xml.etree.ElementTree, zlib

locale.setlocale(locale.LC_ALL, "")
warnings.warn("said on standard error")
logging.warning("said there too")
random.seed(1)
a, b = map(int, input().split())
connection = sqlite3.connect(":memory:")
print(connection.execute("select ? + ?", (a, b)).fetchone()[0])
