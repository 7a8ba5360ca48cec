"""Where the outcome of an asynchronous invocation goes."""

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.models import LambdaFunction

from rehearsal.functions.credentials import session_keys
from rehearsal.world import World


def send(world: World, function: LambdaFunction, arn: str, record: str) -> None:
    """Send a record to a queue, a topic or a function, with the role's permissions; what is refused is lost."""
    service, name = arn.split(":")[2], arn.rsplit(":", 1)[-1]
    client = world.client(service, *session_keys(world, function.role, function.function_name))
    try:
        if service == "sqs":
            client.send_message(QueueUrl=client.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=record)
        elif service == "sns":
            client.publish(TopicArn=arn, Message=record)
        else:
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=record)
    except (ClientError, BotoCoreError):
        return
