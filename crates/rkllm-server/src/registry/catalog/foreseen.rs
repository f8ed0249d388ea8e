//! What a model will be able to do with text once it is loaded, as its files tell.

use rkllm_chat::{ChatTemplate, ReasoningTags, SpecialTokens, TemplateSource};

use super::entry::ModelEntry;

/// The tokenizer that the server itself can use.
const TOKENIZER: &str = "tokenizer.json";

/// What is expected of a model that is not in memory. Files that cannot be read foretell nothing:
/// what is wrong with them is said when the model is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Foreseen {
    /// The chat template's source.
    pub(crate) template: Option<String>,
    /// Whether it can be told of functions.
    pub(crate) tools: bool,
    /// Whether it can think before it answers.
    pub(crate) thinking: bool,
}

impl Foreseen {
    pub(super) fn of(entry: &ModelEntry) -> Self {
        let facts = entry.facts().ok();
        let has_tokenizer = facts.is_some_and(|facts| facts.tokenizer.is_some())
            || entry.tokenizer_files.iter().any(|file| file.ends_with(TOKENIZER));
        if !has_tokenizer {
            return Self::default();
        }
        let own = || facts.and_then(|facts| facts.chat_template.clone());
        let in_folder = entry.folder.as_deref().and_then(|path| TemplateSource::find(path).ok()?);
        let (template, parsed) = match (entry.settings.template.clone(), in_folder) {
            (None, Some(source)) => {
                let parsed = source.parse(Vec::new()).ok();
                (Some(source.template), parsed)
            }
            (said, _) => {
                let template = said.or_else(own);
                let parse = |text: &String| ChatTemplate::parse(text, SpecialTokens::default());
                let parsed = template.as_ref().and_then(|text| parse(text).ok());
                (template, parsed)
            }
        };
        let has_tags = entry.settings.reasoning.is_some()
            || template.as_deref().and_then(ReasoningTags::detect).is_some();
        Self {
            tools: parsed.is_some(),
            thinking: has_tags || parsed.is_some_and(|template| template.supports_thinking()),
            template,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use super::super::{Catalog, gguf};
    use super::*;

    const PLAIN: &str = "{% for m in messages %}{{ m.content }}{% endfor %}";
    const THINKING: &str = "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n\n</think>";

    fn of(catalog: &Catalog, name: &str) -> Foreseen {
        catalog.resolve(name).unwrap().foreseen.as_ref().clone()
    }

    fn model(root: &Path, name: &str, files: &[(&str, &str)]) {
        let folder = root.join(name);
        fs::create_dir(&folder).unwrap();
        for (file, content) in [("m.rkllm", "x")].iter().chain(files) {
            fs::write(folder.join(file), content).unwrap();
        }
    }

    #[test]
    fn a_template_needs_a_tokenizer() {
        let root = tempfile::tempdir().unwrap();
        let (tokenizer, template) = (("tokenizer.json", "{}"), ("chat_template.jinja", PLAIN));
        model(root.path(), "both", &[tokenizer, template]);
        model(root.path(), "tokenizer", &[tokenizer]);
        model(root.path(), "template", &[template]);
        model(root.path(), "thinking", &[tokenizer, ("chat_template.jinja", THINKING)]);
        model(root.path(), "broken", &[tokenizer, ("chat_template.jinja", "{% if")]);
        let tags =
            ("model.toml", "reasoning = { start = '[a]', end = '[b]' }\ntemplate = '{{ 1 }}'");
        model(root.path(), "said", &[tokenizer, template, tags]);
        let catalog = Catalog::scan(root.path()).unwrap();
        let seen = |template: &str, tools, thinking| Foreseen {
            template: Some(template.to_owned()),
            tools,
            thinking,
        };
        assert_eq!(of(&catalog, "both"), seen(PLAIN, true, false));
        assert_eq!(of(&catalog, "tokenizer"), Foreseen::default());
        assert_eq!(of(&catalog, "template"), Foreseen::default());
        assert_eq!(of(&catalog, "thinking"), seen(THINKING, true, true));
        assert_eq!(of(&catalog, "broken"), seen("{% if", false, false));
        assert_eq!(of(&catalog, "said"), seen("{{ 1 }}", true, true));
    }

    #[test]
    fn gguf_models_hold_both() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("m.gguf"), gguf::tests::example()).unwrap();
        let catalog = Catalog::scan(root.path()).unwrap();
        let template = Some("{{ messages }}".repeat(100));
        assert_eq!(of(&catalog, "m"), Foreseen { template, tools: true, thinking: false });
    }

    #[test]
    fn a_rescan_keeps_it_until_a_file_changes() {
        let root = tempfile::tempdir().unwrap();
        let files = [("tokenizer.json", "{}"), ("chat_template.jinja", PLAIN)];
        model(root.path(), "m", &files);
        let first = Catalog::scan(root.path()).unwrap();
        assert!(!of(&first, "m").thinking);
        let (second, _) = first.rescan().unwrap();
        let [old, new] = [&first, &second].map(|catalog| &catalog.entries()[0].foreseen);
        assert!(Arc::ptr_eq(old, new));
        fs::write(root.path().join("m/chat_template.jinja"), THINKING).unwrap();
        let (third, _) = second.rescan().unwrap();
        assert!(of(&third, "m").thinking);
    }
}
