//! The markup that divides a model's output.

use super::format::ToolFormat;

/// What a piece of markup means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A thought begins.
    ThoughtOpen,
    /// The thought ends.
    ThoughtClose,
    /// One or more calls begin.
    Opener(Opener),
    /// A call, or a number of them, ends.
    Closer,
    /// The name of a parameter begins; it ends with `>`.
    Parameter,
    /// The value of a parameter ends.
    ParameterEnd,
    /// Stands between the parts of a call, before its arguments.
    Separator,
    /// Begins and ends a string in the arguments.
    Quote,
    /// Three backticks.
    Fence,
}

/// What stands where a call begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    /// An object with the name and the arguments, or a list of these.
    Json,
    /// Like [`Json`](Self::Json), or the name before the object with the arguments.
    JsonOrName,
    /// `call:name{key:value}`
    Gemma,
    /// `function`, a separator, the name, and JSON in a fence; or the name, a separator and JSON.
    Deepseek,
    /// A call of Python, or an object as with [`Json`](Self::Json).
    Python,
    /// The name of the function, which ends with `>`, and its parameters.
    Xml,
}

impl Opener {
    /// Whether an object with name and arguments may follow.
    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::JsonOrName | Self::Python)
    }

    /// Whether the function's name may follow.
    pub(super) fn is_named(self) -> bool {
        matches!(self, Self::JsonOrName | Self::Gemma | Self::Deepseek | Self::Python)
    }
}

/// Stands between the parts of a call of DeepSeek's.
pub(super) const DEEPSEEK_SEPARATOR: &str = "<｜tool▁sep｜>";

/// Stands before the identifier of a call of Mistral's.
pub(super) const MISTRAL_ID: &str = "[CALL_ID]";
/// Stands before its arguments.
pub(super) const MISTRAL_ARGUMENTS: &str = "[ARGS]";

/// The markup of a format.
pub(super) fn of(format: ToolFormat) -> &'static [(&'static str, Mark)] {
    match format {
        // Models trained on the one write the other now and then.
        ToolFormat::Hermes | ToolFormat::QwenXml => &[
            ("<tool_call>", Mark::Opener(Opener::Json)),
            ("</tool_call>", Mark::Closer),
            ("<|tool_call|>", Mark::Opener(Opener::Json)),
            ("<|/tool_call|>", Mark::Closer),
            ("<function=", Mark::Opener(Opener::Xml)),
            ("</function>", Mark::Closer),
            ("<parameter=", Mark::Parameter),
            ("</parameter>", Mark::ParameterEnd),
            ("```", Mark::Fence),
        ],
        ToolFormat::Llama => &[
            ("<|python_tag|>", Mark::Opener(Opener::Json)),
            ("<|eom_id|>", Mark::Closer),
            ("<function=", Mark::Opener(Opener::Xml)),
            ("</function>", Mark::Closer),
            ("```", Mark::Fence),
        ],
        ToolFormat::Mistral => &[
            ("[TOOL_CALLS]", Mark::Opener(Opener::JsonOrName)),
            (MISTRAL_ID, Mark::Separator),
            (MISTRAL_ARGUMENTS, Mark::Separator),
        ],
        ToolFormat::Gemma => &[
            ("<start_function_call>", Mark::Opener(Opener::Gemma)),
            ("<end_function_call>", Mark::Closer),
            ("<start_function_response>", Mark::Closer),
            ("<escape>", Mark::Quote),
            ("<|tool_call>", Mark::Opener(Opener::Gemma)),
            ("<tool_call|>", Mark::Closer),
            ("<|tool_response>", Mark::Closer),
            ("<|\"|>", Mark::Quote),
            ("```", Mark::Fence),
        ],
        ToolFormat::Deepseek => &[
            ("<｜tool▁calls▁begin｜>", Mark::Opener(Opener::Deepseek)),
            ("<｜tool▁call▁begin｜>", Mark::Opener(Opener::Deepseek)),
            (DEEPSEEK_SEPARATOR, Mark::Separator),
            ("<｜tool▁call▁end｜>", Mark::Closer),
            ("<｜tool▁calls▁end｜>", Mark::Closer),
            ("```", Mark::Fence),
        ],
        ToolFormat::Json => &[("```", Mark::Fence)],
    }
}
