"""The service accounts of job runs, whose names hold the execution role's.

https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/setting-up-enable-IAM.html
"""

from typing import Literal

Component = Literal["client", "driver", "executor"]
COMPONENTS: tuple[Component, ...] = ("client", "driver", "executor")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(text: str) -> str:
    """Return the bytes of a text, read as one number, in base 36."""
    number, digits = int.from_bytes(text.encode(), "big"), ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def service_account(component: Component, account: str, role_name: str) -> str:
    """Return the name of the account that the submitter (`client`), the driver or an executor runs as."""
    return f"emr-containers-sa-spark-{component}-{account}-{base36(role_name)}"
