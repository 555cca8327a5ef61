"""What recordings need of S3, asked by boto3 and by plain HTTP as browsers do."""

import datetime
import http.client
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import conftest
import pytest
from botocore.compat import HAS_CRT
from botocore.exceptions import ClientError
from conftest import BUCKET, ORIGIN

# boto3 signs by AWS's own library where that is installed.
if HAS_CRT:
    import botocore.crt.auth as signing
else:
    import botocore.auth as signing

MIB = 1024 * 1024


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(method: str, url: str, body: bytes = b"", **headers: str) -> Answer:
    """A request as a browser sends it; `_` in the name of a header stands for `-`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{parts.path}?{parts.query}", body or None, sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.fixture
def key() -> str:
    return f"chunks/{uuid.uuid4()}/000000"


def refused(call, *arguments, **named) -> tuple[int, str]:
    with pytest.raises(ClientError) as error:
        call(*arguments, **named)
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


# -- Addresses ----------------------------------------------------------------------------------------------------


def test_an_object_is_put_and_fetched_by_addresses(store, key):
    url = store.presigned("put_object", Key=key, ContentType="video/webm")
    put = ask("PUT", url, b"0123456789", Content_Type="video/webm")
    assert (put.status, put.headers["ETag"]) == (200, '"781e5e245d69b566979b86e28d23f2c7"')
    got = ask("GET", store.presigned("get_object", Key=key))
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, b"0123456789", "video/webm")
    assert (got.headers["Content-Length"], got.headers["Accept-Ranges"]) == ("10", "bytes")


def test_an_address_takes_a_chunk_and_no_more(store, key):
    url = store.presigned("put_object", Key=key, ContentType="video/webm")
    assert ask("PUT", url, bytes(8 * MIB), Content_Type="video/webm").status == 200
    refused_put = ask("PUT", url, bytes(8 * MIB + 1), Content_Type="video/webm")
    assert refused_put.status == 400 and b"<Code>EntityTooLarge</Code>" in refused_put.body
    assert store.client.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == 8 * MIB


def test_an_address_names_the_file_that_is_saved(store, key):
    store.client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    disposition = "attachment; filename=\"a.mp4\"; filename*=UTF-8''%C3%A4.mp4"
    got = ask("GET", store.presigned("get_object", Key=key, ResponseContentDisposition=disposition))
    assert (got.status, got.headers["Content-Disposition"]) == (200, disposition)


def test_a_changed_address_is_refused(store, key):
    url = store.presigned("get_object", Key=key)
    store.client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    for changed in (url.replace(key, key[:-1] + "1"), url.replace("Expires=600", "Expires=6000")):
        answer = ask("GET", changed)
        assert answer.status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in answer.body


def test_an_address_is_for_one_method(store, key):
    store.client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    answer = ask("PUT", store.presigned("get_object", Key=key), b"y")
    assert answer.status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in answer.body
    assert store.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"x"


def test_an_address_is_for_one_content_type(store, key):
    url = store.presigned("put_object", Key=key, ContentType="video/webm")
    answer = ask("PUT", url, b"<script>", Content_Type="text/html")
    assert answer.status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in answer.body


def test_an_address_is_for_one_host(store, key):
    store.client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    answer = ask("GET", store.presigned("get_object", Key=key), Host="evil.example.org")
    assert answer.status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in answer.body


def test_an_address_that_has_ended_is_refused(store, key, monkeypatch):
    # Signed two seconds ago, for one.
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    told = lambda remove_tzinfo=True: at.replace(tzinfo=None) if remove_tzinfo else at  # noqa: E731
    monkeypatch.setattr(signing, "get_current_datetime", told)
    url = store.presigned("get_object", seconds=1, Key=key)
    answer = ask("GET", url)
    assert answer.status == 403 and b"<Code>AccessDenied</Code>" in answer.body and b"expired" in answer.body


def test_without_a_signature_nothing_is_answered(store, key):
    for method in ("GET", "PUT", "DELETE"):
        answer = ask(method, f"{store.address}/{BUCKET}/{key}", b"x" if method == "PUT" else b"")
        assert answer.status == 403 and b"<Code>AccessDenied</Code>" in answer.body


def test_a_stranger_is_refused(store, key):
    stranger = conftest.client(store.address, "AKIAIOSFODNN7EXAMPLE", "secret")
    assert refused(stranger.get_object, Bucket=BUCKET, Key=key) == (403, "InvalidAccessKeyId")


# -- Pages of other origins -----------------------------------------------------------------------------------------


def preflight(store, origin: str, method: str, headers: str) -> Answer:
    url = store.presigned("put_object", Key="chunks/1")
    return ask("OPTIONS", url, Origin=origin, Access_Control_Request_Method=method, Access_Control_Request_Headers=headers)


def test_pages_of_an_allowed_origin_may_store(store):
    answer = preflight(store, ORIGIN, "PUT", "content-type")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type"
    assert answer.headers["Access-Control-Max-Age"] == "7200"


@pytest.mark.parametrize(("origin", "method", "headers"), [
    ("https://evil.example.org", "PUT", "content-type"), (ORIGIN, "DELETE", "content-type"), (ORIGIN, "PUT", "authorization"),
])
def test_other_pages_methods_and_headers_are_refused(store, origin, method, headers):
    answer = preflight(store, origin, method, headers)
    assert answer.status == 403 and b"<Code>AccessForbidden</Code>" in answer.body
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_page_may_read_what_the_rules_expose(store, key):
    store.client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    url = store.presigned("get_object", Key=key)
    answer = ask("GET", url, Origin=ORIGIN)
    assert (answer.headers["Access-Control-Allow-Origin"], "etag" in answer.headers["Access-Control-Expose-Headers"].lower()) == (ORIGIN, True)
    assert "Access-Control-Allow-Origin" not in ask("GET", url, Origin="https://evil.example.org").headers


# -- Ranges -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "body", "told"), [
    ("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=8-", b"89", "bytes 8-9/10"),
    ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=8-99", b"89", "bytes 8-9/10"),
])
def test_a_range_is_answered(store, key, asked, body, told):
    store.client.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")
    answer = ask("GET", store.presigned("get_object", Key=key), Range=asked)
    assert (answer.status, answer.body, answer.headers["Content-Range"]) == (206, body, told)


def test_a_range_behind_the_end_is_refused(store, key):
    store.client.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")
    assert refused(store.client.get_object, Bucket=BUCKET, Key=key, Range="bytes=10-") == (416, "InvalidRange")


def test_an_object_that_is_unchanged_is_not_sent_again(store, key):
    etag = store.client.put_object(Bucket=BUCKET, Key=key, Body=b"x")["ETag"]
    assert refused(store.client.get_object, Bucket=BUCKET, Key=key, IfNoneMatch=etag)[0] == 304
    assert refused(store.client.get_object, Bucket=BUCKET, Key=key, IfMatch='"other"')[0] == 412


# -- Files in parts -----------------------------------------------------------------------------------------------


def begun(store, key: str, *parts: bytes) -> tuple[dict, list[dict]]:
    upload = {"Bucket": BUCKET, "Key": key, "UploadId": store.client.create_multipart_upload(Bucket=BUCKET, Key=key, ContentType="video/mp4")["UploadId"]}
    made = [
        {"PartNumber": number, "ETag": store.client.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]
    return upload, made


def test_parts_become_one_object(store, key):
    upload, parts = begun(store, key, b"1" * 5 * MIB, b"end")
    done = store.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert done["ETag"].endswith('-2"')
    got = store.client.get_object(Bucket=BUCKET, Key=key)
    assert (got["ContentType"], got["Body"].read()) == ("video/mp4", b"1" * 5 * MIB + b"end")
    assert refused(store.client.list_parts, **upload) == (404, "NoSuchUpload")


def test_a_part_that_is_too_small_is_refused_and_the_upload_stays(store, key):
    upload, parts = begun(store, key, b"1" * (5 * MIB - 1), b"end")
    assert refused(store.client.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts}) == (400, "EntityTooSmall")
    assert len(store.client.list_parts(**upload)["Parts"]) == 2
    parts[0]["ETag"] = store.client.upload_part(**upload, PartNumber=1, Body=b"1" * 5 * MIB)["ETag"]
    store.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert store.client.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == 5 * MIB + 3


def test_a_part_with_another_tag_is_refused_and_the_upload_stays(store, key):
    upload, parts = begun(store, key, b"whole")
    wrong = [{"PartNumber": 1, "ETag": '"00000000000000000000000000000000"'}]
    assert refused(store.client.complete_multipart_upload, **upload, MultipartUpload={"Parts": wrong}) == (400, "InvalidPart")
    store.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def test_parts_out_of_order_are_refused(store, key):
    upload, parts = begun(store, key, b"1" * 5 * MIB, b"end")
    assert refused(store.client.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts[::-1]}) == (400, "InvalidPartOrder")


def test_an_upload_that_is_thrown_away_is_gone(store, key):
    upload, parts = begun(store, key, b"1")
    store.client.abort_multipart_upload(**upload)
    assert refused(store.client.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts}) == (404, "NoSuchUpload")
    assert refused(store.client.get_object, Bucket=BUCKET, Key=key) == (404, "NoSuchKey")


# -- Lists and removal ----------------------------------------------------------------------------------------------


def test_a_list_comes_in_pages(store):
    prefix = f"chunks/{uuid.uuid4()}/"
    names = [f"{prefix}{number:06}" for number in range(7)]
    for name in reversed(names):
        store.client.put_object(Bucket=BUCKET, Key=name, Body=b"xy")
    pages = [page["Contents"] for page in store.client.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix=prefix, PaginationConfig={"PageSize": 3})]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [found["Key"] for page in pages for found in page] == names and pages[0][0]["Size"] == 2
    after = store.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix, StartAfter=names[4])
    assert [found["Key"] for found in after["Contents"]] == names[5:] and not after["IsTruncated"]


def test_a_page_has_a_thousand_keys_at_most(store):
    prefix = f"chunks/{uuid.uuid4()}/"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.client.put_object(Bucket=BUCKET, Key=f"{prefix}{number:06}", Body=b"x"), range(1001)))
    page = store.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix, MaxKeys=5000)
    assert (page["KeyCount"], page["IsTruncated"]) == (1000, True)
    keys = [{"Key": f"{prefix}{number:06}"} for number in range(1001)]
    assert refused(store.client.delete_objects, Bucket=BUCKET, Delete={"Objects": keys}) == (400, "MalformedXML")
    for some in (keys[:1000], keys[1000:]):
        store.client.delete_objects(Bucket=BUCKET, Delete={"Objects": some, "Quiet": True})
    assert store.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["KeyCount"] == 0


def test_what_is_not_there_is_as_good_as_removed(store, key):
    assert store.client.delete_object(Bucket=BUCKET, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert store.client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}]})["Deleted"][0]["Key"] == key


def test_an_odd_key_is_a_key_like_any_other(store):
    for odd in ("chunks/../../escaped", "chunks/ä b+c&d=e?f#g%2F", "chunks/" + "k" * 1017):
        store.client.put_object(Bucket=BUCKET, Key=odd, Body=odd.encode())
        assert store.client.get_object(Bucket=BUCKET, Key=odd)["Body"].read() == odd.encode()
        listed = store.client.list_objects_v2(Bucket=BUCKET, Prefix=odd)["Contents"]
        assert [found["Key"] for found in listed] == [odd]


def test_a_body_that_is_not_what_was_signed_is_refused(store, key):
    answer = refused(store.client.put_object, Bucket=BUCKET, Key=key, Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert answer == (400, "BadDigest")


# -- The embedded one alone -----------------------------------------------------------------------------------------


def test_what_was_answered_is_there_after_a_kill(tmp_path):
    with conftest.embedded(tmp_path) as store:
        store.client.put_object(Bucket=BUCKET, Key="chunks/1", Body=b"kept", ContentType="video/webm")
        upload, parts = begun(store, "files/1", b"part")
        url = store.presigned("get_object", Key="chunks/1")
    with conftest.embedded(tmp_path) as store:
        got = store.client.get_object(Bucket=BUCKET, Key="chunks/1")
        assert (got["Body"].read(), got["ContentType"]) == (b"kept", "video/webm")
        store.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        # The same server under the same name; the port is another one here, and it is signed.
        assert ask("GET", store.address + urlsplit(url).path + "?" + urlsplit(url).query, Host=urlsplit(url).netloc).body == b"kept"


def test_a_download_is_no_page(tmp_path):
    with conftest.embedded(tmp_path) as store:
        store.client.put_object(Bucket=BUCKET, Key="files/1", Body=b"<script>", ContentType="text/html")
        got = ask("GET", store.presigned("get_object", Key="files/1"))
        assert got.headers["X-Content-Type-Options"] == "nosniff" and got.headers["Content-Disposition"] == "attachment"
        assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
