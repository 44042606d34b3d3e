"""What administrators and developers type on Windows all day must carry no flag that says otherwise."""

from __future__ import annotations

import pytest

from yett.extract import windows
from yett.extract.budget import Budget

HONEST = [
    r"dir C:\work", r"dir /s /b *.py", r"cd /d D:\projects\app && git status", r"type README.md", r"type C:\work\notes.txt | findstr TODO", r"copy /y build\app.dll dist\ ",
    r"xcopy /e /i src dest", r"robocopy C:\work D:\backup\work /MIR /R:2 /W:5", r"mkdir C:\work\new", r"md build", r"rd /s /q build", r"del /q *.tmp", r"del /f /q C:\work\out\*.log",
    r"move a.txt b.txt", r"ren old.txt new.txt", r"echo hello > out.txt", r"echo %PATH%", r"set PATH=%PATH%;C:\tools", r"set /a x=1+2", r"where python", r"where /r C:\work *.sln",
    'tasklist /fi "imagename eq node.exe"', r"taskkill /im node.exe /f", r"taskkill /pid 4242", r"ipconfig /all", r"ipconfig /flushdns", r"ping -n 3 example.com",
    r"tracert example.com", r"nslookup example.com", r"netstat -ano | findstr :8080", r"systeminfo", r"hostname", r"ver", r"whoami", r"net use", r"net view", r"net start", r"net statistics workstation",
    r"sc query wuauserv", r"sc qc MyApp", r"schtasks /query /fo list", r"reg query HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion /v ProgramFilesDir", r"wmic os get caption", r"wmic cpu get name",
    r"wmic logicaldisk get size,freespace,caption", r"fsutil volume diskfree C:", r"chkdsk C:", r"sfc /verifyonly", r"dism /online /get-features", r"powercfg /batteryreport", r"gpresult /r", r"gpupdate /force",
    r"certutil -hashfile app.exe SHA256", r"certutil -dump cert.cer", r"netsh interface ip show config", r"netsh wlan show interfaces", r"netsh advfirewall show allprofiles", r"icacls C:\work", r"attrib readme.txt",
    r"attrib -r file.txt", r"tree /f", r"more < log.txt", r"sort names.txt", r"fc a.txt b.txt", r"comp a b", 'find /c "x" log.txt', 'findstr /s /i "timeout" *.config',
    r"for %f in (*.txt) do echo %f", r"for /l %i in (1,1,5) do @echo %i", r"if exist build rd /s /q build", r"if not exist out mkdir out", r"@echo off", r"setlocal enabledelayedexpansion",
    r"call build.bat release", r"start notepad readme.txt", 'start "" https://example.com/docs', r"timeout /t 5", r"shutdown /a", r"curl https://api.example.com/v1/items",
    r"curl -o data.json https://api.example.com/data.json", r"devenv MyApp.sln /build Release", r"dotnet build -c Release", r"dotnet test", r"nuget restore MyApp.sln",
    r"npm install && npm test", r"python -m pytest -q", r"py -3.11 -m venv .venv", r".venv\Scripts\activate", r"pip install -r requirements.txt", 'git commit -m "fix: it\'s done"',
    r"docker ps -a", r"docker compose up -d", r"kubectl get pods -A", r"cmake -S . -B build", r"choco install nodejs", r"winget list", r"code .", r"tar -xf archive.zip", r"ssh user@server.example.com uptime",
    r"Get-ChildItem", r"Get-ChildItem -Path C:\work -Recurse -Filter *.cs", r"gci *.log | Sort-Object Length -Descending | Select-Object -First 10", r"Get-Content .\app.log -Tail 50", r"Get-Content a.txt | Select-String error",
    r"Set-Content -Path out.txt -Value 'hello'", 'Add-Content log.txt "$(Get-Date) done"', r"New-Item -ItemType Directory -Path .\build -Force", r"Remove-Item .\build -Recurse -Force", r"Copy-Item .\a .\b -Recurse",
    r"Move-Item a.txt archive\ ", r"Rename-Item a.txt b.txt", r"Test-Path C:\work\app.json", r"Join-Path $HOME 'work'", r"Get-Process | Where-Object { $_.CPU -gt 10 }", r"Get-Process node | Stop-Process", r"Stop-Process -Id 4242",
    r"Get-Service | Where-Object Status -eq 'Running'", r"Get-Service -Name Spooler", r"Restart-Service -Name MyApp", r"Start-Service MyApp", r"Get-EventLog -LogName Application -Newest 20", r"Get-WinEvent -LogName System -MaxEvents 10",
    r"Get-Date -Format yyyy-MM-dd", r"$x = 1..10 | ForEach-Object { $_ * 2 }; $x", r"$env:PATH -split ';'", r"$env:NODE_ENV = 'production'; npm run build", 'Write-Host "Build finished" -ForegroundColor Green',
    r"Measure-Command { dotnet build }", r"Get-NetIPAddress -AddressFamily IPv4", r"Test-Connection example.com -Count 2", r"Test-NetConnection example.com -Port 443", r"Resolve-DnsName example.com",
    r"Invoke-RestMethod -Uri https://api.example.com/v1/items", r"Invoke-WebRequest -Uri https://example.com/data.csv -OutFile data.csv", r"(Invoke-WebRequest https://example.com).StatusCode", r"Get-FileHash app.exe -Algorithm SHA256",
    r"Compress-Archive -Path .\dist -DestinationPath dist.zip", r"Expand-Archive dist.zip -DestinationPath out", r"Import-Csv users.csv | Where-Object Active -eq 'yes' | Export-Csv active.csv -NoTypeInformation",
    r"Get-ADUser -Filter * | Select-Object Name", r"Get-LocalUser", r"Get-HotFix | Sort-Object InstalledOn", r"Get-ComputerInfo", r"Get-Volume", r"Get-PSDrive", r"Get-Help Get-Item -Examples", r"Get-Command *json*",
    r"Get-Module -ListAvailable", r"Import-Module ActiveDirectory", r"Install-Module -Name Pester -Scope CurrentUser", r"$PSVersionTable", r"[math]::Round(3.14159, 2)", r"[datetime]::Now.AddDays(-7)", r"'{0:N2}' -f 3.14159",
    r"[Environment]::GetEnvironmentVariable('PATH')", r"ConvertTo-Json @{ a = 1; b = 2 }", r"Get-Content config.json | ConvertFrom-Json | Select-Object -ExpandProperty name", r"try { npm test } catch { Write-Error $_; exit 1 }",
    r"foreach ($f in Get-ChildItem *.md) { (Get-Content $f) -replace 'foo','bar' | Set-Content $f }", r"function Add($a, $b) { return $a + $b }; Add 1 2", r"if (Test-Path out) { Remove-Item out -Recurse }", r"& 'C:\Program Files\Git\bin\git.exe' status",
    r"& dotnet publish -c Release -o out", r"Start-Process notepad -ArgumentList readme.txt -Wait", r"Get-WmiObject Win32_OperatingSystem | Select-Object Caption", r"Get-CimInstance Win32_LogicalDisk", 'powershell -Command "Get-Date"',
    r"pwsh -NoProfile -File build.ps1", r"powershell -File .\scripts\test.ps1 -Verbose", r"cmd /c dir", 'cmd /c "npm run build && npm test"', r"Get-Acl C:\work | Format-List", r"Set-Location C:\work; git pull", r"git log --oneline | Select-Object -First 5",
    r"Write-Output (Get-Location).Path", r"Start-Sleep -Seconds 5", r"Get-Random -Maximum 10", r"Tee-Object -FilePath log.txt -InputObject 'x'", r"Clear-Host", r"Split-Path $PSScriptRoot -Parent", r"Get-Printer", r"Get-Disk | Format-Table",
    r"Stop-Service -Name spooler", r"net stop spooler && net start spooler", r"schtasks /run /tn Backup", r"fsutil file createnew test.bin 1048576", r"cscript //nologo build.vbs release",
    'forfiles /p c:\\logs /m *.log /d -30 /c "cmd /c del @file"', r"msiexec /i node-v20.msi /qn", r"Set-ExecutionPolicy Bypass -Scope Process -Force; .\build.ps1",
    r". $PSScriptRoot\common.ps1", r'& "$PSScriptRoot\build.ps1" -Configuration Release', r"& (Join-Path $PSScriptRoot 'build.ps1')", r'& "${env:ProgramFiles(x86)}\Microsoft Visual Studio\Installer\vswhere.exe" -latest',
    r'$vs = "${env:ProgramFiles(x86)}\Microsoft Visual Studio\Installer\vswhere.exe"; $path = & $vs -latest -property installationPath', r"$msbuild = Join-Path $path 'MSBuild\Current\Bin\MSBuild.exe'; & $msbuild app.sln",
    r"$python = (Get-Command python).Source; & $python -m pytest tests", r"$exe = Resolve-Path .\bin\app.exe; & $exe --version", r"if (!$found) { throw 'none' }", r"Get-Name($file)",
    r"Invoke-Expression 'git status'", r'Invoke-Expression "git diff --numstat $from...$to"', r'$list = "go list -e $path"; $all = Invoke-Expression $list', r"$c = New-Object System.Management.Automation.PSCredential('ann', $secret)",
    r'$sh = New-Object -ComObject WScript.Shell; $l = $sh.CreateShortcut("$Home\Desktop\App.lnk"); $l.Save()', r"$x = New-Object -ComObject Excel.Application; $x.Workbooks.Open('C:\work\sales.xlsx')",
    r"Invoke-WebRequest -Uri https://dot.net/v1/dotnet-install.ps1 -OutFile dotnet-install.ps1", r"(New-Object Net.WebClient).DownloadFile('https://aka.ms/nugetclidl', \"$PWD\nuget.exe\")",
    r"iwr https://x.example/data.csv -OutFile data.csv; python load.py data.csv", r"(New-Object Net.Sockets.TcpClient).Connect('db.example.com', 5432)", r"(Get-Service Spooler).Stop()", r"cd HKCU:\Software\App; Get-ItemProperty .",
    r"Get-ChildItem *.exe | Where-Object { $_.LastWriteTime -gt '2005-10-01' }", r"$flags = ' -gcflags ' + '-N -l' + ' -v' + ' -race'; go build $flags", r"Invoke-Command -ScriptBlock { Get-Culture }",
]  # fmt: skip


@pytest.mark.parametrize("command", HONEST)
def test_everyday_commands_carry_no_hostile_flag(command: str, neutral: frozenset[str]) -> None:
    found = windows.analyse(command, "/c", budget=Budget())
    flags = frozenset().union(*(one.flags for one in found.commands if one.dialect in ("cmd", "powershell")))
    assert flags <= neutral, sorted(flags - neutral)
    assert not found.program.opaque


def test_there_are_enough_of_them() -> None:
    assert len(set(HONEST)) >= 150
