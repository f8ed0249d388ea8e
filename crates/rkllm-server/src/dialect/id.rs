//! Names for answers.

/// Letters and digits after the prefix.
const LENGTH: usize = 24;

/// `prefix` and 24 random letters and digits. Unique, not secret.
pub(crate) fn id(prefix: &str) -> String {
    let mut id = String::with_capacity(prefix.len() + LENGTH);
    id.push_str(prefix);
    id.extend(std::iter::repeat_with(fastrand::alphanumeric).take(LENGTH));
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_behind_their_prefix() {
        let (one, two) = (id("chatcmpl-"), id("chatcmpl-"));
        assert_ne!(one, two);
        let tail = one.strip_prefix("chatcmpl-").unwrap();
        assert!(tail.len() == LENGTH && tail.bytes().all(|b| b.is_ascii_alphanumeric()), "{one}");
    }
}
