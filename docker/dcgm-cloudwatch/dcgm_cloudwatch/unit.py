"""The systemd unit of a head node: https://www.freedesktop.org/software/systemd/man/systemd.exec.html."""

from __future__ import annotations

NAME = "dcgm-cloudwatch-exporter.service"
TEXT = """\
[Unit]
Description=GPU metrics from Prometheus to CloudWatch
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={python} -I {archive} --settings {settings} run
Restart=always
RestartSec=5
WatchdogSec=180
TimeoutStopSec=15
KillSignal=SIGTERM
# A user of its own, whom nobody can log in as, and who owns nothing but its state
DynamicUser=yes
User=dcgm-cloudwatch
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
    return TEXT.format(python=python, archive=archive, settings=settings)
