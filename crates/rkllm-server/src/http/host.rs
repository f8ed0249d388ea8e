//! The name that a request calls the server by.
//!
//! A web page can give its own name the address of this machine and then talk to a server here as
//! if it were its own (DNS rebinding). It cannot do so with an address or with `localhost`.

use std::net::IpAddr;

/// Whether `host`, as it stands in the header, is a name for this machine that no page can take.
pub(super) fn is_own(host: &str, allowed: &[String]) -> bool {
    let name = without_port(host);
    let name = name.strip_suffix('.').unwrap_or(name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok()
        || is_localhost(name)
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
}

pub(super) fn is_localhost(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The name or address without the port after it; IPv6 addresses keep their brackets.
pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') =>
        {
            // A bare IPv6 address ends in a colon and digits as well.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_own() {
        for host in [
            "localhost",
            "LocalHost:5000",
            "localhost.",
            "app.localhost:80",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:5000",
            "[::1]",
            "::1",
            "192.168.1.5:5000",
        ] {
            assert!(is_own(host, &[]), "{host}");
        }
    }

    #[test]
    fn names_are_not_unless_they_are_allowed() {
        for host in [
            "evil.example",
            "evil.example:5000",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
            "board",
        ] {
            assert!(!is_own(host, &[]), "{host}");
        }
        let allowed = ["board".to_owned(), "chat.example".to_owned()];
        assert!(is_own("Board:5000", &allowed));
        assert!(is_own("chat.example", &allowed));
        assert!(!is_own("x.chat.example", &allowed));
    }
}
