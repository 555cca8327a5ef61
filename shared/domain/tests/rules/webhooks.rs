//! Where webhooks are sent, and how often.

use std::net::IpAddr;
use std::time::Duration;

use domain::webhooks::{Next, Outcome, SPREAD_TRIES, Target, after_in_order, after_spread, is_public};

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn only_the_public_internet_is_public() {
    for text in
        ["1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "223.255.255.1"]
    {
        assert!(is_public(address(text)), "{text}");
    }
    for text in ["2606:4700:4700::1111", "2a00:1450:4001:82a::200e", "2001:200::1", "2001:4860:4860::8888"] {
        assert!(is_public(address(text)), "{text}");
    }
    let private = [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
    ];
    let forms = [
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:53aa:64c::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "4000::1",
    ];
    for text in private.into_iter().chain(forms) {
        assert!(!is_public(address(text)), "{text}");
    }
}

#[test]
fn a_target_is_https_with_a_host_and_nothing_hidden() {
    for (url, host, port, path) in [
        ("https://example.com", "example.com", 443, "/"),
        ("https://Example.com:8443/hooks?a=b", "example.com", 8443, "/hooks?a=b"),
        ("https://example.com?a=b", "example.com", 443, "/?a=b"),
        ("https://[2606:4700::1111]/x", "2606:4700::1111", 443, "/x"),
        ("https://1.1.1.1:443/", "1.1.1.1", 443, "/"),
    ] {
        let target = Target::parse(url, false).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), (host, port, path), "{url}");
        assert_eq!((target.as_str(), target.is_plain), (url, false));
    }
    let long = format!("https://example.com/{}", "x".repeat(2048));
    for url in [
        "",
        "example.com",
        "ftp://example.com",
        "http://example.com/",
        "https://",
        "https://:443/",
        "https://user@example.com/",
        "https://example.com@evil.example/",
        "https://example.com/#x",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:/",
        "https://example.com:443x/",
        "https://exa mple.com/",
        "https://exämple.com/",
        "https://[::1]/",
        "https://[::1",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/",
        "https://10.0.0.1/",
        "https://.example.com/",
        "https://example.com/{x}",
        "https://example.com\\@evil.example/",
        "http://localhost:3000/",
        "https://localhost:3000/",
        &long,
    ] {
        assert!(Target::parse(url, false).is_err(), "{url}");
    }
}

#[test]
fn a_server_on_a_developers_machine_also_reaches_that_machine_and_nothing_else_private() {
    for url in ["http://localhost:3000/hooks", "http://127.0.0.1:9/", "http://[::1]:80/", "https://localhost:8443/"] {
        let target = Target::parse(url, true).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(target.may_reach(address("127.0.0.1"), true), "{url}");
        assert!(!target.may_reach(address("127.0.0.1"), false), "{url}");
        assert!(!target.may_reach(address("10.0.0.1"), true), "{url}");
    }
    for url in ["http://10.0.0.1/", "http://example.com/", "https://192.168.1.1/", "http://localhost.example.com/"] {
        assert!(Target::parse(url, true).is_err(), "{url}");
    }
    let public = Target::parse("https://example.com/", true).expect("a target");
    assert!(public.may_reach(address("1.1.1.1"), true));
    assert!(!public.may_reach(address("127.0.0.1"), true), "a name that leads to the machine itself");
}

const SECOND: Duration = Duration::from_secs(1);
const FAILED: Outcome = Outcome::Failed(None);

#[test]
fn tries_keep_their_place_for_three_minutes_and_are_spread_over_three_days() {
    let in_order: Vec<_> = (1..=4).map(|tries| after_in_order(tries, FAILED)).collect();
    let again = |seconds| Next::Again(seconds * SECOND);
    assert_eq!(in_order, [again(5), again(30), again(120), Next::Later(300 * SECOND)]);
    let mut waited = 300 * SECOND;
    for tries in 1..SPREAD_TRIES {
        match after_spread(tries, FAILED, 0.5) {
            Next::Again(wait) => waited += wait,
            other => panic!("after {tries}: {other:?}"),
        }
    }
    assert_eq!(after_spread(SPREAD_TRIES, FAILED, 0.5), Next::GiveUp);
    let days = waited.as_secs_f64() / 86_400.0;
    assert!((2.5..3.0).contains(&days), "{days} days");
}

#[test]
fn waits_are_spread_by_chance_and_never_longer_than_a_queue_can_keep_them() {
    for tries in 1..SPREAD_TRIES {
        let of = |chance| match after_spread(tries, FAILED, chance) {
            Next::Again(wait) => wait,
            other => panic!("{other:?}"),
        };
        assert!(of(0.0) < of(1.0) && of(1.0) < 12 * 3600 * SECOND, "{tries}");
    }
}

#[test]
fn an_endpoint_is_left_alone_for_as_long_as_it_asks_and_its_line_does_not_wait_for_ever() {
    let asked = |seconds: u32| Outcome::Failed(Some(seconds * SECOND));
    assert_eq!(after_in_order(1, asked(60)), Next::Again(60 * SECOND));
    assert_eq!(after_in_order(1, asked(1)), Next::Again(5 * SECOND));
    assert_eq!(after_in_order(1, asked(900)), Next::Later(900 * SECOND));
    assert_eq!(after_spread(1, asked(7200), 0.0), Next::Again(7200 * SECOND));
    assert!(matches!(after_spread(1, asked(u32::MAX), 0.0), Next::Again(wait) if wait < 12 * 3600 * SECOND));
    assert!(matches!(after_in_order(1, asked(u32::MAX)), Next::Later(wait) if wait < 12 * 3600 * SECOND));
}

#[test]
fn what_was_taken_is_done_and_an_endpoint_that_is_gone_is_disabled() {
    for tries in [1, 4, 9] {
        assert_eq!(after_in_order(tries, Outcome::Taken), Next::Done);
        assert_eq!(after_spread(tries, Outcome::Taken, 0.3), Next::Done);
        assert_eq!(after_in_order(tries, Outcome::Gone), Next::Disable);
        assert_eq!(after_spread(tries, Outcome::Gone, 0.3), Next::Disable);
    }
}
