//! How a model writes the calls of functions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// How a model writes the calls of functions.
///
/// The marks that are special tokens (`<|python_tag|>`, `[TOOL_CALLS]`) may be missing from the text
/// that a runtime gives; [`Output::is_divided_at`](crate::Output::is_divided_at) tells which to put
/// back. A call at the beginning of the answer is recognised without them, but for
/// [`Deepseek`](Self::Deepseek), [`Harmony`](Self::Harmony) and the tags of
/// [`QwenXml`](Self::QwenXml) and [`Glm`](Self::Glm).
///
/// ```
/// use rkllm_chat::ToolFormat;
///
/// let format: ToolFormat = "qwen-xml".parse()?;
/// assert_eq!(format, ToolFormat::QwenXml);
/// assert_eq!(ToolFormat::detect("{{ '<tool_call>' }}"), Some(ToolFormat::Hermes));
/// # Ok::<(), rkllm_chat::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolFormat {
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`: Hermes, Qwen2.5, Qwen3, SmolLM3,
    /// Granite 4; with `<|tool_call|>` and lists Granite 3 and Phi-4-mini; with
    /// `<|action_start|><|plugin|>` and `<|action_end|>` InternLM2 and InternLM3.
    Hermes,
    /// `<tool_call><function=name><parameter=x>…</parameter></function></tool_call>`:
    /// Qwen3-Coder and Qwen3.5; `<function name="name"><param name="x">…</param></function>`:
    /// MiniCPM5. Read alike with [`Hermes`](Self::Hermes).
    QwenXml,
    /// `{"name": …, "parameters": …}` at the beginning of a line, also after `<|python_tag|>`,
    /// several separated by `;` or newlines; `<function=name>{…}</function>`: Llama 3.
    Llama,
    /// `[TOOL_CALLS][{"name": …, "arguments": …}]` or `[TOOL_CALLS]name[ARGS]{…}`: Mistral.
    Mistral,
    /// `<start_function_call>call:name{…}<end_function_call>`: FunctionGemma;
    /// `<|tool_call>call:name{…}<tool_call|>`: Gemma 4; a fence with Python or JSON: Gemma 3.
    Gemma,
    /// `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>…`: DeepSeek V3, R1 and V3.1;
    /// `<｜DSML｜invoke name="name">…`: DeepSeek V3.2.
    Deepseek,
    /// `<tool_call>name`, a line break and `<arg_key>x</arg_key><arg_value>…</arg_value>`, then
    /// `</tool_call>`: GLM-4.5 and later; the name in one line and the object in the next: GLM-4.
    Glm,
    /// `<|tool_call_start|>[name(x=…)]<|tool_call_end|>`: LFM2; the same with a fence of Python
    /// and a call in each line: MiniCPM3 and MiniCPM4.
    Python,
    /// `<|channel|>commentary to=functions.name <|constrain|>json<|message|>{…}<|call|>`: gpt-oss.
    Harmony,
    /// An object `{"name": …, "arguments": …}` or a list of them at the beginning of a line, also
    /// in a fence: models that were told so by their instructions only.
    Json,
}

impl ToolFormat {
    pub(super) const ALL: [Self; 10] = [
        Self::Hermes,
        Self::QwenXml,
        Self::Llama,
        Self::Mistral,
        Self::Gemma,
        Self::Deepseek,
        Self::Glm,
        Self::Python,
        Self::Harmony,
        Self::Json,
    ];

    /// The name used in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hermes => "hermes",
            Self::QwenXml => "qwen-xml",
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Gemma => "gemma",
            Self::Deepseek => "deepseek",
            Self::Glm => "glm",
            Self::Python => "python",
            Self::Harmony => "harmony",
            Self::Json => "json",
        }
    }

    /// The format that a chat template shows its model; `None` for a template that knows no
    /// functions or shows a format not listed here.
    pub fn detect(template_source: &str) -> Option<Self> {
        let has = |text: &str| template_source.contains(text);
        if has("<|channel|>") && has("to=functions") {
            Some(Self::Harmony)
        } else if has("<arg_key>") || has("[gMASK]") {
            Some(Self::Glm)
        } else if has("<function=") && has("<parameter=") || has("<function name=") {
            Some(Self::QwenXml)
        } else if ["<tool_call>", "<|tool_call|>", "<|tool|>", "<|plugin|>"].into_iter().any(has) {
            Some(Self::Hermes)
        } else if has("[TOOL_CALLS]") {
            Some(Self::Mistral)
        } else if has("<｜tool▁call") || has("｜DSML｜") {
            Some(Self::Deepseek)
        } else if has("<|tool_call_start|>") || has("<|tool_list_start|>") {
            Some(Self::Python)
        } else if has("<start_function_call>") || has("<|tool_call>") || has("```tool_code") {
            Some(Self::Gemma)
        } else if has("<|python_tag|>") || has("ipython") {
            Some(Self::Llama)
        } else {
            (has("tools") && has("tojson")).then_some(Self::Json)
        }
    }

    /// Whether a call may also begin a line in the middle of an answer without any mark.
    pub(super) fn begins_lines(self) -> bool {
        matches!(self, Self::Llama | Self::Gemma | Self::Json)
    }
}

impl fmt::Display for ToolFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ToolFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == name)
            .ok_or_else(|| Error::UnknownToolFormat { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_as_they_are_written() {
        for format in ToolFormat::ALL {
            assert_eq!(format.to_string().parse::<ToolFormat>().unwrap(), format);
            assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
        }
        assert_eq!(
            "qwen".parse::<ToolFormat>().unwrap_err().to_string(),
            "unknown tool format \"qwen\": use hermes, qwen-xml, llama, mistral, gemma, deepseek, \
             glm, python, harmony or json"
        );
    }

    #[test]
    fn templates_tell_their_format() {
        let formats = [
            ("<tool_call>\n<function=example>\n<parameter=a>", Some(ToolFormat::QwenXml)),
            ("{\"name\": <function-name>}\n</tool_call> <tool_call>", Some(ToolFormat::Hermes)),
            ("'<|tool_call|>[' + tool_calls + ']'", Some(ToolFormat::Hermes)),
            ("{{ '[TOOL_CALLS]' }}", Some(ToolFormat::Mistral)),
            ("'<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>'", Some(ToolFormat::Deepseek)),
            ("'<start_function_call>call:' + name", Some(ToolFormat::Gemma)),
            ("'<|tool_call>call:' + name", Some(ToolFormat::Gemma)),
            ("\"Environment: ipython\"", Some(ToolFormat::Llama)),
            ("{% if tools %}{{ tools | tojson }}{% endif %}", Some(ToolFormat::Json)),
            ("'<tool_call>' + name + '<arg_key>'", Some(ToolFormat::Glm)),
            ("[gMASK]<sop>{{ tool | tojson }}<|observation|>", Some(ToolFormat::Glm)),
            ("'<|tool_call_start|>' + calls", Some(ToolFormat::Python)),
            ("'<|tool_list_start|>' + tools", Some(ToolFormat::Python)),
            ("'<|channel|>commentary to=functions.' + name", Some(ToolFormat::Harmony)),
            ("'<function name=\"' + name + '\"><param name=\"'", Some(ToolFormat::QwenXml)),
            ("'<｜DSML｜invoke name=\"' + name", Some(ToolFormat::Deepseek)),
            ("'<|tool|>' + tools + '<|/tool|>'", Some(ToolFormat::Hermes)),
            ("'<|im_start|>system name=<|plugin|>'", Some(ToolFormat::Hermes)),
            ("{{ message.content }}", None),
        ];
        for (source, format) in formats {
            assert_eq!(ToolFormat::detect(source), format, "{source}");
        }
    }
}
