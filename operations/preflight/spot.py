"""What Spot instances cost today."""

from datetime import UTC, datetime
from statistics import mean

from botocore.exceptions import BotoCoreError, ClientError

from operations.preflight.question import Question


def spot_price(question: Question, instance_type: str) -> float | None:
    """Return an hour's price in USD, the mean of the region's zones; None where nobody may or can tell it."""
    try:
        answer = question.client("ec2").describe_spot_price_history(
            InstanceTypes=[instance_type], ProductDescriptions=["Linux/UNIX"], StartTime=datetime.now(UTC)
        )
    except (BotoCoreError, ClientError):
        return None
    newest = {each["AvailabilityZone"]: float(each["SpotPrice"]) for each in answer["SpotPriceHistory"]}
    return mean(newest.values()) if newest else None
