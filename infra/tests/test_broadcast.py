"""The peer that a broadcast is measured with: TLS, who is gone, and how many pushes are on their way at once."""

import json
import ssl
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

import template as cfn

sys.path.insert(0, str(cfn.INFRA / "coldstart"))

import broadcast  # noqa: E402
import peer  # noqa: E402

TIMEOUT_SECONDS = 20
TARGET = "DynamoDB_20120810"


@pytest.fixture
def aws(tmp_path):
    """Asks the peer: the status and the body of an answer."""
    with peer.served(tmp_path, broadcast.stored, 0.3) as served:
        trust = ssl.create_default_context(cafile=tmp_path / "ca.pem")

        def ask(path: str, body: dict, **headers: str) -> tuple[int, bytes]:
            request = urllib.request.Request(served.url + path, json.dumps(body).encode(), headers)
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=trust) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as refused:
                return refused.code, refused.read()

        ask.seen = served.seen
        yield ask


def test_pushes_that_are_on_their_way_at_once_are_counted(aws):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: aws(f"/ws/@connections/there{number}%3D", {}), range(4)))
    assert [status for status, _ in answers] == [200] * 4
    assert (aws.seen().pushes, aws.seen().at_once) == (4, 4)
    aws("/ws/@connections/there5%3D", {})
    assert (aws.seen().pushes, aws.seen().at_once) == (5, 4)


def test_whoever_is_gone_is_told_to_be_so(aws):
    assert aws(f"/ws/@connections/{peer.GONE}1%3D", {})[0] == 410


def test_the_table_holds_a_session_of_a_hundred_ten_of_whom_are_gone(aws):
    status, body = aws("/", {}, **{"x-amz-target": f"{TARGET}.Query"})
    items = json.loads(body)["Items"]
    seats = [item for item in items if item["sk"]["S"].startswith("PARTICIPANT#")]
    gone = [seat for seat in seats if seat["liveConnection"]["S"].startswith(peer.GONE)]
    assert (status, len(items), len(seats), len(gone)) == (200, 101, 100, 10)
    assert len({seat["sk"]["S"] for seat in seats}) == 100
    _, found = aws("/", {"Key": {"sk": {"S": "META"}}}, **{"x-amz-target": f"{TARGET}.GetItem"})
    assert json.loads(found)["Item"]["sk"]["S"] == "META"
    assert aws.seen().operations == ["Query", "GetItem"]


def test_a_folder_without_the_function_is_named_in_one_line(tmp_path, capsys):
    assert broadcast.main([str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "ws_message" in said and "deploy.py build" in said
