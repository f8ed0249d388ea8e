//! The line in a runtime library that says which version it is.

use memchr::memmem;

use crate::Version;

/// How the line begins.
const PREFIX: &str = "RKLLM SDK (version:";

/// Longest distance from the beginning to the closing parenthesis, in bytes.
const MAX_LEN: usize = 256;

/// What the line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Banner {
    pub(crate) version: Version,
    pub(crate) target: String,
    pub(crate) build: String,
}

/// The first complete banner in the bytes of a library.
pub(crate) fn find(bytes: &[u8]) -> Option<Banner> {
    memmem::find_iter(bytes, PREFIX).find_map(|at| parse(&bytes[at + PREFIX.len()..]))
}

/// Reads what follows the prefix. `None` where it is not a banner but, say, the text that
/// another program searches for.
fn parse(rest: &[u8]) -> Option<Banner> {
    let line = &rest[..rest.len().min(MAX_LEN)];
    let end = memchr::memchr(b')', line)?;
    let mut parts = std::str::from_utf8(&line[..end]).ok()?.split('|').map(str::trim);
    let version = parts.next()?.parse().ok()?;
    let mut banner = Banner { version, target: String::new(), build: String::new() };
    for part in parts {
        match part.split_once(':') {
            Some(("target", value)) => banner.target = value.trim().to_owned(),
            Some(("build", value)) => banner.build = value.trim().to_owned(),
            _ => {}
        }
    }
    Some(banner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str =
        "RKLLM SDK (version: 1.2.3 | target: Linux | build: 00ff 2025-11-03 10:11:12)";

    fn expected() -> Banner {
        Banner {
            version: "1.2.3".parse().unwrap(),
            target: "Linux".to_owned(),
            build: "00ff 2025-11-03 10:11:12".to_owned(),
        }
    }

    #[test]
    fn reads_all_parts() {
        assert_eq!(find(LINE.as_bytes()), Some(expected()));
    }

    #[test]
    fn parts_may_be_missing() {
        let banner = find(b"RKLLM SDK (version: 1.1.4)").unwrap();
        assert_eq!((banner.target.as_str(), banner.build.as_str()), ("", ""));
    }

    #[test]
    fn passes_over_what_only_looks_like_a_banner() {
        let bytes = format!("{PREFIX}\0{PREFIX} %s | target: %s)\0{LINE}\0");
        assert_eq!(find(bytes.as_bytes()), Some(expected()));
        assert_eq!(find(format!("{PREFIX} 1.2.3 | target: Linux").as_bytes()), None);
    }

    proptest! {
        #[test]
        fn finds_a_banner_anywhere(
            before in proptest::collection::vec(any::<u8>(), 0..2000),
            after in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let bytes = [&before, LINE.as_bytes(), &after].concat();
            prop_assert_eq!(find(&bytes), Some(expected()));
        }

        #[test]
        fn never_panics_after_the_prefix(rest in proptest::collection::vec(any::<u8>(), 0..600)) {
            find(&[PREFIX.as_bytes(), &rest].concat());
        }
    }
}
