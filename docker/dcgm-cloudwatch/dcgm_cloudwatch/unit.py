"""The systemd unit of a head node: https://www.freedesktop.org/software/systemd/man/systemd.exec.html."""

from __future__ import annotations

NAME = "dcgm-cloudwatch-exporter.service"
USER = "dcgm-cloudwatch"
IMDS_ACCESS = "/opt/parallelcluster/scripts/imds/imds-access.sh"
# Head nodes refuse the instance's credentials to all but a few users, by their ids, unless HeadNode/Imds/Secured is
# false: https://docs.aws.amazon.com/parallelcluster/latest/ug/HeadNode-v3.html#HeadNode-v3-Imds. There the script must
# not be run, for whatever it is asked for, it refuses them to all others from then on, root among them.
GUARDED = (
    "if test -x {script} && iptables -w -C PARALLELCLUSTER_IMDS --destination 169.254.169.254 -j REJECT 2>/dev/null; "
    "then {script} --{verb} {user}; fi"
)
COMMAND = """\
#!/bin/sh
# Runs the exporter as the service does: as its user, who owns what is kept, and by its interpreter, which has the SDK.
case " $* " in
*" run "* | *" once "* | *" check "*) user={user} ;;
*" install "* | *" uninstall "*) user=root ;;
*) user=$(id -un) ;;
esac
if test "$(id -un)" = "$user"; then
    exec {python} -I {archive} "$@"
elif test "$(id -u)" = 0; then
    exec runuser -u "$user" -- {python} -I {archive} "$@"
fi
exec sudo -u "$user" {python} -I {archive} "$@"
"""
TEXT = """\
[Unit]
Description=GPU metrics from Prometheus to CloudWatch
Wants=network-online.target
# ParallelCluster's, which puts back who may have the instance's credentials
After=network-online.target parallelcluster-iptables.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStartPre=+/bin/sh -c '{imds}'
ExecStart={python} -I {archive} --settings {settings} run
Restart=always
RestartSec=5
WatchdogSec=180
TimeoutStopSec=15
KillSignal=SIGTERM
# A user of its own, whom nobody can log in as, and who owns nothing but its state; always of the same id
User={user}
StateDirectory=dcgm-cloudwatch
UMask=0077
MemoryMax=1G
CapabilityBoundingSet=
NoNewPrivileges=yes
LockPersonality=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def text(python: str, archive: str, settings: str) -> str:
    """Return the unit that runs an archive with an interpreter."""
    return TEXT.format(python=python, archive=archive, settings=settings, user=USER, imds=imds("allow"))


def command(python: str, archive: str) -> str:
    """Return the command that people type."""
    return COMMAND.format(python=python, archive=archive, user=USER)


def imds(verb: str) -> str:
    """Return what a shell runs to `allow` the user the instance's credentials, or to `unset` that."""
    return GUARDED.format(script=IMDS_ACCESS, verb=verb, user=USER)
