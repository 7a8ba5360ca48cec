"""Lambda, CloudWatch Logs and Step Functions."""

import io
import json
import zipfile
from typing import Any

from rehearsal.resources.kind import Ask, Context, Kind, Name, Part, Ready

INLINE_FILES = {"python": "index.py", "nodejs": "index.js"}


def _code(context: Context) -> dict[str, Any]:
    """Return the code as the API takes it: text in the template is packed into the one file CloudFormation makes."""
    code = dict(context["Code"])
    if "ZipFile" in code:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            name = next(file for runtime, file in INLINE_FILES.items() if context["Runtime"].startswith(runtime))
            archive.writestr(zipfile.ZipInfo(name), code["ZipFile"])  # ZipInfo's date is fixed: same text, same hash
        code["ZipFile"] = packed.getvalue()
    return code


def _layer(context: Context) -> str:
    return str(context["LayerVersionArn"]).rsplit(":", 1)[0]


def _definition(context: Context) -> str:
    text = context.get("DefinitionString") or json.dumps(context["Definition"])
    for name, value in context.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return str(text)


_NAME = {"FunctionName": "$FunctionName"}
FUNCTION = Kind(
    service="lambda",
    name=Name("FunctionName", 64),
    create=Ask("CreateFunction", {"Code": _code}, takes_all=True, also=("Code",)),
    key={"FunctionName": "FunctionName"},
    describe=Ask("GetFunction", _NAME),
    delete=Ask("DeleteFunction", _NAME),
    attributes={"Arn": "Configuration.FunctionArn"},
    ready=Ready("Configuration.State", ("Active", "Inactive"), 600, ("Failed",), "Configuration.StateReason"),
    parts={
        "ReservedConcurrentExecutions": Part(
            Ask("PutFunctionConcurrency", _NAME | {"ReservedConcurrentExecutions": "$Item"}),
            Ask("DeleteFunctionConcurrency", _NAME),
        )
    },
    updates=(
        Ask(
            "UpdateFunctionCode",
            _NAME
            | {
                name: (lambda c, name=name: _code(c).get(name))
                for name in ("S3Bucket", "S3Key", "S3ObjectVersion", "ZipFile")
            },
            also=("Code",),
        ),
        Ask(
            "UpdateFunctionConfiguration",
            _NAME
            | {
                "Environment": lambda c: c.get("Environment", {"Variables": {}}),
                "Layers": lambda c: c.get("Layers", []),
            },
            takes_all=True,
        ),
    ),
    tagging=(
        Ask("TagResource", {"Resource": "$Arn", "Tags": "$Tags"}),
        Ask("UntagResource", {"Resource": "$Arn", "TagKeys": "$Keys"}),
    ),
    ignored=("RecursiveLoop", "RuntimeManagementConfig"),
)

_INVOKE_CONFIG = {"FunctionName": "$FunctionName", "Qualifier": "$Qualifier"}
_MACHINE = {"stateMachineArn": "$Arn"}

KINDS = {
    "AWS::Lambda::Function": FUNCTION,
    "AWS::Lambda::Version": Kind(
        service="lambda",
        create=Ask("PublishVersion", takes_all=True),
        key={"FunctionArn": "FunctionArn"},
        describe=Ask("GetFunction", {"FunctionName": "$FunctionArn"}),
        delete=Ask("DeleteFunction", {"FunctionName": "$FunctionArn"}),
        attributes={"FunctionArn": "{FunctionArn}", "Version": "Configuration.Version"},
    ),
    "AWS::Lambda::LayerVersion": Kind(
        service="lambda",
        name=Name("LayerName", 140),
        create=Ask("PublishLayerVersion", takes_all=True),
        key={"LayerVersionArn": "LayerVersionArn"},
        delete=Ask(
            "DeleteLayerVersion",
            {"LayerName": _layer, "VersionNumber": lambda c: int(c["LayerVersionArn"].rsplit(":", 1)[1])},
        ),
        attributes={"LayerVersionArn": "{LayerVersionArn}"},
    ),
    "AWS::Lambda::Permission": Kind(
        service="lambda",
        name=Name("StatementId", 100),
        create=Ask("AddPermission", takes_all=True),
        key={"StatementId": "StatementId"},
        delete=Ask("RemovePermission", _NAME | {"StatementId": "$StatementId"}),
        attributes={"Id": "{StatementId}"},
    ),
    "AWS::Lambda::EventInvokeConfig": Kind(
        service="lambda",
        create=Ask("PutFunctionEventInvokeConfig", takes_all=True),
        key={"FunctionName": "FunctionName", "Qualifier": "Qualifier"},
        delete=Ask("DeleteFunctionEventInvokeConfig", _INVOKE_CONFIG),
        updates=(Ask("PutFunctionEventInvokeConfig", _INVOKE_CONFIG, takes_all=True),),
    ),
    "AWS::Logs::LogGroup": Kind(
        service="logs",
        name=Name("LogGroupName", 512),
        create=Ask("CreateLogGroup", takes_all=True),
        key={"logGroupName": "LogGroupName"},
        describe=Ask("DescribeLogGroups", {"logGroupNamePrefix": "$logGroupName"}),
        delete=Ask("DeleteLogGroup", {"logGroupName": "$logGroupName"}),
        attributes={"Arn": "logGroups[0].arn"},
        parts={
            "RetentionInDays": Part(
                Ask("PutRetentionPolicy", {"logGroupName": "$logGroupName", "retentionInDays": "$Item"}),
                Ask("DeleteRetentionPolicy", {"logGroupName": "$logGroupName"}),
            )
        },
        tagging=(
            Ask("TagLogGroup", {"logGroupName": "$logGroupName", "tags": "$Tags"}),
            Ask("UntagLogGroup", {"logGroupName": "$logGroupName", "tags": "$Keys"}),
        ),
    ),
    "AWS::StepFunctions::StateMachine": Kind(
        service="stepfunctions",
        name=Name("StateMachineName", 80),
        create=Ask(
            "CreateStateMachine",
            {"name": "$StateMachineName", "type": "$StateMachineType", "definition": _definition},
            takes_all=True,
            also=("Definition", "DefinitionString", "DefinitionSubstitutions"),
        ),
        key={"Arn": "stateMachineArn"},
        describe=Ask("DescribeStateMachine", _MACHINE),
        delete=Ask("DeleteStateMachine", _MACHINE),
        attributes={"Arn": "stateMachineArn", "Name": "name"},
        updates=(
            Ask(
                "UpdateStateMachine",
                _MACHINE | {"definition": _definition},
                takes_all=True,
                also=("Definition", "DefinitionString", "DefinitionSubstitutions"),
            ),
        ),
        tagging=(
            Ask("TagResource", {"resourceArn": "$Arn", "tags": "$Tags"}),
            Ask("UntagResource", {"resourceArn": "$Arn", "tagKeys": "$Keys"}),
        ),
    ),
}
