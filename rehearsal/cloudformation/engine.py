"""What all operations share: the world, the providers, the stacks, and the reading of what a call submits."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlparse

from botocore.exceptions import ClientError

from rehearsal.cloudformation import parameters, schemas, templates
from rehearsal.cloudformation.credentials import Clients, cached, of_caller, of_role
from rehearsal.cloudformation.intrinsics import UNKNOWN, Scope, evaluate
from rehearsal.cloudformation.provider import Failure, Provider
from rehearsal.cloudformation.stacks import Stack, Stacks, Submission
from rehearsal.wire.call import Call, Refused
from rehearsal.world import World


@dataclass
class Engine:
    """The CloudFormation of one world."""

    world: World
    providers: Mapping[str, Provider]
    stacks: Stacks = field(default_factory=Stacks)

    @cached_property
    def admin(self) -> Clients:
        """Return clients that act as the account's administrator."""
        return cached(self.world.client)

    def worker(self, call: Call, role_arn: str | None) -> Clients:
        """Return the clients that a stack's resources are handled with: as its service role, or as the caller."""
        return of_role(self.world, call, role_arn) if role_arn else of_caller(self.world, call)

    def provider(self, type_name: str) -> Provider:
        """Return the provider of a type; a type that has none is an error, never skipped."""
        found = self.providers.get("Custom::" if schemas.is_custom(type_name) else type_name)
        if found is None:
            raise Failure(f"The rehearsal has no provider for {type_name}: add one to rehearsal/resources/, or leave "
                          f"the resource out. It has {', '.join(sorted(self.providers))}")  # fmt: skip
        return found

    def scope(self, stack: Stack, values: Mapping[str, Any], template: Mapping[str, Any]) -> Scope:
        """Return the scope in which a template's conditions and rules are decided: no resource may be used there."""

        def refused(name: str, _: str | None) -> Any:  # noqa: ANN401 - never returns
            raise Refused("ValidationError", f"Template format error: Unresolved dependencies [{name}]. Cannot "
                          "reference resources in the Conditions block of the template")  # fmt: skip

        return Scope(
            {**values, **self._pseudo(stack)}, template.get("Mappings", {}), {}, refused, self.imported, self.zones
        )

    def _pseudo(self, stack: Stack) -> dict[str, Any]:
        return {
            "AWS::AccountId": self.world.account,
            "AWS::NotificationARNs": stack.current.topics,
            "AWS::Partition": "aws",
            "AWS::Region": self.world.region,
            "AWS::StackId": stack.id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def imported(self, name: str) -> str:
        """Return the value of another stack's export."""
        value = self.stacks.exported(name)
        if value is None:
            raise Refused("ValidationError", f"No export named {name} found.")
        return value

    def zones(self, region: str) -> list[str]:
        """Return the availability zones of this region: Fn::GetAZs of another region is refused."""
        if region not in ("", self.world.region):
            raise Refused("ValidationError", f"Template error: Fn::GetAZs of {region}: the rehearsal has only "
                          f"{self.world.region}")  # fmt: skip
        found = self.admin("ec2").describe_availability_zones()["AvailabilityZones"]
        return sorted(zone["ZoneName"] for zone in found)

    def body(self, call: Mapping[str, Any], previous: Submission, client: Clients) -> str:
        """Return the template text that a call submits: inline, from S3, or the previous one."""
        if call.get("UsePreviousTemplate"):
            return previous.body
        if "TemplateBody" in call:
            _check_size(call["TemplateBody"])
            return str(call["TemplateBody"])
        if "TemplateURL" in call:
            return _download(call["TemplateURL"], client("s3"))
        raise Refused("ValidationError", "Either Template URL or Template Body must be specified.")

    def submission(self, stack: Stack, call: Mapping[str, Any], caller: Clients, worker: Clients) -> Submission:
        """Read what a call wants `stack` to become; Refused where AWS refuses it before touching anything.

        The template is read as the caller, SSM parameters as whoever will handle the resources.
        """
        previous = stack.current
        body = self.body(call, previous, caller)
        template = templates.parse(body)
        templates.check(template, self.world.region)
        check_capabilities(template, call.get("Capabilities", []))
        texts = parameters.given(template, call.get("Parameters", []), previous.texts)
        values = parameters.resolve(template, texts, worker("ssm"))
        scope = self.scope(stack, values, template)
        parameters.check_rules(template.get("Rules", {}), scope)
        design = templates.design(template, scope)
        tags = {tag["Key"]: tag["Value"] for tag in call["Tags"]} if "Tags" in call else previous.tags
        return Submission(
            body, template, texts, design, tags, call.get("Capabilities", []),
            call.get("RoleARN", previous.role_arn), call.get("NotificationARNs", previous.topics),
            self._imports(design),
        )  # fmt: skip

    def _imports(self, design: templates.Design) -> frozenset[str]:
        """Return the exports that a design uses; one that nobody exports is refused."""
        used: set[str] = set()

        def imported(name: str) -> str:
            used.add(name)
            return self.imported(name)

        scope = scope_of(design, lambda _name, _attribute: UNKNOWN, imported, self.zones)
        evaluate([dict(d.properties) for d in design.resources.values()], scope)
        evaluate([output.get("Value") for output in design.outputs.values()], scope)
        return frozenset(used)

    def wait(self, seconds: float, until: Callable[[], bool], every: float = 5.0) -> bool:
        """Wait on the world's clock, no longer than the world itself lasts."""
        stopped = self.world.stopped
        self.world.clock.wait(seconds, lambda: stopped.is_set() or until(), every)
        return until()


def scope_of(
    design: templates.Design,
    resource: Callable[[str, str | None], Any],
    imported: Callable[[str], Any],
    zones: Callable[[str], list[str]],
) -> Scope:
    """Return the scope in which a design's properties and outputs are evaluated."""
    return Scope(design.parameters, design.mappings, design.conditions, resource, imported, zones)


def _download(url: str, s3: Any) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """Read a template from S3, by a URL in path style or with the bucket as host name."""
    parts = urlparse(url)
    host, path = parts.netloc, unquote(parts.path).lstrip("/")
    bucket, _, rest = host.partition(".s3")
    if not rest or host.startswith("s3"):
        bucket, _, path = path.partition("/")
    try:
        return str(s3.get_object(Bucket=bucket, Key=path)["Body"].read().decode())
    except ClientError as error:
        raise Refused("ValidationError", f"S3 error: {error.response['Error']['Message']}\nFor more information "
                      "check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html") from None  # fmt: skip


def _check_size(body: str) -> None:
    if len(body.encode()) > templates.LARGEST_BODY:
        raise Refused("ValidationError", "1 validation error detected: Value at 'templateBody' failed to satisfy "
                      f"constraint: Member must have length at most {templates.LARGEST_BODY}")  # fmt: skip


NAMED_IAM = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName",
             "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
             "AWS::IAM::InstanceProfile": "InstanceProfileName"}  # fmt: skip
PLAIN_IAM = {"AWS::IAM::Policy", "AWS::IAM::AccessKey", "AWS::IAM::UserToGroupAddition", *NAMED_IAM}


def capabilities_needed(template: Mapping[str, Any]) -> list[str]:
    """Return the capabilities that creating this template has to acknowledge."""
    resources = template["Resources"].values()
    if any(NAMED_IAM.get(raw["Type"]) in raw.get("Properties", {}) for raw in resources):
        return ["CAPABILITY_NAMED_IAM"]
    return ["CAPABILITY_IAM"] if any(raw["Type"] in PLAIN_IAM for raw in resources) else []


def check_capabilities(template: Mapping[str, Any], given: list[str]) -> None:
    """Refuse a template whose capabilities were not acknowledged; the named one includes the plain one."""
    needed = capabilities_needed(template)
    if needed and "CAPABILITY_NAMED_IAM" not in given and not set(needed) <= set(given):
        raise Refused(
            "InsufficientCapabilitiesException", f"Requires capabilities : {json.dumps(needed)}".replace('"', "")
        )
