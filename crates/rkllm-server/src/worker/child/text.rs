//! What goes into a model and comes out of it as text: vocabulary, template, tags, formats.

use std::collections::BTreeMap;

use rkllm::{Capability, Runtime, Session};
use rkllm_api::Template;
use rkllm_chat::{
    ChatTemplate, ModelFolder, ReasoningTags, SpecialTokens, TemplateSource, ToolFormat,
};

use super::load::LoadError;
use super::vocabulary::Vocabulary;
use crate::worker::spec::ModelSpec;

/// Conversation to tokens on our side of the runtime.
#[derive(Debug)]
pub(super) struct TextSide {
    pub(super) vocabulary: Vocabulary,
    pub(super) template: Option<ChatTemplate>,
    /// The template's source.
    pub(super) source: Option<String>,
    /// Where the template is from.
    pub(super) origin: Template,
    /// The tokens that runtimes leave out of the text that they give, and how they are written.
    pub(super) control: BTreeMap<i32, String>,
    /// The token to put before a prompt that does not begin with it.
    pub(super) bos: Option<i32>,
    /// Tokens that end an answer, whether the runtime knows or not.
    pub(super) end_tokens: Vec<i32>,
    /// Bytes of the longest text that one token stands for.
    pub(super) longest_piece: usize,
    /// The tags around the model's thoughts.
    pub(super) reasoning: Option<ReasoningTags>,
    /// How the model writes calls of functions, where that is known.
    pub(super) tool_format: Option<ToolFormat>,
    /// The tokens before a text with a gap, before what follows it, and before what fills it.
    pub(super) gap: Option<[i32; 3]>,
}

/// How the three tokens of texts with a gap are spelled: before the text, before what follows the
/// gap, before what fills it.
const GAPS: [[&str; 3]; 4] = [
    ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"],
    ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"],
    ["<fim-prefix>", "<fim-suffix>", "<fim-middle>"],
    ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"],
];

impl TextSide {
    /// What can be known of a model's texts; `None` where nobody knows its vocabulary.
    pub(super) fn of(
        session: &Session,
        runtime: &Runtime,
        spec: &ModelSpec,
        folder: Option<&ModelFolder>,
    ) -> Result<Option<Self>, LoadError> {
        let Some(vocabulary) = vocabulary(session, runtime, folder)? else {
            return Ok(None);
        };
        let control = vocabulary.control()?;
        let (special, bos) = special(&vocabulary, folder, control.values().cloned().collect())?;
        let found = Found::template(&vocabulary, spec, folder)?;
        let origin = found.as_ref().map_or(Template::None, |found| found.origin);
        let template = found.map(|found| found.parse(special)).transpose();
        let template =
            template.map_err(|source| LoadError::Template { model: spec.name.clone(), source })?;
        let (template, source) = template.unzip();
        let mut end_tokens = spec.prompting.end_tokens.clone();
        if let Some(folder) = folder {
            end_tokens.extend(folder.end_tokens(|text| vocabulary.token(text)));
        }
        if let Vocabulary::Runtime(model) = &vocabulary {
            end_tokens.extend(model.end_tokens()?);
        }
        let source_text = source.as_deref().unwrap_or_default();
        let reasoning = match &spec.prompting.reasoning {
            Some((open, close)) => Some(ReasoningTags { open: open.clone(), close: close.clone() }),
            None => ReasoningTags::detect(source_text),
        };
        let said = spec.prompting.tool_format.as_deref().map(str::parse).transpose();
        let said =
            said.map_err(|source| LoadError::Settings { model: spec.name.clone(), source })?;
        let tool_format = said.or_else(|| ToolFormat::detect(source_text));
        let gap = GAPS.into_iter().find_map(|texts| {
            let [before, after, middle] = texts.map(|text| vocabulary.token(text));
            Some([before?, after?, middle?])
        });
        let longest_piece = vocabulary.longest_piece()?;
        Ok(Some(Self {
            vocabulary,
            template,
            source,
            origin,
            control,
            bos,
            end_tokens,
            longest_piece,
            reasoning,
            tool_format,
            gap,
        }))
    }

    /// Whether the model can think before it answers.
    pub(super) fn can_think(&self) -> bool {
        self.reasoning.is_some() || self.template.as_ref().is_some_and(|t| t.supports_thinking())
    }
}

/// Whoever knows the vocabulary: the runtime, or else the model's folder.
fn vocabulary(
    session: &Session,
    runtime: &Runtime,
    folder: Option<&ModelFolder>,
) -> Result<Option<Vocabulary>, LoadError> {
    if runtime.supports(Capability::Tokenizer) {
        return Ok(Some(Vocabulary::Runtime(session.model()?)));
    }
    let tokenizer = folder.map(ModelFolder::tokenizer).transpose()?.flatten();
    Ok(tokenizer.map(|tokenizer| Vocabulary::File(Box::new(tokenizer))))
}

/// The special tokens that templates write, and the one to put before a prompt that lacks it.
fn special(
    vocabulary: &Vocabulary,
    folder: Option<&ModelFolder>,
    control: Vec<String>,
) -> Result<(SpecialTokens, Option<i32>), LoadError> {
    match vocabulary {
        Vocabulary::Runtime(model) => {
            let info = model.info()?;
            let text_of = |token: Option<i32>| match token {
                Some(token) => model.detokenize(&[token], true).map(Some),
                None => Ok(None),
            };
            let (bos, eos) = (text_of(info.bos)?, text_of(info.eos)?);
            Ok((SpecialTokens { bos, eos, control }, info.bos.filter(|_| info.add_bos)))
        }
        Vocabulary::File(_) => {
            let bos = folder.and_then(|folder| folder.bos_token.clone());
            let eos = folder.and_then(|folder| folder.eos_token.clone());
            // Whether the model wants one before every text is the template's affair there.
            Ok((SpecialTokens { bos, eos, control }, None))
        }
    }
}

/// A template before it is parsed.
struct Found {
    template: String,
    tool_use: Option<String>,
    origin: Template,
}

impl Found {
    /// That of the settings, else that of the model's folder, else that of the model file.
    fn template(
        vocabulary: &Vocabulary,
        spec: &ModelSpec,
        folder: Option<&ModelFolder>,
    ) -> Result<Option<Self>, LoadError> {
        if let Some(template) = spec.prompting.template.clone() {
            return Ok(Some(Self { template, tool_use: None, origin: Template::Settings }));
        }
        let in_folder = folder.map(|folder| TemplateSource::find(&folder.path)).transpose()?;
        if let Some(TemplateSource { template, tool_use, .. }) = in_folder.flatten() {
            return Ok(Some(Self { template, tool_use, origin: Template::Files }));
        }
        let Vocabulary::Runtime(model) = vocabulary else {
            return Ok(None);
        };
        let template = model.metadata("tokenizer.chat_template")?;
        Ok(template.map(|template| Self { template, tool_use: None, origin: Template::Model }))
    }

    fn parse(self, special: SpecialTokens) -> Result<(ChatTemplate, String), rkllm_chat::Error> {
        let template = ChatTemplate::parse(&self.template, special)?;
        let template = match &self.tool_use {
            Some(source) => template.with_tool_use(source)?,
            None => template,
        };
        Ok((template, self.template))
    }
}
