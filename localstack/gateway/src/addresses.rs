//! Where the server can be reached, and what is possible there: what its start tells.

use std::net::IpAddr;

use crate::Options;

/// The server's own name for itself, where none was given.
///
/// `localhost` where it leads here: browsers count it as a secure context, which cameras need.
pub fn own_url(host: &str, port: u16) -> String {
    let name = match host {
        "127.0.0.1" | "0.0.0.0" | "::" | "::1" => "localhost".to_owned(),
        ipv6 if ipv6.contains(':') => format!("[{ipv6}]"),
        name => name.to_owned(),
    };
    format!("http://{name}:{port}")
}

/// What people should know before they use the server, a line each.
pub fn notes(options: &Options, port: u16) -> Vec<String> {
    let mut notes = Vec::new();
    match &options.public_url {
        Some(url) if !is_secure(url) => notes.push(format!("At {url} {NO_CAMERAS}")),
        Some(_) => {}
        None => {
            let elsewhere: Vec<String> = reached_at(&options.host).map(|address| web_address(address, port)).collect();
            if !elsewhere.is_empty() {
                notes.push(format!("Other devices reach it at {}; there {NO_CAMERAS}", elsewhere.join(" and ")));
            }
        }
    }
    notes.extend(reach(options));
    notes
}

const NO_CAMERAS: &str = "browsers give no camera and no microphone without HTTPS, only at localhost";
const NO_ICE: &str =
    "No STUN or TURN server is set: calls only inside one network; --stun-url and --turn-url take them further";
const NO_TURN: &str = "behind strict firewalls they need TURN, --turn-url";

/// How far calls reach, where that is not everywhere.
fn reach(options: &Options) -> Option<String> {
    match (options.stun_urls.as_slice(), options.turn_urls.as_slice()) {
        ([], []) => Some(NO_ICE.to_owned()),
        (stun, []) => Some(format!("Calls find their way between networks by {}; {NO_TURN}", stun.join(", "))),
        _ => None,
    }
}

/// Whether browsers give cameras to pages of that address.
fn is_secure(url: &str) -> bool {
    let host = url.strip_prefix("http://").map(|rest| rest.rsplit_once(':').map_or(rest, |(host, _)| host));
    host.is_none_or(|host| {
        host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || host.starts_with("127.")
    })
}

/// The addresses of this machine by which others may reach a server that listens there.
fn reached_at(host: &str) -> impl Iterator<Item = IpAddr> {
    let listens: Option<IpAddr> = host.parse().ok();
    let all = listens.filter(IpAddr::is_unspecified).map(|any| interfaces(any.is_ipv4())).unwrap_or_default();
    let one = listens.filter(|address| !address.is_unspecified() && !address.is_loopback());
    all.into_iter().chain(one)
}

/// The addresses of the network interfaces; IPv6 ones only where the server listens on all of both.
fn interfaces(only_ipv4: bool) -> Vec<IpAddr> {
    let found = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    let usable = found.filter(|interface| !interface.is_loopback() && !interface.is_link_local());
    usable.map(|interface| interface.ip()).filter(|address| address.is_ipv4() || !only_ipv4).collect()
}

fn web_address(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(address) => format!("http://{address}:{port}"),
        IpAddr::V6(address) => format!("http://[{address}]:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(host: &str, public_url: Option<&str>) -> Options {
        let turn_urls = vec!["turn:turn.example.org".to_owned()];
        Options { host: host.to_owned(), public_url: public_url.map(str::to_owned), turn_urls, ..Options::default() }
    }

    #[test]
    fn a_server_for_this_machine_alone_needs_no_word_about_addresses() {
        for host in ["127.0.0.1", "localhost", "::1"] {
            assert_eq!(notes(&options(host, None), 5000), [""; 0], "{host}");
        }
    }

    #[test]
    fn a_server_for_others_tells_its_addresses_and_what_is_not_possible_there() {
        let told = notes(&options("192.0.2.7", None), 5000).join("\n");
        assert!(told.contains("http://192.0.2.7:5000;") && told.contains("HTTPS"), "{told}");
        assert!(notes(&options("2001:db8::1", None), 5000)[0].contains("http://[2001:db8::1]:5000"));
    }

    #[test]
    fn a_public_address_without_https_tells_what_is_not_possible_there() {
        for (url, told) in [
            ("https://tunrtc.example.org", false),
            ("http://localhost:8080", false),
            ("http://127.0.0.1:8080", false),
            ("http://tunrtc.example.org", true),
            ("http://192.0.2.7:5000", true),
        ] {
            assert_eq!(!notes(&options("0.0.0.0", Some(url)), 5000).is_empty(), told, "{url}");
        }
    }

    #[test]
    fn without_turn_the_reach_of_calls_is_told() {
        let none = Options { turn_urls: Vec::new(), ..options("127.0.0.1", None) };
        assert_eq!(notes(&none, 5000), [NO_ICE]);
        let stun = Options { stun_urls: vec!["stun:stun.example.org".to_owned()], ..none };
        let told = notes(&stun, 5000).join("\n");
        assert!(told.contains("stun:stun.example.org") && told.contains("--turn-url"), "{told}");
        assert!(notes(&options("127.0.0.1", None), 5000).is_empty());
    }

    #[test]
    fn the_stun_server_that_clients_are_told_by_default_is_that_of_the_template() {
        let template = include_str!("../../../infra/template.yaml");
        assert!(template.contains(&format!("Default: {}\n", crate::DEFAULT_STUN_URL)));
    }
}
