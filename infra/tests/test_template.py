"""What must hold of the templates, whatever is added to them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import template as cfn

TEMPLATES = ["template.yaml", "coturn.yaml", "edge.yaml"]
SCRIPTS = Path(sys.executable).parent


def run(*command) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0", "HOME": os.environ.get("HOME", "/")}
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=180, env=environment)


# -- The checkers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEMPLATES)
def test_cfn_lint_finds_nothing(name):
    done = run(SCRIPTS / "cfn-lint", "--regions", "us-east-1", "eu-central-1", "--", cfn.INFRA / name)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", TEMPLATES)
def test_sam_validates(name):
    done = run(SCRIPTS / "sam", "validate", "--lint", "--region", "us-east-1", "--template", cfn.INFRA / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_policy_check_finds_nothing():
    """checkov, with the rules that are not followed named and explained in checkov.yaml."""
    checker = cfn.INFRA / ".venv-policy" / "bin" / "checkov"
    assert checker.exists(), "run infra/setup.sh policy"
    done = subprocess.run(
        [checker, "--config-file", "infra/checkov.yaml", "--output", "json"], cwd=cfn.ROOT, capture_output=True, text=True, timeout=180
    )
    found = json.loads(done.stdout)
    failed = [f"{each['check_id']} {each['resource']}" for each in found["results"]["failed_checks"]]
    assert done.returncode == 0 and failed == [], done.stderr
    # Each of the three templates was read, functions and all.
    assert found["summary"]["parsing_errors"] == 0 and found["summary"]["passed"] > 300


def test_the_generated_part_is_what_the_table_says():
    assert run(sys.executable, cfn.INFRA / "render.py", "--check").returncode == 0, "run infra/render.py"


def test_the_template_stays_below_cloudformations_limits():
    template = cfn.load("template.yaml")
    assert (cfn.INFRA / "template.yaml").stat().st_size < 1_000_000
    assert len(template["Resources"]) < 500 and len(template["Parameters"]) < 200


# -- Functions --------------------------------------------------------------------------------------------------


def test_every_function_folder_is_deployed_and_nothing_else():
    crates = {folder.parent.name for folder in (cfn.ROOT / "functions").glob("*/Cargo.toml")}
    assert set(cfn.functions()) == crates


def test_every_function_runs_on_amazon_linux_2023_with_tracing():
    common = cfn.load("template.yaml")["Globals"]["Function"]
    assert common["Runtime"] == "provided.al2023" and common["Handler"] == "bootstrap"
    assert common["Tracing"] == {"Ref": "Tracing"} and common["Architectures"] == [{"Ref": "Architecture"}]
    assert cfn.load("template.yaml")["Parameters"]["Tracing"]["Default"] == "Active"
    overridden = {"Runtime", "Handler", "Tracing", "Architectures"}
    assert not [name for name, function in cfn.functions().items() if overridden & set(function)]


def test_every_function_has_a_log_group_of_its_own_that_forgets():
    groups = cfn.resources("AWS::Logs::LogGroup")
    for name, function in cfn.functions().items():
        group = groups[function["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/${{AWS::StackName}}-{name}"}
    assert all("RetentionInDays" in group for group in groups.values())


def test_functions_that_hash_passwords_have_a_whole_core_and_no_other_does():
    whole = {name for name, function in cfn.functions().items() if function["MemorySize"] >= 1769}
    hashing = {manifest.parent.name for manifest in (cfn.ROOT / "functions").glob("*/Cargo.toml") if hashes(manifest)}
    assert whole == hashing


def hashes(manifest: Path) -> bool:
    """Whether the function uses the password hasher: its main.rs or lib.rs names it."""
    return any("Argon2" in source.read_text() or "PasswordHasher" in source.read_text() for source in manifest.parent.glob("src/*.rs"))


def test_every_function_is_reached_by_a_route_the_authorizer_the_queue_or_the_operator():
    reached = {route["function"] for route in cfn.routes()} | {"ws_authorizer", "participant_expiry", "api_keys", "webhook_fanout", "webhook_send", "recording_compose"}
    assert set(cfn.functions()) == reached


def test_secrets_reach_functions_only_by_reference():
    for name, function in cfn.functions().items():
        for variable, value in function.get("Environment", {}).get("Variables", {}).items():
            if "SECRET" in variable:
                assert "{{resolve:secretsmanager:" in json.dumps(value), f"{name}: {variable}"


# -- Roles ------------------------------------------------------------------------------------------------------


def test_every_function_has_a_role_of_its_own():
    roles = [function["Role"]["Fn::GetAtt"] for function in cfn.functions().values()]
    assert len(set(roles)) == len(roles)


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_role_holds_a_wildcard_action(name):
    for role in cfn.resources("AWS::IAM::Role", name).values():
        assert not [action for statement in cfn.statements(role) for action in cfn.as_list(statement["Action"]) if "*" in action]


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_role_reaches_every_resource_where_aws_allows_a_name(name):
    unnameable = {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "transcribe:StartStreamTranscriptionWebSocket"}
    for logical_id, role in cfn.resources("AWS::IAM::Role", name).items():
        for statement in cfn.statements(role):
            for resource in cfn.as_list(statement["Resource"]):
                text = json.dumps(resource)
                if resource == "*":
                    assert set(cfn.as_list(statement["Action"])) <= unnameable, logical_id
                else:
                    # Connections, and objects below a prefix of the bucket, have no names in advance; everything else is named in full.
                    below = re.sub(r"/@connections/\*|\$\{Recordings\.Arn\}/(chunks|files)/\*", "", text)
                    assert "*" not in below, f"{logical_id}: {text}"


def test_functions_hold_no_managed_policy():
    assert not [name for name, function in cfn.functions().items() if "ManagedPolicyArns" in cfn.role_of(function)]


def test_only_api_gateway_assumes_the_role_that_calls_functions():
    role = cfn.resources("AWS::IAM::Role")["ApiRole"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert cfn.statements(role)[0]["Action"] == "lambda:InvokeFunction"


# -- Routes -----------------------------------------------------------------------------------------------------


def test_every_route_has_a_throttle_of_its_own():
    for api, stage in (("http", "HttpStage"), ("websocket", "WebSocketStage")):
        settings = cfn.resources("AWS::ApiGatewayV2::Stage")[stage]["RouteSettings"]
        assert set(settings) == {route["key"] for route in cfn.routes() if route["api"] == api}
        assert all(each["ThrottlingRateLimit"] > 0 and each["ThrottlingBurstLimit"] > 0 for each in settings.values())


def test_lost_connections_are_heard_of_at_the_rate_of_signals():
    """A $disconnect that is throttled away leaves a participant seated until its lease runs out."""
    settings = cfn.resources("AWS::ApiGatewayV2::Stage")["WebSocketStage"]["RouteSettings"]
    assert settings["$disconnect"] == settings["sendOffer"] != settings["$connect"]


def test_stages_wait_for_the_routes_whose_settings_they_hold():
    stages = cfn.load("template.yaml")["Resources"]
    for stage, api in (("HttpStage", "HttpApi"), ("WebSocketStage", "WebSocketApi")):
        of_api = {name for name, route in cfn.resources("AWS::ApiGatewayV2::Route").items() if route["ApiId"]["Ref"] == api}
        assert set(stages[stage]["DependsOn"]) == of_api
    assert '"Ref": "ApiGatewayAccount"' in json.dumps(stages["WebSocketStage"]["Properties"]), "it could not log yet"


def test_every_websocket_route_but_connect_and_disconnect_answers_its_caller():
    silent = {route["key"] for route in cfn.routes() if route["api"] == "websocket" and not route["routeResponse"]}
    assert silent == {"$connect", "$disconnect"}
    selecting = {
        route["RouteKey"] for route in cfn.resources("AWS::ApiGatewayV2::Route").values() if route.get("RouteResponseSelectionExpression")
    }
    assert selecting == {route["key"] for route in cfn.routes() if route["routeResponse"]}


def test_connect_is_authorized_by_its_ticket_and_nothing_else_has_an_authorizer():
    authorized = {
        route["RouteKey"]: route["AuthorizationType"]
        for route in cfn.resources("AWS::ApiGatewayV2::Route").values()
        if "AuthorizationType" in route
    }
    assert authorized == {"$connect": "CUSTOM"}
    authorizer = cfn.resources("AWS::ApiGatewayV2::Authorizer")["Authorizer"]
    # Any of three things will do, and API Gateway wants all that it names. The emulator takes a missing list for a header.
    assert authorizer["IdentitySource"] == {"Fn::If": ["OnAws", {"Ref": "AWS::NoValue"}, []]}


def test_access_logs_hold_nothing_in_which_a_ticket_or_a_token_stands():
    for stage in cfn.resources("AWS::ApiGatewayV2::Stage").values():
        fields = json.loads(stage["AccessLogSettings"]["Format"])
        assert not re.search(r"path|query|header|authorizer|protocol", " ".join(fields.values()), re.IGNORECASE)


def test_cross_origin_requests_follow_the_parameter():
    cors = cfn.resources("AWS::ApiGatewayV2::Api")["HttpApi"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == {"Ref": "AllowedOrigins"} and cors["AllowCredentials"] == {"Fn::If": ["AllowsEveryOrigin", False, True]}
    assert "Default" not in cfn.load("template.yaml")["Parameters"]["AllowedOrigins"]
    assert {"link", "retry-after", "x-request-id"} <= set(cors["ExposeHeaders"])
    methods = {route["key"].split()[0] for route in cfn.routes() if route["api"] == "http" and " " in route["key"]}
    assert set(cors["AllowMethods"]) == methods


# -- State ------------------------------------------------------------------------------------------------------


def test_the_table_is_on_demand_encrypted_protected_and_recoverable():
    table = cfn.resources("AWS::DynamoDB::Table")["Table"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert cfn.load("template.yaml")["Parameters"]["DeletionProtection"]["Default"] == "true"


def test_queues_are_encrypted_and_failed_work_is_kept():
    queues = cfn.resources("AWS::SQS::Queue")
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())
    assert queues["DelayQueue"]["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": "DeadLetterQueue.Arn"}
    timeout = cfn.functions()["participant_expiry"]["Timeout"]
    assert queues["DelayQueue"]["VisibilityTimeout"] >= 6 * timeout


def test_webhooks_are_read_from_the_marked_writes_of_the_stream():
    assert cfn.resources("AWS::DynamoDB::Table")["Table"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    source = cfn.resources("AWS::Lambda::EventSourceMapping")["WebhookSource"]
    pattern = json.loads(source["FilterCriteria"]["Filters"][0]["Pattern"])
    requests = (cfn.ROOT / "shared" / "store" / "src" / "requests.rs").read_text()
    mark = re.search(r'const MARK: &str = "(\w+)"', requests).group(1)
    assert pattern == {"dynamodb": {"NewImage": {mark: {"N": [{"exists": True}]}}}}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_webhooks_are_tried_in_order_and_later_as_the_rules_say():
    rules = (cfn.ROOT / "shared" / "domain" / "src" / "webhooks.rs").read_text()
    spread = re.search(r"const SPREAD: \[Duration; (\d+)\]", rules).group(1)
    queues = cfn.resources("AWS::SQS::Queue")
    line, later = queues["WebhookQueue"], queues["WebhookLaterQueue"]
    assert line["FifoQueue"] is True and line["QueueName"]["Fn::Sub"].endswith(".fifo")
    assert later["RedrivePolicy"] == {"deadLetterTargetArn": {"Fn::GetAtt": "WebhookDeadLetters.Arn"}, "maxReceiveCount": int(spread)}
    timeout = cfn.functions()["webhook_send"]["Timeout"]
    assert line["VisibilityTimeout"] >= 6 * timeout and later["VisibilityTimeout"] >= 6 * timeout
    # How often a message was received is how often it was tried only while it comes alone.
    sources = cfn.resources("AWS::Lambda::EventSourceMapping")
    assert [sources[name]["BatchSize"] for name in ("WebhookLine", "WebhookLater")] == [1, 1]


def test_recordings_are_private_encrypted_and_expire():
    bucket = cfn.resources("AWS::S3::Bucket")["Recordings"]
    assert all(bucket["PublicAccessBlockConfiguration"].values()) and len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    # What was deleted is gone.
    assert "VersioningConfiguration" not in bucket
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    assert (rules["chunks"]["Prefix"], rules["chunks"]["ExpirationInDays"]) == ("chunks/", 7)
    assert (rules["files"]["Prefix"], rules["files"]["ExpirationInDays"]) == ("files/", {"Ref": "RecordingDays"})
    assert rules["unfinished"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    statement, = cfn.resources("AWS::S3::BucketPolicy")["RecordingsPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny" and statement["Condition"]["Bool"]["aws:SecureTransport"]["Fn::If"][:2] == ["OnAws", "false"]


def test_pages_reach_recordings_from_the_origins_of_the_apis_alone():
    rule, = cfn.resources("AWS::S3::Bucket")["Recordings"]["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == {"Ref": "AllowedOrigins"} and rule["AllowedMethods"] == ["GET", "HEAD", "PUT"]
    assert "etag" in rule["ExposedHeaders"] and "*" not in rule["AllowedHeaders"]
    policy, given = cfn.resources("AWS::CloudFront::ResponseHeadersPolicy", "edge.yaml")["SiteHeaders"]["ResponseHeadersPolicyConfig"][
        "SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    assert "connect-src 'self' wss://${DomainName}${Recordings};" in policy and "media-src 'self' blob:${Recordings};" in policy
    assert given == {"Recordings": {"Fn::If": ["Records", {"Fn::Sub": " https://${RecordingsHost}"}, ""]}}


def test_without_recording_there_is_no_bucket():
    template = cfn.load("template.yaml")
    assert template["Parameters"]["Recording"]["Default"] == "false"
    assert all(template["Resources"][name]["Condition"] == "HasRecording" for name in ("Recordings", "RecordingsPolicy"))
    # What is in it stays when recording is switched off: nothing can make it again.
    assert template["Resources"]["Recordings"]["DeletionPolicy"] == "Retain"
    assert all(template["Outputs"][name]["Condition"] == "HasRecording" for name in ("RecordingsBucket", "RecordingsHost"))


def test_the_sweep_runs_on_its_schedule():
    rule = cfn.resources("AWS::Events::Rule")["Sweep"]
    assert rule["ScheduleExpression"] == {"Ref": "SweepRate"}
    assert rule["Targets"][0]["Arn"] == {"Fn::GetAtt": "ParticipantExpiry.Arn"}


def test_secrets_are_generated_and_never_parameters():
    secrets = cfn.resources("AWS::SecretsManager::Secret") | cfn.resources("AWS::SecretsManager::Secret", "coturn.yaml")
    assert all(secret["GenerateSecretString"]["PasswordLength"] >= 64 for secret in secrets.values())
    for name in TEMPLATES:
        assert not [parameter for parameter in cfn.load(name)["Parameters"] if re.search(r"secret|password|key$", parameter, re.IGNORECASE)
                    and not parameter.endswith(("Arn", "Version"))]


# -- TURN and edge ------------------------------------------------------------------------------------------------


def test_the_turn_server_takes_no_more_than_turn_and_its_metadata_needs_a_token():
    ports = {(rule["IpProtocol"], rule["FromPort"], rule["ToPort"])
             for rule in cfn.resources("AWS::EC2::SecurityGroup", "coturn.yaml")["Firewall"]["SecurityGroupIngress"]}
    assert ports == {("udp", 3478, 3478), ("tcp", 3478, 3478), ("tcp", 5349, 5349), ("tcp", 80, 80), ("udp", 49152, 65535)}
    template = cfn.resources("AWS::EC2::LaunchTemplate", "coturn.yaml")["Template"]["LaunchTemplateData"]
    assert template["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled"}


def test_a_new_configuration_of_the_turn_server_makes_a_new_instance_at_the_same_address():
    """A change of user data alone would restart the instance, which does not read it again."""
    instance = cfn.resources("AWS::EC2::Instance", "coturn.yaml")["Instance"]
    assert instance["LaunchTemplate"]["Version"] == {"Fn::GetAtt": "Template.LatestVersionNumber"}
    assert set(instance) == {"LaunchTemplate", "SubnetId", "Tags"}
    assert cfn.resources("AWS::EC2::EIPAssociation", "coturn.yaml")["AddressOfInstance"]["InstanceId"] == {"Ref": "Instance"}


def test_the_turn_server_starts_a_coturn_without_the_known_hole():
    version = cfn.load("coturn.yaml")["Parameters"]["CoturnVersion"]["Default"]
    assert tuple(map(int, version.split("."))) >= (4, 13, 1)


def test_the_site_is_public_through_cloudfront_alone():
    bucket = cfn.resources("AWS::S3::Bucket", "edge.yaml")["SiteBucket"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    distribution = cfn.resources("AWS::CloudFront::Distribution", "edge.yaml")["Distribution"]["DistributionConfig"]
    paths = {behavior["PathPattern"]: behavior["TargetOriginId"] for behavior in distribution["CacheBehaviors"]}
    assert paths == {
        "/api/*": "http", "/health": "http", "/ws": "websocket",
        "/hubs/signaling": "websocket", "/hubs/signaling/negotiate": "http", "/captions/*": "site",
    }
    assert cfn.resources("AWS::ApiGatewayV2::Stage")["WebSocketStage"]["StageName"] == "ws"


@pytest.mark.parametrize(
    ("asked", "found"),
    [("/", "/index.html"), ("/app.js", "/app.js"), ("/docs", "/docs/index.html"), ("/docs/sdk/", "/docs/sdk/index.html"),
     ("/analytics", "/analytics/index.html"), ("/replay/", "/replay/index.html"), ("/docs/sdk", "308 /docs/sdk/")],
)
def test_the_site_has_the_pages_of_folders_where_the_local_server_has_them(asked, found):
    edge = cfn.resources("AWS::CloudFront::Distribution", "edge.yaml")["Distribution"]["DistributionConfig"]["DefaultCacheBehavior"]
    association = {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": "Folders.FunctionMetadata.FunctionARN"}}
    assert edge["FunctionAssociations"] == [association]
    code = cfn.resources("AWS::CloudFront::Function", "edge.yaml")["Folders"]["FunctionCode"]
    shown = "const { uri, statusCode, headers } = handler({ request: { uri: process.argv[1] } }); console.log(uri ?? `${statusCode} ${headers.location.value}`);"
    ran = subprocess.run(["node", "--eval", f"{code}\n{shown}", asked], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == found


def test_the_apis_hear_the_viewers_address_from_cloudfront_with_its_secret():
    distribution = cfn.resources("AWS::CloudFront::Distribution", "edge.yaml")["Distribution"]["DistributionConfig"]
    shown = [{"HeaderName": "x-tunrtc-edge", "HeaderValue": {"Fn::Sub": "{{resolve:secretsmanager:${EdgeSecretArn}}}"}}]
    assert {origin["Id"] for origin in distribution["Origins"] if origin.get("OriginCustomHeaders") == shown} == {"http", "websocket"}
    told = {each["PathPattern"] for each in distribution["CacheBehaviors"] for told in each.get("FunctionAssociations", [])
            if told == {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": "ViewerAddress.FunctionMetadata.FunctionARN"}}}
    assert told == {"/api/*", "/ws", "/hubs/signaling", "/hubs/signaling/negotiate"}
    code = cfn.resources("AWS::CloudFront::Function", "edge.yaml")["ViewerAddress"]["FunctionCode"]
    source = (cfn.ROOT / "shared" / "gateway" / "src" / "edge.rs").read_text()
    secret, viewer = (re.search(rf'{name}: &str = "([a-z-]+)"', source).group(1) for name in ("SECRET", "VIEWER"))
    assert "if (event.request.uri === '/hubs/signaling') event.request.uri = '/ws';" in code
    assert secret == shown[0]["HeaderName"] and f"headers['{viewer}'] = {{ value: event.viewer.ip }}" in code
    given = {name for name, function in cfn.functions().items() if "TUNRTC_EDGE_SECRET" in function.get("Environment", {}).get("Variables", {})}
    assert given == {"auth_register", "auth_login", "invite_redeem", "ws_connect"}


# -- What operators see -------------------------------------------------------------------------------------------


def shown() -> list[list]:
    """Every metric of the dashboard."""
    body = json.loads(cfn.resources("AWS::CloudWatch::Dashboard")["DashboardPage"]["DashboardBody"]["Fn::Sub"][0])
    return [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]


def counted_by_the_code() -> set[str]:
    """The metrics of the functions, as the Rust sources name them."""
    return set(re.findall(r'=> "(\w+)"', (cfn.ROOT / "shared" / "domain" / "src" / "metric.rs").read_text()))


def test_the_dashboard_shows_what_operators_ask_for():
    assert {"Errors", "Throttles", "Duration", "Latency", "IntegrationLatency", "ConnectCount"} <= {metric[1] for metric in shown()}
    latencies = {(metric[1], metric[-1]["stat"]) for metric in shown() if "Latency" in metric[1]}
    assert latencies == {(name, stat) for name in ("Latency", "IntegrationLatency") for stat in ("p50", "p99")}


def test_the_dashboard_shows_every_metric_that_the_functions_count_for_this_stack_alone():
    source = (cfn.ROOT / "shared" / "runtime" / "src" / "metrics.rs").read_text()
    namespace, dimension = (re.search(rf'{name}: &str = "(\w+)"', source).group(1) for name in ("NAMESPACE", "DIMENSION"))
    ours = {metric[1]: metric[2:4] for metric in shown() if metric[0] == namespace}
    assert set(ours) == counted_by_the_code() and len(ours) >= 4
    assert all(dimensions == [dimension, "${AWS::StackName}"] for dimensions in ours.values())
    common = cfn.load("template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    assert common["TUNRTC_METRICS_STACK"] == {"Ref": "AWS::StackName"}


def test_every_alarm_tells_somebody_and_none_waits_for_a_metric_that_nobody_counts():
    alarms = cfn.resources("AWS::CloudWatch::Alarm")
    assert len(alarms) >= 8
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}] and alarm["TreatMissingData"] == "notBreaching", name
        if alarm["Namespace"] == "TunRTC":
            assert alarm["MetricName"] in counted_by_the_code() and alarm["Dimensions"][0]["Name"] == "Stack", name
