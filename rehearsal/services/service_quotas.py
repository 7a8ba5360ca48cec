"""Service Quotas: how much of EC2 and CodeBuild a new account may use, which the emulator does not know.

The defaults are AWS's own for a new account, so that no node with a GPU may start until somebody has asked for it:
https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.core.request import Request

from rehearsal.wire.call import Call, Handler, Refused

STANDARD = "(A, C, D, H, I, M, R, T, Z)"
# service -> code -> what it limits, and AWS's default; EC2 counts vCPUs, CodeBuild builds
DEFAULTS: Mapping[str, Mapping[str, tuple[str, float]]] = {
    "ec2": {
        "L-1216C47A": (f"Running On-Demand Standard {STANDARD} instances", 5.0),
        "L-34B43A08": (f"All Standard {STANDARD} Spot Instance Requests", 5.0),
        "L-DB2E81BA": ("Running On-Demand G and VT instances", 0.0),
        "L-3819A6DF": ("All G and VT Spot Instance Requests", 0.0),
        "L-417A185B": ("Running On-Demand P instances", 0.0),
        "L-7212CCBC": ("All P4, P3 and P2 Spot Instance Requests", 0.0),
        "L-C4BD4855": ("All P5 Spot Instance Requests", 0.0),
    },
    # https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html: 1 to 60, by account and region
    "codebuild": {
        "L-4DDC4A99": ("Concurrently running builds for Linux/Large environment", 1.0),
        "L-9D07B6EF": ("Concurrently running builds for Linux/Small environment", 1.0),
    },
}
Quotas = dict[tuple[str, str, str], float]  # by region, service and code


@dataclass
class ServiceQuotas:
    """What has been granted beyond the defaults. Whoever asks gets it at once, where AWS may take days or refuse."""

    granted: Quotas = field(default_factory=dict)

    def operations(self) -> dict[str, Handler]:
        """Return the handlers of Service Quotas; the rest is the emulator's."""
        return {
            "GetServiceQuota": lambda call: {"Quota": self._applied(call, *_asked(call))},
            "GetAWSDefaultServiceQuota": lambda call: {"Quota": _default(call, *_asked(call))},
            "ListServiceQuotas": self.quotas,
            "RequestServiceQuotaIncrease": self.increase,
        }

    def page(self, request: Request, _rest: str) -> list[str]:
        """Tell the quotas that were raised; DELETE makes the account a new one, which no AWS API does."""
        if request.method == "DELETE":
            self.granted.clear()
        return [
            f"{region} {service} {code}: {value:g}" for (region, service, code), value in list(self.granted.items())
        ]

    def quotas(self, call: Call) -> dict[str, Any]:
        """Return all of a service's quotas."""
        service = call.parameters["ServiceCode"]
        return {"Quotas": [self._applied(call, service, code) for code in _known(service)]}

    def increase(self, call: Call) -> dict[str, Any]:
        """Grant more than there is; Service Quotas takes no request for less."""
        service, code = _asked(call)
        wanted, quota = call.parameters["DesiredValue"], self._applied(call, service, code)
        if wanted <= quota["Value"]:
            raise Refused("IllegalArgumentException", "You must provide a quota value greater than the current value.")
        self.granted[call.region, service, code] = wanted
        names = {name: quota[name] for name in ("ServiceCode", "ServiceName", "QuotaCode", "QuotaName", "Unit")}
        return {"RequestedQuota": {**names, "Id": call.request_id, "DesiredValue": wanted, "Status": "APPROVED"}}

    def value(self, region: str, service: str, code: str) -> float:
        """Return what the account may use."""
        return self.granted.get((region, service, code), DEFAULTS[service][code][1])

    def _applied(self, call: Call, service: str, code: str) -> dict[str, Any]:
        return {**_default(call, service, code), "Value": self.value(call.region, service, code)}


def _asked(call: Call) -> tuple[str, str]:
    return call.parameters["ServiceCode"], call.parameters["QuotaCode"]


def _known(service: str) -> Mapping[str, tuple[str, float]]:
    if service not in DEFAULTS:
        raise Refused("NoSuchResourceException", f"The rehearsal knows no quotas of the service {service}")
    return DEFAULTS[service]


def _default(call: Call, service: str, code: str) -> dict[str, Any]:
    quotas = _known(service)
    if code not in quotas:
        raise Refused("NoSuchResourceException", f"The rehearsal knows no quota {code} of {service}")
    name, value = quotas[code]
    names = {"ec2": "Amazon Elastic Compute Cloud (Amazon EC2)", "codebuild": "AWS CodeBuild"}
    return {
        "ServiceCode": service,
        "ServiceName": names[service],
        "QuotaArn": f"arn:aws:servicequotas:{call.region}:{call.account}:{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
