//! What was accepted without effect, by name in a response header, so that nothing is ignored in
//! silence.

/// The response header.
pub(crate) const IGNORED: &str = "x-rkllm-ignored";

/// Longest value of the header, but for the count at its end, and longest name in it, in bytes.
const MAX_VALUE: usize = 1000;
const MAX_NAME: usize = 200;

/// The header's value. Names come from the client: what cannot stand in a header is replaced.
pub(super) fn header(names: &[String]) -> String {
    let mut value = String::new();
    for (index, name) in names.iter().enumerate() {
        let name = printable(name);
        if value.len() + name.len() > MAX_VALUE {
            return format!("{value} and {} more", names.len() - index);
        }
        if !value.is_empty() {
            value.push_str(", ");
        }
        value.push_str(&name);
    }
    value
}

fn printable(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_graphic() || c == ' ' { c } else { '?' }
    };
    let mut characters = name.chars();
    let mut text: String = characters.by_ref().take(MAX_NAME).map(plain).collect();
    if characters.next().is_some() {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed() {
        let names = ["mood".to_owned(), "messages[0].näme\r\n".to_owned()];
        assert_eq!(header(&names), "mood, messages[0].n?me??");
    }

    #[test]
    fn a_list_that_is_cut_says_so() {
        let names: Vec<_> = (0..500).map(|index| format!("field{index:03}")).collect();
        let value = header(&names);
        assert!(value.ends_with("field099 and 400 more"), "{value}");
        let long = header(&["x".repeat(300)]);
        assert_eq!(long, format!("{}...", "x".repeat(200)));
    }
}
