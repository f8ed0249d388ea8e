//! Documentation of macro constants, which bindgen leaves out.

use syn::{File, Item, parse_quote};

/// Gives each undocumented constant the comment in front of its `#define` in the C source.
pub(super) fn document(file: &mut File, c: &str) {
    for item in &mut file.items {
        let Item::Const(constant) = item else {
            continue;
        };
        if let (true, Some(text)) =
            (constant.attrs.is_empty(), comment(c, &constant.ident.to_string()))
        {
            let text = format!(" {text}");
            constant.attrs.push(parse_quote!(#[doc = #text]));
        }
    }
}

/// The one-line comment that ends on the line before `#define <name>`.
fn comment<'a>(c: &'a str, name: &str) -> Option<&'a str> {
    let is_define = |line: &str| {
        line.strip_prefix("#define ").and_then(|rest| rest.split([' ', '(']).next()) == Some(name)
    };
    let (before, _) = c.lines().zip(c.lines().skip(1)).find(|(_, line)| is_define(line))?;
    Some(before.strip_prefix("/**")?.strip_suffix("*/")?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_gets_the_comment_of_its_own_define() {
        let c = "/** Ten. */\n#define AB 10\n/** One. */\n#define A 1\n#define C 2\n";
        assert_eq!(comment(c, "A"), Some("One."));
        assert_eq!(comment(c, "AB"), Some("Ten."));
        assert_eq!(comment(c, "C"), None);
    }
}
