//! The lines of a `Modelfile`: Ollama's `INSTRUCTION value` and rkllama's `KEY="value"`.

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Where it begins, counted from 1.
    pub(super) line: usize,
    /// Its name in upper case.
    pub(super) name: String,
    /// The first word of what follows, for `PARAMETER` and `MESSAGE`.
    pub(super) key: Option<String>,
    /// What follows, without quotes.
    pub(super) value: String,
    /// Whether it was written with `=`.
    pub(super) assigned: bool,
}

/// What cannot be read: line and problem.
pub(super) type Problem = (usize, String);

/// Takes a `Modelfile` apart.
pub(super) fn instructions(text: &str) -> Result<Vec<Instruction>, Problem> {
    let mut lines = text.lines().enumerate();
    let mut found = Vec::new();
    while let Some((index, text)) = lines.next() {
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let line = index + 1;
        let (name, rest) = word(text);
        if name.is_empty() {
            return Err((line, "it begins with no instruction such as FROM".to_owned()));
        }
        let name = name.to_uppercase();
        let rest = rest.trim_start();
        if let Some(value) = rest.strip_prefix('=') {
            let value = assigned(value.trim()).map_err(|problem| (line, problem))?;
            found.push(Instruction { line, name, key: None, value, assigned: true });
            continue;
        }
        let (key, rest) = match name.as_str() {
            "PARAMETER" | "MESSAGE" => {
                let (key, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                (Some(key.to_lowercase()), rest.trim_start())
            }
            _ => (None, rest),
        };
        let more = lines.by_ref().map(|(_, text)| text);
        let value = quoted(rest, more).map_err(|problem| (line, problem))?;
        found.push(Instruction { line, name, key, value, assigned: false });
    }
    Ok(found)
}

/// The letters at the start, and the rest.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    text.split_at(end.unwrap_or(text.len()))
}

/// The value of a line of rkllama's: in quotes with escapes, or bare.
fn assigned(value: &str) -> Result<String, String> {
    let Some(rest) = value.strip_prefix('"') else { return Ok(value.to_owned()) };
    let inner = rest.strip_suffix('"').ok_or("its quote is not closed on the same line")?;
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(next @ ('n' | '"' | '\\'))) => {
                plain.push(if next == 'n' { '\n' } else { next });
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    Ok(plain)
}

/// The value of an instruction of Ollama's: bare to the end of the line, or in quotes, single or
/// triple, to the first line that ends with them.
fn quoted<'a>(first: &'a str, mut more: impl Iterator<Item = &'a str>) -> Result<String, String> {
    let quote = ["\"\"\"", "\""].into_iter().find(|quote| first.starts_with(quote));
    let Some(quote) = quote else { return Ok(first.trim_end().to_owned()) };
    let mut text = first[quote.len()..].to_owned();
    loop {
        if let Some(inner) = text.trim_end().strip_suffix(quote) {
            let length = inner.len();
            text.truncate(length);
            return Ok(text);
        }
        let next = more.next().ok_or_else(|| format!("its {quote} is not closed"))?;
        text.push('\n');
        text.push_str(next);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, Option<String>, String)> {
        let read = |found: Instruction| (found.name, found.key, found.value);
        instructions(text).unwrap().into_iter().map(read).collect()
    }

    fn one(text: &str) -> String {
        let [(_, _, value)] = read(text).try_into().unwrap();
        value
    }

    #[test]
    fn both_forms() {
        let text = "\
# made by hand
FROM=\"m.rkllm\"
  TEMPERATURE = 0.7

from ./m.gguf
PARAMETER Stop \"<|im_end|>\"
PARAMETER num_ctx 4096\r
MESSAGE user Hi there";
        let value = |name: &str, key: Option<&str>, value: &str| {
            (name.to_owned(), key.map(str::to_owned), value.to_owned())
        };
        assert_eq!(
            read(text),
            [
                value("FROM", None, "m.rkllm"),
                value("TEMPERATURE", None, "0.7"),
                value("FROM", None, "./m.gguf"),
                value("PARAMETER", Some("stop"), "<|im_end|>"),
                value("PARAMETER", Some("num_ctx"), "4096"),
                value("MESSAGE", Some("user"), "Hi there"),
            ]
        );
        assert_eq!(instructions(text).unwrap().map_lines(), [2, 3, 5, 6, 7, 8]);
    }

    trait Lines {
        fn map_lines(self) -> Vec<usize>;
    }

    impl Lines for Vec<Instruction> {
        fn map_lines(self) -> Vec<usize> {
            self.into_iter().map(|found| found.line).collect()
        }
    }

    #[test]
    fn quotes() {
        assert_eq!(one("SYSTEM \"\"\"You\n# are\n \"\"\" \n"), "You\n# are\n ");
        assert_eq!(one("SYSTEM \"You\nare\""), "You\nare");
        assert_eq!(one("SYSTEM \"\"\"\"\"\""), "");
        assert_eq!(one("SYSTEM \"\""), "");
        assert_eq!(one("SYSTEM say \"yes\""), "say \"yes\"");
        assert_eq!(one("SYSTEM \"\"\"say \"yes\"\nor no\"\"\""), "say \"yes\"\nor no");
        assert_eq!(one(r#"SYSTEM="a\n\"b\" \\ \t""#), "a\n\"b\" \\ \\t");
        assert_eq!(one(r#"SYSTEM="\\n""#), "\\n");
        assert_eq!(one("SYSTEM="), "");
        assert_eq!(one("TEMPLATE \"\"\"{{ a }}\n\n{{ b }}\"\"\""), "{{ a }}\n\n{{ b }}");
    }

    #[test]
    fn problems_have_a_line() {
        let problem = |text| instructions(text).unwrap_err();
        assert_eq!(problem("\n\"x\"").0, 2);
        assert_eq!(problem("FROM x\nSYSTEM \"\"\"a\nb"), (2, "its \"\"\" is not closed".into()));
        assert_eq!(problem("SYSTEM=\"a").0, 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(FROM|SYSTEM|[a-z\"=\\\\#\n ]){0,40}") {
            let lines = text.lines().count();
            match instructions(&text) {
                Ok(found) => {
                    let numbers = found.map_lines();
                    prop_assert!(numbers.is_sorted());
                    prop_assert!(numbers.iter().all(|line| (1..=lines).contains(line)));
                }
                Err((line, _)) => prop_assert!((1..=lines).contains(&line)),
            }
        }

        #[test]
        fn what_rkllama_writes_comes_back(text in "[a-z\"\\\\\n ]{0,20}") {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            prop_assert_eq!(one(&format!("SYSTEM=\"{escaped}\"")), text);
        }

        #[test]
        fn what_stands_in_triple_quotes_comes_back(text in "[a-z\\\\\n #]{0,20}") {
            prop_assert_eq!(one(&format!("SYSTEM \"\"\"{text}\"\"\"")), text);
        }
    }
}
