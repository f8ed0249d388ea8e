//! The tag `generation`, by which templates mark for training what the model says.
//!
//! It renders its body in a scope of its own, as `with` does, so that is what it becomes before the
//! engine, which does not know it, reads the template.

use std::borrow::Cow;

/// The source with `{% generation %}` as `{% with %}`.
pub(crate) fn without_generation_tags(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") {
        return Cow::Borrowed(source);
    }
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        let (text, tag) = rest.split_at(at);
        plain.push_str(text);
        let (tag, after) = tag.split_at(tag_length(tag));
        plain.push_str(&replaced(tag));
        rest = after;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Length of the tag that a text begins with: a comment, an expression, a statement, or else the
/// brace alone.
fn tag_length(text: &str) -> usize {
    let whole = |end: Option<usize>| end.unwrap_or(text.len());
    match text.as_bytes().get(1) {
        Some(b'#') => whole(text.find("#}").map(|at| at + 2)),
        Some(b'{') => whole(end_of_code(text, b"}}")),
        Some(b'%') => {
            let end = whole(end_of_code(text, b"%}"));
            match keyword(&text[..end]) {
                Some("raw") => whole(end_of_raw(text)),
                _ => end,
            }
        }
        _ => 1,
    }
}

/// Where code ends: after the closing bracket that does not stand in a string.
fn end_of_code(text: &str, closing: &[u8; 2]) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, _) if bytes[at..].starts_with(closing) => return Some(at + 2),
            _ => {}
        }
        at += 1;
    }
    None
}

fn end_of_raw(text: &str) -> Option<usize> {
    let mut from = 2;
    loop {
        let start = from + text[from..].find("{%")?;
        let end = start + text[start..].find("%}")? + 2;
        if keyword(&text[start..end]) == Some("endraw") {
            return Some(end);
        }
        from = start + 2;
    }
}

/// What a statement of one word says.
fn keyword(tag: &str) -> Option<&str> {
    let inner = tag.strip_prefix("{%")?.strip_suffix("%}")?;
    Some(inner.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim())
}

fn replaced(tag: &str) -> Cow<'_, str> {
    match keyword(tag) {
        Some("generation") => Cow::Owned(tag.replacen("generation", "with", 1)),
        Some("endgeneration") => Cow::Owned(tag.replacen("endgeneration", "endwith", 1)),
        _ => Cow::Borrowed(tag),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_become_with_and_keep_their_signs() {
        assert_eq!(
            without_generation_tags("{%- generation -%}a{{ b }}{%+endgeneration%}\n"),
            "{%- with -%}a{{ b }}{%+endwith%}\n"
        );
    }

    #[test]
    fn what_only_looks_like_a_tag_stays() {
        for source in [
            "generation",
            "{# {% generation %} #}",
            "{{ '{% generation %}' }}",
            r#"{% set a = "\"{% generation %}" %}"#,
            "{% raw %}{% generation %}{% endgeneration %}{%- endraw %}",
            "{% if add_generation_prompt %}{% endif %}",
            "{ {{ '}}",
            "{% raw %}{% generation",
            "{% generation",
        ] {
            assert_eq!(without_generation_tags(source), source);
        }
        let after = "{% raw %}{{ '{% endraw %}{% generation %}";
        assert_eq!(without_generation_tags(after), after.replace("generation", "with"));
    }

    proptest! {
        #[test]
        fn nothing_but_tags_changes(
            parts in prop::collection::vec(
                "(\\{%|%\\}|\\{\\{|\\}\\}|#\\}|\\{#|raw|endraw|generation|é|'|\"|-| |\\\\)*", 0..8,
            ),
        ) {
            let source = parts.concat();
            let plain = without_generation_tags(&source);
            prop_assert_eq!(
                plain.replace("endwith", "endgeneration").replace("with", "generation"),
                source
            );
        }
    }
}
