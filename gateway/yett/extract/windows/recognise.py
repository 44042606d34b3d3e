"""Which texts are Windows command lines, and of which dialect."""

from __future__ import annotations

import re2

MAX_LENGTH = 16_384

_POWERSHELL = re2.compile(
    r"(?im)(?:^|[\s;|({&=])(?:(?:get|set|new|add|remove|invoke|start|stop|import|export|out|write|copy|move|clear|enable|disable|install|register|unregister|connect|convertto|convertfrom|test|select|where|foreach|sort|format|rename|expand|compress|send|resolve|join|split|update|mount|dismount|restart|resume|suspend|wait|receive|enter|exit|uninstall|measure|compare|push|pop|group|tee|read|debug|trace|unblock|save|find|publish|show|limit|grant|revoke|reset|restore|checkpoint|complete|confirm|deny|block|initialize|open|close|lock|unlock|merge|optimize|protect|unprotect|repair|request|search|submit|switch|sync|undo|use|watch|approve|assert|backup|build|edit)-[a-z]\w+"
    r"|iex\b|iwr\b|irm\b|gwmi\b|gcim\b|ipmo\b)|(?:^|[\s;|({&=,+\"])\$(?:env:|\(|\{|[a-z_]\w*[\s.=:\[+;)|,-])|\[[a-z][\w.]*(?:\[\])?\]::|@\(|@\{|\|\s*%\s*\{|\|\s*(?:iex|out-|select|where|foreach|ft|fl|\?\s*\{)|^\s*&\s*[\"'(${]|-(?:eq|ne|like|match|replace|join)\s+['\"$]|['\"]\s*-f\s|<#|^\s*\.\s+['\"$]"
)
_LOOKS = re2.compile(
    r"(?i)(?:^|[\s;|({&\"'@])(?:[a-z]:\\[^:*?\"<>|\r\n]*\\)?(?:powershell|pwsh|cmd|reg|schtasks|wmic|netsh|sc|certutil|bitsadmin|rundll32|regsvr32|mshta|wscript|cscript|msiexec|vssadmin|bcdedit|wevtutil|icacls|takeown|attrib|taskkill|tasklist|net1?|nltest|whoami|systeminfo|ipconfig|fsutil|diskshadow|wbadmin|esentutl|ntdsutil|procdump|psexec|cmdkey|vaultcmd|auditpol|sdbinst|installutil|msbuild|csc|forfiles|robocopy|xcopy|gpupdate|gpresult|dism|pnputil|fltmc|setspn|klist|dsquery|query|quser|tscon|winrm|winrs|makecab|expand|mavinject|cipher|reagentc|appcmd|odbcconf|cmstp|hh|mofcomp|logman|pktmon|sfc|chkdsk|diskpart|shutdown)(?:\.exe)(?:[\s\"'^]|$)"
    r"|(?i)^\s*(?:reg\s+(?:add|query|delete|save|export|import|copy|load)\s|schtasks\s+/|wmic\s+\w|netsh\s+\w+\s|sc\s+(?:\\\\\S+\s+)?(?:create|config|stop|start|delete|query\w*|sdset|failure)\s|certutil\s+[-/]|bitsadmin\s+/|rundll32\s+\S|regsvr32\s|mshta\s|wscript\s|cscript\s|msiexec\s|vssadmin\s|bcdedit(?:\s+/|$)|wevtutil\s|icacls\s|takeown\s|attrib\s+[+-]|taskkill\s+/|tasklist\b|net1?\s+(?:user|localgroup|group|stop|start|share|use|view|accounts|session|config)\b|nltest\s+/|ipconfig\b|fsutil\s|wbadmin\s|powershell\s|pwsh\s|cmd\s*/|diskpart\b|cmdkey\s+/|forfiles\s+/|del\s+/|rd\s+/|rmdir\s+/|dir\s+/|copy\s+/|xcopy\s|robocopy\s|type\s+[a-z]:\\|start\s+/|shutdown\s+/|gpupdate\b|sfc\s+/|chkdsk\s|net\.exe\s|setx\s|where\s+/|auditpol\s+/|cipher\s+/|dism\s+/|nslookup\s+-|query\s+(?:user|session)|quser\b|iex\s*[('\"$]|@echo\s+off)"
    r"|(?i)\[[a-z][\w.]*(?:\[\])?\]::[a-z]|(?i)\bnew-object\s+[\w.-]|(?i)(?:^|[\s;|({&=])(?:get|set|new|add|remove|invoke|start|stop|import|export|out|write|copy|move|clear|enable|disable|install|register|unregister|convertto|convertfrom|test|select|where|foreach|rename|expand|compress|send|restart|uninstall|mount|connect)-(?:item\w*|childitem|content|process|service|object|expression|webrequest|restmethod|command|module|file|host|output|wmi\w+|cim\w+|scheduled\w+|localuser|localgroup\w*|mppreference|net\w+|ad\w+|psdrive|pssession|path|location|date|eventlog|winevent|acl|archive|csv|json|bits\w+|clipboard|executionpolicy|variable|string|job|computer|sleep|smb\w+|mailmessage|securestring|azure\w+|exchange\w*|diskimage|windows\w+|appx\w+|null|type|printer|volume|disk|partition|vm\w*|psremoting|history|credential|hotfix|random|guid|culture|help|member|alias)\b"
    r"|(?i)%(?:temp|tmp|appdata|localappdata|userprofile|programfiles|programdata|systemroot|windir|comspec|public|systemdrive|username|computername|userdomain|logonserver|userdnsdomain|homepath|allusersprofile)(?::[^%\s]*)?%|(?i)\$env:[a-z]\w+|(?i)\b(?:hklm|hkcu|hkcr|hku):?\\|(?i)\bhkey_(?:local_machine|current_user|classes_root|users)\b"
)


def looks_like(text: str) -> bool:
    """Whether a text is a Windows command line or script rather than a POSIX one. One RE2 match."""
    return bool(_LOOKS.search(text[:MAX_LENGTH]))


def dialect(source: str) -> str:
    """`powershell` or `cmd`, by what only one of them has; cmd if neither shows."""
    return "powershell" if _POWERSHELL.search(source) else "cmd"
