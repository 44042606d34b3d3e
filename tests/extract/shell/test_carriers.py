"""Programs that carry other programs: whatever the way round, `touch /tmp/F` is found.

The ways are those that GTFOBins, manuals and shell documentation describe; none is special to a test.
"""

from __future__ import annotations

import pytest

from yett.extract import shell
from yett.extract.budget import Budget

CARRIERS = [
    "=touch /tmp/F",
    "repeat 3 touch /tmp/F",
    "- touch /tmp/F",
    "and touch /tmp/F",
    "emulate sh -c 'touch /tmp/F'",
    "parallel ::: 'touch /tmp/F'",
    "parallel '{} /tmp/F' ::: ls touch",
    "echo touch /tmp/F | parallel",
    "printf 'touch\\0/tmp/F' | xargs -0 env",
    "dotenv -f .env run -- touch /tmp/F",
    "doppler run -- touch /tmp/F",
    "op run --env-file=.env -- touch /tmp/F",
    "aws-vault exec prod -- touch /tmp/F",
    "conda run -n base touch /tmp/F",
    "pyenv exec touch /tmp/F",
    "nvm exec 18 touch /tmp/F",
    "pnpm exec touch /tmp/F",
    "watchexec -w src -- touch /tmp/F",
    "fzf --preview 'touch /tmp/F'",
    "printf 'BEGIN { system(\"touch /tmp/F\") }' > a.awk; awk -f a.awk x",
    "echo '1e touch /tmp/F' > a.sed; sed -f a.sed x",
    "echo '\"$@\"' > x.sh; sh x.sh touch /tmp/F",
    "cpulimit -l 100 -f touch /tmp/F",
    "logsave /dev/null touch /tmp/F",
    "rlwrap touch /tmp/F",
    "ssh-agent touch /tmp/F",
    "mail --exec='!touch /tmp/F'",
    "mysql -e '\\! touch /tmp/F'",
    "rpm --eval '%(touch /tmp/F 1>&2)'",
    "restic --password-command='touch /tmp/F' backup",
    "smbclient '//h/s' -c '!touch /tmp/F'",
    "lftp -c '!touch /tmp/F'",
    "ansible localhost -m shell -a 'touch /tmp/F'",
    "salt '*' cmd.run 'touch /tmp/F'",
    "adb shell touch /tmp/F",
    "vagrant ssh -c 'touch /tmp/F'",
    "lxc exec c -- touch /tmp/F",
    "sg root -c 'touch /tmp/F'",
    "nodemon --exec 'touch /tmp/F'",
    "concurrently 'touch /tmp/F' ls",
    "cross-env A=1 touch /tmp/F",
    "systemd-cat touch /tmp/F",
    "numactl -N 0 touch /tmp/F",
    "cgexec -g cpu:x touch /tmp/F",
    "csh -c 'touch /tmp/F'",
    "tcsh -c 'touch /tmp/F'",
    "firejail --noprofile touch /tmp/F",
    "bwrap --bind / / touch /tmp/F",
    "proot touch /tmp/F",
    "daemonize touch /tmp/F",
    "pdsh -w h touch /tmp/F",
    "ip netns exec foo touch /tmp/F",
    "unshare -r touch /tmp/F",
    "nsenter -t 1 -m touch /tmp/F",
    "capsh -- -c 'touch /tmp/F'",
    "gdb -ex '!touch /tmp/F'",
    "git -c pager.log='touch /tmp/F' log",
    "man -H'touch /tmp/F' ls",
    "less -o /tmp/F /etc/hosts",
    "sqlite3 /dev/null '.shell touch /tmp/F'",
    "zip /tmp/x.zip /etc/hosts -T --unzip-command='sh -c touch /tmp/F'",
    "rsync -e 'sh -c \"touch /tmp/F\"' 127.0.0.1:/dev/null",
    "scp -o ProxyCommand='touch /tmp/F' x y:",
    "sftp -o ProxyCommand='touch /tmp/F' h",
    "ssh -o LocalCommand='touch /tmp/F' -o PermitLocalCommand=yes h",
    "tar --to-command='touch /tmp/F' -xf x.tar",
    "tar xf x.tar -I 'sh -c touch\\ /tmp/F'",
    "find . -exec sh -c 'touch /tmp/F' \\;",
    "find . -ok touch /tmp/F \\;",
    "xargs -a /dev/null touch /tmp/F",
    "parallel touch ::: /tmp/F",
    "env touch /tmp/F",
    "env -S 'touch /tmp/F'",
    "entr touch /tmp/F",
    "watch touch /tmp/F",
    "timeout 1 touch /tmp/F",
    "ionice -c 3 touch /tmp/F",
    "chrt -f 1 touch /tmp/F",
    "stdbuf -oL touch /tmp/F",
    "setarch x86_64 touch /tmp/F",
    "setarch -R touch /tmp/F",
    "start-stop-daemon -S -x /usr/bin/touch -- /tmp/F",
    "script -qc 'touch /tmp/F' /dev/null",
    "screen -dm touch /tmp/F",
    "tmux new -d 'touch /tmp/F'",
    "at now <<< 'touch /tmp/F'",
    "vim -c ':!touch /tmp/F'",
    "vim '+:!touch /tmp/F'",
    "ed <<< '!touch /tmp/F'",
    "ex -c '!touch /tmp/F'",
    "awk 'BEGIN{system(\"touch /tmp/F\")}'",
    "gawk 'BEGIN{\"touch /tmp/F\"|getline}'",
    "sed '1e touch /tmp/F' x",
    "dd of=/tmp/F",
    "split --filter='touch /tmp/F' x",
    "busybox sh -c 'touch /tmp/F'",
    "docker run -v /:/m alpine touch /m/F",
    "kubectl run x --image=a -- touch /tmp/F",
    "npm exec -c 'touch /tmp/F'",
    "npx -c 'touch /tmp/F'",
    "uv run touch /tmp/F",
    "nix-shell --run 'touch /tmp/F'",
    "direnv exec . touch /tmp/F",
    "flock -c 'touch /tmp/F' /tmp/l",
    "flock /tmp/l -c 'touch /tmp/F'",
    "su -c 'touch /tmp/F'",
    "runuser -u x -- touch /tmp/F",
    "runuser -c 'touch /tmp/F' x",
    "chroot / touch /tmp/F",
    "crontab - <<< '* * * * * touch /tmp/F'",
    "systemd-run touch /tmp/F",
    "command -p touch /tmp/F",
    "nice touch /tmp/F",
    "nohup touch /tmp/F",
    "setsid touch /tmp/F",
    "time -f %e touch /tmp/F",
    "doas touch /tmp/F",
    "coproc X { touch /tmp/F; }",
    "exec touch /tmp/F",
    "bash -O extglob -c 'touch /tmp/F'",
    "bash --init-file <(echo 'touch /tmp/F') -i",
    "sh -xec 'touch /tmp/F'",
    "dash -c 'touch /tmp/F'",
    "mapfile -C 'touch /tmp/F #' -c 1 a < /etc/hosts",
    "printf -v 'a[$(touch /tmp/F)]' x",
    "[[ -v 'a[$(touch /tmp/F)]' ]]",
    "declare -i x='a[$(touch /tmp/F)]'",
    "let 'a[$(touch /tmp/F)]=1'",
    "unset 'a[$(touch /tmp/F)]'",
    "read 'a[$(touch /tmp/F)]' <<< x",
    "echo ${a:$(touch /tmp/F)}",
    "a=([$(touch /tmp/F)]=1)",
    "${x:=touch} /tmp/F",
    "complete -C 'touch /tmp/F' x",
    "trap 'touch /tmp/F' DEBUG",
]


@pytest.mark.parametrize("source", CARRIERS)
def test_the_carried_command_is_found(source: str) -> None:
    commands = shell.analyse(source, "/command", budget=Budget(milliseconds=20_000)).commands
    assert any(c.program == "touch" or "/tmp/F" in c.writes for c in commands), commands


@pytest.mark.parametrize("source", CARRIERS)
def test_a_carried_command_is_not_mistaken_for_its_carrier_alone(source: str) -> None:
    """A rule that allows only the carrier must see more than the carrier, or its write."""
    result = shell.analyse(source, "/command", budget=Budget(milliseconds=20_000))
    effects = {effect for c in result.commands for effect in c.effects}
    assert effects & {"write", "exec"}


@pytest.mark.parametrize(
    "source", ["env -C /etc cat shadow", "env --chdir=/etc sh -c 'cat shadow'", "sudo -D /etc cat shadow"]
)
def test_a_wrapper_that_changes_the_folder_takes_its_program_there(source: str) -> None:
    assert "/etc/shadow" in shell.analyse(source, "/command").commands[-1].reads
