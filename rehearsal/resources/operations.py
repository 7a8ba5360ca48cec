"""Messages, events, metrics, Prometheus, secrets and builds."""

import json
import secrets
import string
from dataclasses import dataclass
from typing import Any

from rehearsal.cloudformation.provider import Provider, Request, Resource
from rehearsal.resources.kind import Ask, Context, Kind, Name, Part, Ready
from rehearsal.resources.lifecycle import ask, suppress_gone

TOPIC_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId", "FifoTopic", "ContentBasedDeduplication", "TracingConfig")
QUEUE_ATTRIBUTES = (
    *("DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds"),
    *("VisibilityTimeout", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"),
    *("RedrivePolicy", "RedriveAllowPolicy", "FifoQueue", "ContentBasedDeduplication"),
)


def _attributes(names: tuple[str, ...]) -> Any:  # noqa: ANN401 - a template
    """Return a template of the attributes, which SNS and SQS take as texts."""

    def filled(context: Context) -> dict[str, Any]:
        return {name: _text(context[name]) for name in names if context.get(name) is not None}

    return filled


def _text(value: Any) -> str:  # noqa: ANN401 - a property's value
    return value if isinstance(value, str) else json.dumps(value)


def _secret_string(context: Context) -> str | None:
    """Return the secret that is given, or one that Secrets Manager would make up."""
    if "GenerateSecretString" not in context:
        return context.get("SecretString")
    asked = context["GenerateSecretString"]
    excluded = asked.get("ExcludeCharacters", "") + (string.punctuation if asked.get("ExcludePunctuation") else "")
    alphabet = [each for each in string.ascii_letters + string.digits + string.punctuation if each not in excluded]
    made = "".join(secrets.choice(alphabet) for _ in range(int(asked.get("PasswordLength", 32))))
    if "GenerateStringKey" not in asked:
        return made
    return json.dumps({**json.loads(asked.get("SecretStringTemplate", "{}")), asked["GenerateStringKey"]: made})


def _queue_name(context: Context) -> str:
    return str(context["QueueUrl"]).rsplit("/", 1)[1]


def _workspace(context: Context) -> str:
    """Return the id at the end of a workspace's ARN."""
    return str(context["Workspace"] if "Workspace" in context else context["Arn"]).rsplit("/", 1)[1]


def _arn_tagging(parameter: str, tags: str, keys: str) -> tuple[Ask, Ask]:
    return (
        Ask("TagResource", {parameter: "$Arn", tags: "$Tags"}),
        Ask("UntagResource", {parameter: "$Arn", keys: "$Keys"}),
    )


_TOPIC, _QUEUE = {"TopicArn": "$TopicArn"}, {"QueueUrl": "$QueueUrl"}
_RULE = {"Name": "$RuleName"}
_WORKSPACE = {"workspaceId": _workspace}
_NAMESPACE = {"workspaceId": _workspace, "name": "$Name", "data": "$Data"}
_NAMESPACE_KEY = {name: _NAMESPACE[name] for name in ("workspaceId", "name")}
_PUT_ALARM = Ask("PutMetricAlarm", {"AlarmName": "$AlarmName"}, takes_all=True)
_PUT_DASHBOARD = Ask("PutDashboard", {"DashboardName": "$DashboardName", "DashboardBody": "$DashboardBody"})
_SECRET = {"SecretId": "$Arn"}

KINDS = {
    "AWS::SNS::Topic": Kind(
        service="sns",
        name=Name("TopicName", 256),
        create=Ask(
            "CreateTopic", {"Name": "$TopicName", "Attributes": _attributes(TOPIC_ATTRIBUTES)}, also=TOPIC_ATTRIBUTES
        ),
        key={"TopicArn": "TopicArn"},
        describe=Ask("GetTopicAttributes", _TOPIC),
        delete=Ask("DeleteTopic", _TOPIC),
        attributes={
            "Arn": "{TopicArn}",
            "TopicArn": "{TopicArn}",
            "TopicName": lambda c: c["TopicArn"].rsplit(":", 1)[1],
        },
        parts={
            name: Part(Ask("SetTopicAttributes", _TOPIC | {"AttributeName": name, "AttributeValue": "$Item"}))
            for name in ("DisplayName", "KmsMasterKeyId")
        },
        tagging=_arn_tagging("ResourceArn", "Tags", "TagKeys"),
    ),
    "AWS::SNS::Subscription": Kind(
        service="sns",
        create=Ask("Subscribe", {"ReturnSubscriptionArn": True}, takes_all=True),
        key={"SubscriptionArn": "SubscriptionArn"},
        delete=Ask("Unsubscribe", {"SubscriptionArn": "$SubscriptionArn"}),
        attributes={"Arn": "{SubscriptionArn}"},
    ),
    "AWS::SQS::Queue": Kind(
        service="sqs",
        name=Name("QueueName", 80),
        create=Ask("CreateQueue", {"Attributes": _attributes(QUEUE_ATTRIBUTES)}, takes_all=True, also=QUEUE_ATTRIBUTES),
        key={"QueueUrl": "QueueUrl"},
        describe=Ask("GetQueueAttributes", _QUEUE | {"AttributeNames": ["All"]}),
        delete=Ask("DeleteQueue", _QUEUE),
        attributes={"Arn": "Attributes.QueueArn", "QueueName": _queue_name, "QueueUrl": "{QueueUrl}"},
        updates=(
            Ask("SetQueueAttributes", _QUEUE | {"Attributes": _attributes(QUEUE_ATTRIBUTES)}, also=QUEUE_ATTRIBUTES),
        ),
        tagging=(Ask("TagQueue", _QUEUE | {"Tags": "$Tags"}), Ask("UntagQueue", _QUEUE | {"TagKeys": "$Keys"})),
    ),
    "AWS::Events::Rule": Kind(
        service="events",
        name=Name("Name", 64),
        create=Ask("PutRule", takes_all=True),
        key={"RuleName": "Name"},
        describe=Ask("DescribeRule", _RULE),
        delete=Ask("DeleteRule", _RULE),
        attributes={"Arn": "Arn", "RuleName": "{RuleName}"},
        parts={
            "Targets": Part(
                Ask("PutTargets", {"Rule": "$RuleName", "Targets": ["$Item"]}),
                Ask("RemoveTargets", {"Rule": "$RuleName", "Ids": ["$Item.Id"]}),
                each=True,
                undo=True,
            )
        },
        updates=(Ask("PutRule", _RULE, takes_all=True),),
        tagging=_arn_tagging("ResourceARN", "Tags", "TagKeys"),
    ),
    "AWS::CloudWatch::Alarm": Kind(
        service="cloudwatch",
        name=Name("AlarmName", 255),
        create=_PUT_ALARM,
        key={"AlarmName": "AlarmName"},
        describe=Ask("DescribeAlarms", {"AlarmNames": ["$AlarmName"]}),
        delete=Ask("DeleteAlarms", {"AlarmNames": ["$AlarmName"]}),
        attributes={"Arn": "MetricAlarms[0].AlarmArn"},
        updates=(_PUT_ALARM,),
        tagging=_arn_tagging("ResourceARN", "Tags", "TagKeys"),
    ),
    "AWS::CloudWatch::Dashboard": Kind(
        service="cloudwatch",
        name=Name("DashboardName", 255),
        create=_PUT_DASHBOARD,
        key={"DashboardName": "DashboardName"},
        delete=Ask("DeleteDashboards", {"DashboardNames": ["$DashboardName"]}),
        updates=(_PUT_DASHBOARD,),
    ),
    "AWS::SecretsManager::Secret": Kind(
        service="secretsmanager",
        name=Name("Name", 512),
        create=Ask("CreateSecret", {"SecretString": _secret_string}, takes_all=True, also=("GenerateSecretString",)),
        key={"Arn": "ARN"},
        describe=Ask("DescribeSecret", _SECRET),
        delete=Ask("DeleteSecret", _SECRET | {"ForceDeleteWithoutRecovery": True}),
        attributes={"Id": "{Arn}"},
        updates=(Ask("UpdateSecret", _SECRET, takes_all=True, only_changed=True),),
        tagging=(Ask("TagResource", _SECRET | {"Tags": "$Tags"}), Ask("UntagResource", _SECRET | {"TagKeys": "$Keys"})),
    ),
    "AWS::APS::Workspace": Kind(
        service="amp",
        create=Ask("CreateWorkspace", takes_all=True),
        key={"Arn": "arn"},
        describe=Ask("DescribeWorkspace", _WORKSPACE),
        delete=Ask("DeleteWorkspace", _WORKSPACE),
        attributes={
            "Arn": "{Arn}",
            "PrometheusEndpoint": "workspace.prometheusEndpoint",
            "WorkspaceId": "workspace.workspaceId",
        },
        parts={
            "AlertManagerDefinition": Part(
                Ask("PutAlertManagerDefinition", _WORKSPACE | {"data": "$Item"}),
                Ask("DeleteAlertManagerDefinition", _WORKSPACE),
            ),
            "LoggingConfiguration": Part(
                Ask("CreateLoggingConfiguration", _WORKSPACE | {"logGroupArn": "$Item.LogGroupArn"}),
                Ask("DeleteLoggingConfiguration", _WORKSPACE),
            ),
        },
        updates=(Ask("UpdateWorkspaceAlias", _WORKSPACE, takes_all=True),),
        tagging=_arn_tagging("resourceArn", "tags", "tagKeys"),
        ready=Ready("workspace.status.statusCode", ("ACTIVE",), 600, ("CREATION_FAILED",)),
    ),
    "AWS::APS::RuleGroupsNamespace": Kind(
        service="amp",
        create=Ask("CreateRuleGroupsNamespace", _NAMESPACE, takes_all=True, also=("Workspace",)),
        key={"Arn": "arn"},
        delete=Ask("DeleteRuleGroupsNamespace", _NAMESPACE_KEY),
        attributes={"Arn": "{Arn}"},
        updates=(Ask("PutRuleGroupsNamespace", _NAMESPACE),),
        tagging=_arn_tagging("resourceArn", "tags", "tagKeys"),
    ),
    "AWS::Logs::ResourcePolicy": Kind(
        service="logs",
        create=Ask("PutResourcePolicy", {"policyName": "$PolicyName", "policyDocument": "$PolicyDocument"}),
        key={"PolicyName": "resourcePolicy.policyName"},
        delete=Ask("DeleteResourcePolicy", {"policyName": "$PolicyName"}),
        updates=(Ask("PutResourcePolicy", {"policyName": "$PolicyName", "policyDocument": "$PolicyDocument"}),),
    ),
    "AWS::CodeBuild::Project": Kind(
        service="codebuild",
        name=Name("Name", 150),
        create=Ask("CreateProject", takes_all=True),
        key={"name": "Name"},
        describe=Ask("BatchGetProjects", {"names": ["$name"]}),
        delete=Ask("DeleteProject", {"name": "$name"}),
        attributes={"Arn": "projects[0].arn", "Id": "projects[0].arn"},
        updates=(Ask("UpdateProject", {"name": "$name"}, takes_all=True),),
        ignored=("Visibility",),
    ),
}


@dataclass(frozen=True)
class AttachedPolicies:
    """AWS::SNS::TopicPolicy and AWS::SQS::QueuePolicy: one document, written to each topic or queue that is named."""

    service: str
    named: str
    put: Ask
    reset: Ask

    def create(self, request: Request) -> Resource:
        """Write the document."""
        self._each(request, self.put, request.properties[self.named])
        return Resource(request.physical_id or request.generated_name, {"Id": request.generated_name})

    def update(self, request: Request) -> Resource:
        """Write it again, and reset what is no longer named."""
        gone = [each for each in request.old_properties[self.named] if each not in request.properties[self.named]]
        self._each(request, self.reset, gone)
        return self.create(request)

    def delete(self, request: Request) -> None:
        """Leave topics and queues with the policy of their owner alone."""
        self._each(request, self.reset, request.properties[self.named])

    def _each(self, request: Request, step: Ask, items: list[str]) -> None:
        account = request.stack_id.split(":")[4]
        for item in items:
            with suppress_gone():
                ask(request.client(self.service), step, {**request.properties, "Item": item, "Account": account}, {})


def _owner_only(context: Context) -> dict[str, Any]:
    """Return the policy that SNS gives a new topic."""
    owner = {"StringEquals": {"AWS:SourceOwner": context["Account"]}}
    actions = ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes", "SNS:SetTopicAttributes"]
    allowed = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": actions, "Resource": context["Item"]}
    return {"Version": "2008-10-17", "Statement": [{"Sid": "__default_statement_ID", **allowed, "Condition": owner}]}


_SET_TOPIC = {"TopicArn": "$Item", "AttributeName": "Policy"}
OTHERS: dict[str, Provider] = {
    "AWS::SNS::TopicPolicy": AttachedPolicies(
        "sns",
        "Topics",
        Ask("SetTopicAttributes", _SET_TOPIC | {"AttributeValue": "$PolicyDocument"}),
        Ask("SetTopicAttributes", _SET_TOPIC | {"AttributeValue": _owner_only}),
    ),
    "AWS::SQS::QueuePolicy": AttachedPolicies(
        "sqs",
        "Queues",
        Ask("SetQueueAttributes", {"QueueUrl": "$Item", "Attributes": {"Policy": "$PolicyDocument"}}),
        Ask("SetQueueAttributes", {"QueueUrl": "$Item", "Attributes": {"Policy": ""}}),
    ),
}
