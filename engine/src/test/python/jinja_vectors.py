"""Writes jinja-vectors.json: what Python's jinja2 makes of small templates, one construct each.

usage: jinja_vectors.py OUTPUT.json

Needs jinja2. Each case is a template over the variables below; where jinja2 fails, the interpreter has to fail too.
"""
import json
import sys
from pathlib import Path

from chat_template_vectors import environment

VARIABLES = {
    "s": "Hello, World", "pad": "  \t x y \n", "u": "añ日😀e\u0301", "empty": "", "n": 7, "neg": -7, "f": 2.5, "t": True,
    "no": False, "none_": None, "l": [3, 1, 2], "words": ["b", "A", "c", "a"], "nested": [[1, [2]], {"k": [None, True]}],
    "m": {"a": 1, "b": {"c": "d"}, "items": "own", "z": None}, "messages": [
        {"role": "system", "content": "S"}, {"role": "user", "content": "U"}, {"role": "assistant", "content": "A"}],
    "quote": "it's \"q\" \\ \n\t\x01\u200b", "html": "<a href='x'>&\"</a>", "big": 123456789012,
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4
7 / 2
6 / 2
7 // 2
neg // 2
neg % 3
n % -3
f // 2
-f % 2
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
-n|abs
(-n)|abs
1.0
1e3
1.5e-7
1e16
1e22
123456.789
0.1 + 0.2
1_000
0x1F + 0o17 + 0b11
true + 1
n == 7.0
t == 1
'a' 'b' "c"
'a' ~ 1 ~ none ~ true ~ 2.0 ~ undefined_name ~ [1, 'x']
'a' + 'b' ~ 1 + 2
1 ~ 2 * 3
'x' * 3
3 * 'ab'
[1, 2] * 2
[1] + [2]
(1, 2) + (3,)
(1,)
()
1, 2
[]
{}
{'a': 1, 2: [3.0], none: true}
[none, true, 'it\'s', "\"", 'both\'"', 'tab\t']
quote
[quote]
[u, '\u00e9', '\x41', '\101', '\N{EM DASH}', '\q', '\\']
nested
m
none
true
True and False
None
not true
not n == 7
not 'x' in s
not n is odd
n is not odd
1 < 2 < 3
1 < 3 < 2
3 > 2 >= 2 != 1
'a' < 'b'
'Z' < 'a'
[1, 2] < [1, 3]
1 in l
4 not in l
'ell' in s
'' in ''
'a' in m
'q' in m
2 in (1, 2)
'x' in undefined_name
none or 'x'
'' and 'x'
0 or '' or []
n and 'yes' or 'no'
'yes' if n > 5 else 'no'
'yes' if n > 50
'a' if false else 'b' if false else 'c'
undefined_name
undefined_name is defined
undefined_name | default('d')
none_ | default('d')
none_ | default('d', true)
empty | default('d', boolean=true)
m.q is defined
m.a
m['a']
m.b.c
m['b']['c']
m['items']
m.items is callable
m.items() | list
m.keys() | list
m.values() | list
m.get('a')
m.get('q')
m.get('q', 'd')
m.get(undefined_name, 'd')
m.z
m.z is none
m.q is none
none_.x is defined
none_[0] is defined
l[0]
l[-1]
l[5] is defined
l['0'] is defined
l.0
'\N{NO SUCH CHARACTER}'
'\xg'
s[0]
s[-1]
s[1:4]
s[:-3]
s[::-1]
s[::2]
s[10:2:-3]
s[-100:100]
u[2]
u[3:]
u[::-1]
u | length
l[1:]
l[::-1]
l[:2]
l[5:]
l[-2:]
l[3:0:-1]
(1, 2, 3)[1:]
none_[1:] is defined
messages[1:][0].role
messages[-1]['content']
messages | length
messages | map(attribute='role') | list
messages | map(attribute='q', default='-') | join
messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | first
messages | rejectattr('role', '==', 'user') | list | length
messages | selectattr('content') | list | length
messages | selectattr('role', 'in', ['user', 'assistant']) | list | length
words | map('upper') | join(', ')
words | map('replace', 'a', 'z') | list
l | select('odd') | list
l | select('gt', 1) | list
l | reject('divisibleby', 2) | list
l | select | list
none_ | select | list
'yes' if (l | select('gt', 100)) else 'no'
words | sort
words | sort(true)
words | sort(case_sensitive=true)
words | unique | list
words | reverse | list
s | reverse
l | sort | first
l | last
l | min
l | max
words | max
l | sum
messages | sum(attribute='q', start=1)
[1.5, 2] | sum
l | join('-')
messages | join(', ', attribute='role')
[1, none, 'x'] | join
l | batch(2) | list
l | batch(2, 'x') | list
m | dictsort
{'b': 1, 'A': 3, 'c': 2} | dictsort
{'b': 1, 'A': 3, 'c': 2} | dictsort(by='value', reverse=true)
m | items | list
m | length
[] | first is defined
[] | max is defined
pad | trim
pad.strip()
pad.lstrip()
pad.rstrip()
'xxaxx'.strip('x')
'xyaxy'.strip('yx')
'xxaxx' | trim('x')
'\n\na\n'.lstrip('\n')
12 | trim
none_ | trim
undefined_name | trim
undefined_name | length
undefined_name | list
undefined_name | upper
undefined_name == other_name
undefined_name == none
s.upper() ~ s.lower() ~ s.swapcase()
'hello wORLD it\'s 3rd'.title()
'hello wORLD-it\'s (x [y' | title
'hELLO' | capitalize
'hELLO'.capitalize()
s.split(',')
s.split(', ', 1)
pad.split()
'a b  c '.split(maxsplit=1)
' a b c '.rsplit(none, 1)
'a,b,c'.rsplit(',', 1)
''.split(',')
''.split()
'a,,b'.split(',')
s.split('</think>')[-1]
'a\nb\r\nc\n\nd'.splitlines()
'a\nb\n'.splitlines(true)
'a=b=c'.partition('=')
'a=b=c'.rpartition('=')
'abc'.partition('=')
s.startswith('Hell')
s.endswith(('x', 'ld'))
s.startswith('')
s.find('o')
s.find('q')
s.rfind('o')
u.find('e')
s.index('W')
s.count('o')
s.count('')
'aXbXc'.replace('X', '-', 1)
s | replace('o', '0')
s | replace('o', '0', 1)
'abc'.replace('', '-')
'😀a'.replace('', '.')
12 | replace(1, 'x')
', '.join(['a', 'b'])
'ab'.join('xyz')
'{} {} {{}}'.format('a', 1)
'{0}{1}{0} {k}'.format('a', 'b', k=3)
'%s has %d of %.2f %5s|%-5s|%05d %x %%' | format('a', 2, 3.14159, 'r', 'l', 42, 255)
'%s %s' % ('a', none)
'%s' % 'b'
'7'.zfill(3) ~ '-7'.zfill(4)
'ab'.ljust(4) ~ '|' ~ 'ab'.rjust(4, '.') ~ '|' ~ 'ab'.center(5) ~ '|' ~ 'abc'.center(6) ~ '|'
'ab' | center(7) ~ '|'
'prefix-x'.removeprefix('prefix-') ~ 'x.txt'.removesuffix('.txt')
['12'.isdigit(), 'a1'.isalnum(), 'a'.isalpha(), ' '.isspace(), ''.isdigit(), 'A1'.isupper(), 'a1'.islower()]
'a\nb\n\nc' | indent
'a\nb\n\nc' | indent(2, true)
'a\nb\n\nc\n' | indent(2, blank=true)
'a\nb' | indent('> ')
'a b c d e f g h i j k l m n o p' | truncate(10)
'abcdefghijklmnopqrstuvwxyz' | truncate(10, true, '~')
'abcdefghijkl' | truncate(10)
'a b  c' | wordcount
html | e
html | escape | length
'a b/ü?&' | urlencode
'3' | int + 1
'3.9' | int
'x' | int
'x' | int(5)
'ff' | int(0, 16)
3.99 | int
none_ | int(default=4)
'2.5' | float
'x' | float
3 | float
2.5 | round
3.5 | round
2.345 | round(2)
2.341 | round(2, 'ceil')
7 | round
12345.678 | round(-2)
neg | abs
f | string + '!'
none_ | string
5 | string | length
l | list
'abc' | list
m | list
nested | tojson
m | tojson
m | tojson(indent=2)
m | tojson(indent=4, sort_keys=true)
nested | tojson(separators=(',', ':'))
[] | tojson(indent=2)
{} | tojson
quote | tojson
u | tojson
u | tojson(ensure_ascii=true)
html | tojson
[1, 2.0, 1e30, -0.0, true, none] | tojson
{1: 'a', 2.5: 'b', none: 'd'} | tojson
(1, 2) | tojson
f | tojson
range(3) | list
range(1, 10, 3) | list
range(3, 0, -1) | list
dict(a=1, b=2)
dict(m, a=5).a
namespace(a=1).a
namespace({'b': 2}, a=1).b
s is string
n is number
t is number
t is integer
n is integer
f is float
t is boolean
t is true
n is true
no is false
none_ is none
m is mapping
s is mapping
l is iterable
s is iterable
n is iterable
m is iterable
l is sequence
m is sequence
s is sequence
n is sequence
undefined_name is sequence
undefined_name is undefined
n is divisibleby 7
n is divisibleby(2)
n is eq 7
n is ne(7)
n is gt 3
n is lessthan 3
n is in [7, 8]
's' is lower
'S' is upper
none_ is sameas none
s is not none and s is string
(s is string) or false
s.upper is callable
'upper' is filter
'odd' is test
s|length > 5 and s|upper == 'HELLO, WORLD'
(l | length) - 1
l|length - 1
{'a': {'b': [1, {'c': 'deep'}]}}.a.b[1].c
[[1, 2], [3, 4]][1][0]
'a'.upper().lower().split('a') | length
s.split(',')[0].strip().upper()[:2]
messages[0].role == 'system' and messages[0]['content']
messages[-1].content is string and not (messages[-1].content.startswith('<') and true)
big * 1000
-5 // 2 * 2 + -5 % 2
1 if none else 2 if 0 else 3
[x for x in l]
l | nosuchfilter
l is nosuchtest
nosuchfunction()
undefined_name.x
undefined_name[0]
m.q.x
none_ + 1
'a' + 1
1 + 'a'
[] + 'a'
1 < 'a'
none_ < 1
1 in 5
1 in none_
1 in 'abc'
none_ | length
5 | length
5()
'x'.nosuch()
s.split('')
s.index('q')
l.append(4)
m.update({'x': 1})
m.pop('a')
l[0:1:0]
1 / 0
1 % 0
'%d' % 'x'
'%s %s' % ('a',)
undefined_name + 'x'
(l | map('upper')) | length
raise_exception('message of the template')
{[1]: 2}
undefined_name | tojson
s.format.__globals__
s.__class__
().__class__.__bases__
"""

TEMPLATES = [
    "a\n{% if true %}\nb\n{% endif %}\nc\n",
    "a\n  {% if true %}  \n  b\n  {% endif %}\nc\n\n",
    "a \n {%- if true -%} \n b \n {%- endif -%} \n c",
    "a {%+ if true +%} \n b {% endif %} c",
    "  {%+ if true %}x{% endif +%}\n y",
    "\t{{ 1 }} \n {{- 2 -}} \n {{ 3 }}\n",
    "x\n   {# comment #}\n y {# {{ 1 }} {% if %} #}z\n",
    "x {#- c -#} y\n{#+ c +#}\nz {##}w{#-#}  v",
    "{% raw %}{{ x }} {% if %}{% endraw %}!",
    "a\n  {% raw %}\n  {{ x }}\n  {% endraw %}\nb",
    "a {%- raw -%} \n {{ x }} \n {%- endraw -%} \n b",
    "{{ '}}' }}{{ \"%}\" }}{% if '%}' %}y{% endif %}",
    "{{ {'a': {'b': 1}}}}",
    "{{-1}}{{ -1 }}{{+1}}",
    "a\r\nb\rc\n{% if true %}\r\nd{% endif %}\r\n",
    "{ { } } {x} %} }} #}",
    "{% for x in l %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}"
    "{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
    "{% for x in l if x > 1 %}{{ x }}/{{ loop.length }} {% else %}none{% endfor %}",
    "{% for x in l if x > 10 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in undefined_name %}x{% else %}none{% endfor %}",
    "{% for k, v in m.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for (k, v) in m|dictsort %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in m %}{{ k }};{% endfor %}{% for c in u %}{{ c }}.{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{{ loop.index }}{{ x }}{{ y }} {% endfor %}{{ loop.index }}\n{% endfor %}",
    "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x > 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}",
    "{% for x in l if true else [] %}{{ x }}{% endfor %}",
    "{% for x in (l if no else words) %}{{ x }}{% endfor %}",
    "{% for x in none_ %}{% endfor %}",
    "{% for x in 5 %}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = 1, 2 %}{{ t }}",
    "{% set x %}a{{ n }}\n{% endset %}[{{ x }}]{{ x is string }}",
    "{% set x | upper | trim %} a{{ s }} {% endset %}[{{ x }}]",
    "{% set m.x = 1 %}",
    "{% set x = 5 if n > 3 else 6 %}{{ x }}",
    "{% for x in l %}{% set last = x %}{% endfor %}{{ last is defined }}",
    "{% if n == 1 %}a{% elif n == 7 %}b{% elif true %}c{% else %}d{% endif %}",
    "{% if undefined_name %}a{% else %}b{% endif %}",
    "{% if not undefined_name is defined %}a{% endif %}",
    "{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }}|{{ f(1, c=3) }}|{{ f(b=1, a=0) }}",
    "{% macro f(a) %}{{ a is defined }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f() }}{{ f(1, 2, x=3) }}",
    "{% macro f() -%}\n  x\n{%- endmacro %}[{{ f() }}]{{ f() | upper }}{{ f.name }}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro f() %}{{ y }}{% endmacro %}{% set y = 1 %}{{ f() }}{% set y = 2 %}{{ f() }}",
    "{% macro f() %}{{ s }}{% set s = 'inner' %}{{ s }}{% endmacro %}{{ f() }}{{ s }}",
    "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}body {{ n }}{% endcall %}",
    "{% macro f(x) %}<{{ caller(x) }}>{% endmacro %}{% call(v) f(3) %}got {{ v }}{% endcall %}",
    "{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1, 2]) }}{{ f(**{'a': 3, 'b': 4}) }}",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% filter replace('a', 'b') | trim %} banana {% endfilter %}|",
    "{% with x = 1, y = n %}{{ x }}{{ y }}{% set z = 3 %}{% endwith %}{{ x is defined }}{{ z is defined }}",
    "{% with %}{% set z = 3 %}{{ z }}{% endwith %}",
    "{{ now if now is defined else strftime_now('%d %b %Y') }}",
    "{{ strftime_now('%Y-%m-%d %H:%M:%S %B %A %a %y %j %I %p %-d %e %F %T %%') }}",
    "{{ 'a' if n is number and n is not string else 'b' }}",
    "{{ l | map(attribute=0) | list }}",
    "{{ [{'a': {'b': 1}}] | map(attribute='a.b') | list }}",
    "{{ words | map('default', 'x') | select('string') | list }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% if true %}",
    "{% endif %}",
    "{% for x in l %}",
    "{% for x l %}{% endfor %}",
    "{% nosuchtag %}",
    "{{ 1",
    "{{ 'a }}",
    "{{ (1 }}",
    "{{ 1) }}",
    "{{ }}",
    "{% %}",
    "{# open",
    "{% raw %} open",
    "{{ a b }}",
    "{{ 1 + }}",
    "{{ x. }}",
    "{{ n is odd is even }}",
    "{% break %}",
    "{{ f(a=1, 2) }}",
    "{% macro f(a=1, b) %}{% endmacro %}",
    "{{ $x }}",
    "{% set 1 = 2 %}",
]


def main():
    env = environment()
    cases = []
    for source in ["{{ " + e + " }}" for e in EXPRESSIONS.strip("\n").split("\n")] + TEMPLATES:
        entry = {"source": source}
        try:
            entry["expected"] = env.from_string(source).render(**VARIABLES)
        except Exception as e:  # jinja2 passes Python's own errors through
            entry["error"] = type(e).__name__ + ": " + str(e).split("\n")[0]
        cases.append(entry)
    Path(sys.argv[1]).write_text(json.dumps({"variables": VARIABLES, "cases": cases}, indent=1) + "\n")
    print(len(cases), "cases,", sum("error" in c for c in cases), "of them errors")


if __name__ == "__main__":
    main()
