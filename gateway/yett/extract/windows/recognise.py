"""Which texts are Windows command lines, and of which dialect.

`looks_like` decides whether an undeclared or a plain "command" text is read as Windows or as POSIX. It asks for what
only Windows has where a command stands: `.exe`, its own program names, cmdlets in Verb-Noun form, .NET types, drive
and registry paths. One RE2 match each.
"""

from __future__ import annotations

from yett.extract.patterns import pattern, probe

MAX_LENGTH = 16_384

_VERBS = (
    "add approve assert backup block build checkpoint clear close compare complete compress confirm connect convert convertfrom convertto copy debug deny "
    "disable disconnect dismount edit enable enter exit expand export find foreach format get grant group hide import initialize install invoke join limit lock "
    "measure merge mount move new open optimize out ping pop protect publish push read receive redo register remove rename repair request reset resize "
    "resolve restart restore resume revoke save search select send set show skip sort split start step stop submit suspend switch sync tee test trace "
    "unblock undo uninstall unlock unprotect unpublish unregister update use wait watch where write"
)  # Get-Verb, PowerShell 7.4, and the few common ones outside it
_VERB = "|".join(_VERBS.split())
_CAPITAL_VERB = "|".join(verb.capitalize() for verb in _VERBS.split()) + "|ConvertTo|ConvertFrom|ForEach"
_START = r"(?:^|[\n;|({&=@])[\s\"']*"
"""Where a command stands."""
_NOUNS = (
    "item\\w*|childitem|content|process|service|object|expression|webrequest|restmethod|command|module|host|output|wmi\\w+|cim\\w+|scheduled\\w+|localuser|"
    "localgroup\\w*|mppreference|net\\w+|aduser|psdrive|pssession|location|date|eventlog|winevent|acl|archive|csv|json|bits\\w+|clipboard|executionpolicy|"
    "variable|string|job|computer|sleep|smb\\w+|mailmessage|securestring|null|type|volume|disk|vm|history|credential|hotfix|member|alias|psreadlineoption"
)
_PROGRAMS = (
    "rundll32|regsvr32|mshta|wscript|cscript|msiexec|vssadmin|bcdedit|wevtutil|icacls|cacls|takeown|taskkill|tasklist|nltest|fsutil|wbadmin|powershell|pwsh|diskpart|cmdkey|"
    "gpupdate|gpresult|gpscript|chkdsk|setx|auditpol|dism|quser|schtasks|wmic|netsh|bitsadmin|forfiles|ntdsutil|vaultcmd|rpcping|esentutl|infdefaultinstall|"
    "wuauclt|conhost|sysmon|mavinject|odbcconf|cmstp|pcalua|installutil|regasm|regsvcs|msbuild|diskshadow|reagentc|sdbinst|mofcomp|secedit|appcmd|pnputil|fltmc|setspn|"
    "dsquery|dsget|dsadd|dsmod|csvde|ldifde|tscon|qwinsta|winrm|winrs|makecab|extrac32|psexec|procdump|certreq|xcopy|robocopy|ipconfig|systeminfo|driverquery|wusa|pktmon|"
    "logman|slmgr|w32tm|powercfg|mstsc|csc|vbc|hh|mmc|regedit|regini|syskey|manage-bde|cmdl32|wsreset|fodhelper|sdclt|eventvwr|runas|subst|mklink|shutdown\\s+[/-][srlaf]"
)
_WITH_ARGUMENTS = (
    r"certutil(?:\.exe)?\s+[-/][a-z]{3}|set\s+\w+=[\"']?[a-z]:\\|reg\s+(?:add|query|delete|save|export|import|copy|load|unload|restore|compare|flags)\s|sc\s+(?:\\\\\S+\s+)?(?:create|config|stop|start|delete|query\w*|sdset|failure|qc)\s|"
    r"net1?\s+(?:user|localgroup|group|stop|start|share|use|view|accounts|session|config|time|computer|file|statistics)\b|cmd\s*/[ckrqvsadeu](?:\s|$|:)|cmd\s*<|attrib\s+[+-]|cipher\s+/|assoc\s+\.|ftype\s+\w+=|"
    r"finger\s+\S*@|del\s+(?:/|[a-z]:\\|%)|erase\s+/|rd\s+/|rmdir\s+/|dir\s+(?:/|[a-z]:\\)|copy\s+(?:/|[a-z]:\\|\")|move\s+(?:/|[a-z]:\\)|type\s+[a-z]:\\|start\s+(?:/|\"|[a-z]:\\|\w+\.\w{3}\b)|sfc\s+/|"
    r"where\s+/|nslookup\s+-|query\s+(?:user|session|process)|cd\s+(?:/d\b|[a-z]:\\)|md\s+[a-z%]:?|mkdir\s+[a-z]:\\|at\s+\\\\|at\s+\d+:\d+\s+/|format\s+[a-z]:|label\s+[a-z]:|vol\s+[a-z]:|"
    r"timeout\s+/|choice\s+/|find\s+/[civn]\s+[\"']|findstr\s|tree\s+(?:/|[a-z]:\\)|print\s+/|expand\s+\S+\s+-f|replace\s+\S+\\|route\s+print|arp\s+-a\s+>|expand\s+\\\\|pushd\s+\\\\|call\s+:|rem\s|"
    r"iex\s*[('\"$]|iex\s+\w|iwr\s|irm\s|gci\b|gwmi\s|gcim\s|@?echo\s+off|setlocal\b|if\s+(?:not\s+)?exist\s|if\s+(?:not\s+)?\"?%|for\s+/[flrd]\b|for\s+%%?\w\s+in|set\s+/[ap]\s|sal\s"
)
_VARIABLES = (
    "temp|tmp|appdata|localappdata|userprofile|programfiles|programfiles\\(x86\\)|programdata|systemroot|windir|comspec|public|systemdrive|username|computername|userdomain|logonserver|"
    "userdnsdomain|homepath|homedrive|allusersprofile"
)
_LOOKS = probe(
    "|".join(
        (
            rf"(?i:{_START}(?:[^\s\"'<>|;]*[\\/])?[\w.-]+\.exe[\"']?(?:[\s<>|&;)]|$))",
            rf"(?i:{_START}(?:[a-z]:\\|%\w+%\\))",
            rf"(?i:{_START}(?:{_PROGRAMS})(?:\.(?:exe|msc|vbs|com))?(?:[\s<>|&;]|$))",
            rf"(?i:{_START}(?:{_WITH_ARGUMENTS}))",
            r"(?i:\[(?:type|ref|char(?:\[\])?|string|void|byte\[\]|xml|adsi|wmi\w*|convert|reflection\.\w+|system\.[\w.]+|net\.[\w.]+|io\.[\w.]+|text\.[\w.]+)\](?:::|\.|\(|\s*['\"(]))",
            r"(?i:\[[a-z][\w.]*(?:\[\])?\]::[a-z])|(?i:\bnew-object\s+(?:-\w+\s+)?[a-z][\w.]+)",
            rf"(?:^|[\s;|({{&=!'\"])(?:{_CAPITAL_VERB})-[A-Z][A-Za-z0-9]+(?:[\s;|)}}(,'\"]|$)",
            rf"(?i:{_START}(?:{_VERB})-(?:{_NOUNS})(?:[\s;|)}}]|$))",
            rf"(?i:%(?:{_VARIABLES})(?::[^%\s]*)?%)",
            r"(?i:\$env:[a-z]\w+|\$(?:psversiontable|psscriptroot|erroractionpreference|lastexitcode|myinvocation|pscmdlet)\b)|(?i:\b(?:hklm|hkcu|hkcr|hku):\\)|(?i:>\s*nul\b)|(?i:registry::hk)",
            r"(?m:^\s*\.\\[\w\\.-]+)|(?m:^\s*&\s*[\"'][a-zA-Z]:\\)",
        )
    )
)
_POWERSHELL = pattern(
    rf"(?im)(?:^|[\s;|({{&=!])(?:{_VERB}|foreach)-[a-z]\w+|(?im)(?:^|[\s;|({{&=])(?:iex|iwr|irm|gwmi|gcim|ipmo|gci|sls|sal|nal|sv|saps|gcm|icm|gsv|spsv|sasv|gps|spps)\b"
    r"|(?i)\bfunction\s+[\w:-]+\s*[({]|(?m)(?:^|;)\s*[&.]\s*[\"'‘’“”$({]|(?im)^\s*[a-z][\w.-]*(?:'[\w.-]*'|`[a-z])|`\r?\n|(?im)^\s*\{"
    r"|(?i)\b(?:try|do|else|finally|catch|trap|begin|process|end|switch|while|until|foreach|for|if|param|parallel)\s*(?:\([^)]*\))?\s*\{"
    r"|(?i)(?:^|[\s;|({&=,+\"!])\$(?:env:|\(|\{|_\b|[a-z_]\w*[\s.=:\[+;)|,-])|(?i)\[[a-z][\w.]*(?:\[\])?\](?:::|\s*[\"'$(])|@\(|@\{|(?i)\|\s*(?:%|\?)\s*\{"
    r"|(?i)[a-z]`[a-z]|(?i)\|\s*(?:iex|select|where|foreach|ft|fl)\b|(?i)\s-(?:eq|ne|like|match|replace|join)\s+['\"$]|['\"]\s*-f\s|<#"
)


def looks_like(text: str) -> bool:
    """Whether a text is a Windows command line or script rather than a POSIX one. One RE2 match."""
    return bool(_LOOKS.search(text[:MAX_LENGTH].encode("utf-8", "replace")))


def dialect(source: str) -> str:
    """`powershell` or `cmd`, by what only one of them has; cmd if neither shows."""
    return "powershell" if _POWERSHELL.search(source) else "cmd"


_WORD_BEHIND = pattern(r";\s*[A-Za-z][\w.-]*(?:[\s;|&]|$)")
_PATH_BEHIND = pattern(r"(?i);\s*(?:[a-z]:|\.{0,2})\\")
_LISTS_FOLDERS = pattern(r"(?im)^\s*@?(?:set|setx|path)\b")


def goes_on(source: str) -> bool:
    """Whether a command stands behind a `;`, a blank to cmd and the end of a command to PowerShell."""
    return ";" in source and (
        bool(_WORD_BEHIND.search(source))
        or (bool(_PATH_BEHIND.search(source)) and not _LISTS_FOLDERS.search(source))
    )
