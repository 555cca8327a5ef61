"""What coturn says of the bytes that it relayed is what its clients sent and got, and is read as `infra/turn_usage.py` reads it."""

import sys

import server
from turn_client import Client, ephemeral

sys.path.insert(0, str(server.COTURN.parent / "infra"))

import turn_usage  # noqa: E402

SECRET = "tunrtc-test-secret-on-loopback-only"
ANN, BEN = "0190163d-8694-739b-aea5-966c26f8ad91", "ffffffff-ffff-8fff-bfff-ffffffffffff"


def told(running: server.Server) -> list[turn_usage.Allocation]:
    return turn_usage.read(running.log.read_text().splitlines())


def test_the_recorded_log_comes_to_what_the_program_makes_of_it():
    lines = (server.COTURN / "tests" / "usage.txt").read_text().splitlines()
    assert [(each.name, each.user, each.count) for each in turn_usage.read(lines)] == [
        ("001000000000000001-1795963211", ANN, 1_554_844),
        ("001000000000000002-1795963211", BEN, 6_150_000),
    ]
    assert turn_usage.read(lines)[0].command()["began"] == "2026-11-29T14:30:13+00:00"


def test_the_real_server_says_with_the_option_how_much_it_relayed_for_whom(tmp_path, secret):
    rendered = server.production(tmp_path / "rendered.conf", TURN_SECRET=secret, TURN_USAGE="yes").read_text()
    options = {"verbose", "new-log-timestamp"}
    assert options <= set(rendered.splitlines())
    assert not options & set(server.production(tmp_path / "usual.conf", TURN_SECRET=secret).read_text().splitlines())
    # The test configuration relays on loopback, which the production configuration refuses.
    configuration = tmp_path / "usage.conf"
    configuration.write_text((server.COTURN / "turnserver.test.conf").read_text() + "\n".join(["", *sorted(options), ""]))
    with server.coturn(configuration, tmp_path) as running:
        ann = Client(running.host, running.port, "udp", ephemeral(SECRET, ANN, 600))
        ben = Client(running.host, running.port, "udp", ephemeral(SECRET, BEN, 600))
        with ann as at_ann, ben as at_ben:
            to_ann, to_ben = at_ann.relayed(), at_ben.relayed()
            at_ann.permit(*to_ben)
            at_ben.permit(*to_ann)
            for _ in range(100):
                at_ann.send(to_ben, b"x" * 1000)
                at_ben.receive()
            assert at_ann.release().code == at_ben.release().code == 200
            server.wait_for(lambda: {ANN, BEN} == {each.user for each in told(running)}, "what was relayed")
        said = {each.user: each.count for each in told(running)}
    # A thousand bytes and the frame around them, from Ann to the server and from the server to Ben.
    assert all(100_000 <= said[user] <= 115_000 for user in (ANN, BEN)), said
