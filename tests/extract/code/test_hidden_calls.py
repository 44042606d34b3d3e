"""Functions that start something, reached otherwise than by calling them where they are named."""

from __future__ import annotations

import pytest

from yett.extract import code, extract
from yett.extract.budget import Budget
from yett.extract.facts import CodeFact
from yett.model import ToolCall

STARTS = frozenset(("process", "shell", "dynamic_code", "reflection", "native", "obfuscated"))
C = "'rm -r data'"


def read(source: str, language: str) -> CodeFact:
    return code.analyse(source, "/c", language=language, budget=Budget(milliseconds=5_000))[0]


@pytest.mark.parametrize(
    "source",
    [
        f"(lambda f: f({C}))(os.system)",
        "@os.system\ndef f(): pass",
        "class A:\n    __class_getitem__ = os.system",
        f"class A:\n    run = os.system\nA.run({C})",
        "class A:\n    def __init__(self):\n        self.f = os.system",
        f"def f():\n    global g\n    g = os.system\nf()\ng({C})",
        f"def f():\n    return os.system\nf()({C})",
        f"max([{C}], key=os.system)",
        f"[{C}].sort(key=os.system)",
        f"pool.submit(os.system, {C})",
        f"atexit.register(os.system, {C})",
        f"loop.run_in_executor(None, os.system, {C})",
        f"{{'a': os.system}}['a']({C})",
        f"getattr(os, 'nothing', os.system)({C})",
        "globals().update(f=os.system)",
        "globals()['f'] = os.system",
        "setattr(builtins, 'print', os.system)",
        "A.__call__ = staticmethod(os.system)",
        f"f'{{1:{{os.system({C})}}}}'",
        f"f = lambda a=os.system({C}): a",
        f"x: os.system({C}) = 1",
        f"def f(a: os.system({C})) -> int: pass",
        f"try:\n    pass\nexcept os.system({C}):\n    pass",
        f"match 1:\n    case x if os.system({C}): pass",
        f"del {{}}[os.system({C})]",
        f"[1][os.system({C}):]",
        f"operator.methodcaller('system', {C})(os)",
        f"os.__dict__.get('system')({C})",
        "for name, f in os.__dict__.items(): f()",
        f"__import__('shutil').os.system({C})",
        f"import shutil\nshutil.os.system({C})",
        f"import random\nrandom._os.system({C})",
        f"import posix\nposix.system({C})",
        f"import pkgutil\npkgutil.resolve_name('os:system')({C})",
        "import ctypes\nctypes.cdll['libc.so.6'].system",
        "import ctypes\nctypes.pythonapi.PyRun_SimpleString(b'x')",
        "import sys\nsys.path[:0] = ['/tmp']\nimport found",
        "import sys\nsys.path += ['/tmp']\nimport found",
        "import subprocess\nsubprocess.run(**{'args': 'ls'})",
        "import subprocess\nsubprocess.run(['ls'], executable=name)",
        "import sh\nsh.rm('-r', 'data')",
        "import jinja2\njinja2.Template('{{ x.__init__.__globals__ }}')",
        "import logging.config\nlogging.config.dictConfig({'handlers': {'h': {'()': 'os.system'}}})",
        "# coding: rot13\nvzcbeg bf",
    ],
)  # fmt: skip
def test_a_python_program_that_hands_a_function_on_is_taken_to_use_it(source: str) -> None:
    fact = read(
        "import os, builtins, operator, atexit\n" * (not source.startswith(("#", "import"))) + source,
        "python",
    )
    assert fact.flags & STARTS


@pytest.mark.parametrize(
    "source",
    [
        "require('child_process').\\u0065xec(x)",
        "require.call(null, 'child_process').exec(x)",
        "process.getBuiltinModule('child_process').exec(x)",
        "Reflect.apply(require('child_process').exec, null, [x])",
        "(0, eval)(x)",
        "eval.call(null, x)",
        "(0, require('child_process').exec)(x)",
        "const e = require('child_process').exec.bind(null, 'ls'); e()",
        "['ls'].map(require('child_process').execSync)",
        "({get a() { return require('child_process') }}).a.exec(x)",
        "class A { run = require('child_process').exec }",
        "((c = require('child_process')) => c.exec(x))()",
        "with (require('child_process')) { exec(x) }",
        "const {...c} = require('child_process'); c.exec(x)",
        "let a, b; a = b = require('child_process'); a.exec(x)",
        "const o = {c: require('child_process')}; o.c.exec(x)",
        "const o = {}; o.c = require('child_process'); o.c.exec(x)",
        "function f() { return require('child_process') } f().exec(x)",
        "(c => c.exec(x))(require('child_process'))",
        "require('child_' + 'process')",
        "require('/tmp/x.js')",
        "await Bun.$`ls`",
        "require('repl').start()",
        "WebAssembly.instantiate(x)",
    ],
)  # fmt: skip
def test_a_javascript_program_that_hands_a_function_on_is_taken_to_use_it(source: str) -> None:
    assert read(source, "javascript").flags & STARTS


@pytest.mark.parametrize(
    "source",
    [
        "print(max(names, key=len), sorted(rows, key=lambda r: r[1]))",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n    print(list(pool.map(len, names)))",
        "import functools\nadd = functools.partial(int, base=2)\nprint(add('101'))",
        "def f(x: int, *, y: 'str | None' = None) -> list[int]:\n    return [x]\nprint(f(1))",
        "import subprocess\ndef stop(p: subprocess.Popen) -> bool:\n    return isinstance(p, subprocess.Popen)",
        "match point:\n    case (x, y) if x == y: print(x)",
        "import os\nprint(os.path.sep, os.sep)",
        "print({k: v for k, v in vars(args).items()})",
        "# -*- coding: utf-8 -*-\nprint('ok')",
    ],
)
def test_functions_that_start_nothing_may_be_handed_on(source: str) -> None:
    assert read(source, "python").flags == frozenset()


@pytest.mark.parametrize(
    "source",
    [
        "const {readFile} = require('fs/promises'); files.map(readFile)",
        "const util = require('util'); console.log(util.inspect(x)); [1, 2].map(String).forEach(console.log)",
        "import path from 'node:path'; export default {join: path.join}",
    ],
)
def test_so_may_those_of_javascript(source: str) -> None:
    assert not read(source, "javascript").flags & STARTS


def test_what_is_handed_on_with_its_arguments_is_read_with_them() -> None:
    for source in (
        "import os, atexit\natexit.register(os.system, 'rm -r data')",
        "import os, threading\nthreading.Thread(target=os.system, args=('rm -r data',)).start()",
        "import os\nlist(map(os.system, ['rm -r data']))",
        "import subprocess\npool.submit(subprocess.run, ['rm', '-r', 'data'])",
    ):
        _, nested = code.analyse(source, "/c", language="python", budget=Budget(milliseconds=5_000))
        assert any(n.kind == "shell" and n.text == "rm -r data" for n in nested), source


def test_the_folder_a_process_starts_in_is_part_of_its_command() -> None:
    source = "import subprocess\nsubprocess.run(['./x'], cwd='/tmp/a')"
    _, nested = code.analyse(source, "/c", language="python", budget=Budget(milliseconds=5_000))
    assert [n.text for n in nested if n.kind == "shell"] == ["cd /tmp/a && ./x"]


def test_a_program_of_the_project_run_by_another_is_read_as_a_command() -> None:
    fact, nested = code.analyse(
        "exec(open('version.py').read())", "/c", language="python", budget=Budget(milliseconds=5_000)
    )
    assert fact.opaque == ()
    assert [n.text for n in nested if n.kind == "shell"] == ["python version.py"]
    for source in ("exec(open('/tmp/x.py').read())", "open('x.py', 'w').write(t)\nexec(open('x.py').read())"):
        assert "dynamic_code" in read(source, "python").flags


@pytest.mark.parametrize(
    ("language", "code", "command"),
    [
        ("python", "import shutil\nshutil.rmtree('out')", ("rm", "-rf", "--", "out")),
        ("python", "import os\nos.remove(os.path.join('out', 'a b'))", ("rm", "-f", "--", "out/a b")),
        ("python", "from pathlib import Path\nPath('out/a').unlink()", ("rm", "-f", "--", "out/a")),
        ("javascript", "require('fs').rmSync('dist', {recursive: true})", ("rm", "-rf", "--", "dist")),
        ("javascript", "require('fs').unlinkSync('-rf')", ("rm", "-f", "--", "-rf")),
        ("ruby", "FileUtils.rm_rf('out')", ("rm", "-rf", "--", "out")),
    ],
)
def test_what_a_program_removes_by_a_known_name_is_a_command(
    language: str, code: str, command: tuple[str, ...]
) -> None:
    found = extract(ToolCall(tool="run_code", arguments={"language": language, "code": code}), None, 0)
    assert [each.argv for each in found.commands] == [command]
    assert not any("computed_delete" in fact.flags for fact in found.code)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "import os, sys\nos.remove(sys.argv[1])"),
        ("python", "import os\nfor n in os.listdir('out'):\n    os.remove('out/' + n)"),
        ("javascript", "require('fs').rmSync(process.argv[2])"),
        ("ruby", "FileUtils.rm_rf(ARGV[0])"),
    ],
)
def test_what_it_removes_by_a_computed_name_is_not_known(language: str, code: str) -> None:
    found = extract(ToolCall(tool="run_code", arguments={"language": language, "code": code}), None, 0)
    assert any("computed_delete" in fact.flags for fact in found.code)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        (
            "python",
            "import os, sqlite3\nsqlite3.connect(os.environ['LOCALAPPDATA'] + '/Chrome/Default/Login Data')",
        ),
        ("javascript", "require('fs').readdirSync(process.env.APPDATA + '/discord/Local Storage/leveldb')"),
    ],
)
def test_a_store_of_passwords_below_a_folder_of_the_environment_is_known(language: str, code: str) -> None:
    found = extract(ToolCall(tool="run_code", arguments={"language": language, "code": code}), None, 0)
    assert any("sensitive_read" in fact.flags for fact in found.code)
