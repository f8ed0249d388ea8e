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
    /// The header of a message begins or goes on.
    Header,
    /// The header ends, and the message begins.
    Message,
    /// The message ends.
    MessageEnd,
    /// The name of a parameter begins; it ends with `>`.
    Parameter,
    /// The name of a parameter begins; it ends with [`KeyEnd`](Self::KeyEnd).
    Key,
    /// The name of the parameter ends.
    KeyEnd,
    /// The value of the parameter begins.
    Value,
    /// The value of a parameter ends.
    ParameterEnd,
    /// Stands between the parts of a call, before its arguments.
    Separator,
    /// Begins and ends a string in the arguments.
    Quote,
    /// Three backticks.
    Fence,
}

impl Mark {
    /// Whether arguments end here, if this does not stand in a string.
    pub(super) fn ends_arguments(self) -> bool {
        matches!(
            self,
            Self::Closer | Self::Opener(_) | Self::Header | Self::MessageEnd | Self::Fence
        )
    }
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
    /// The name of the function in a line of its own, and keys and values in tags; or an object as
    /// with [`Json`](Self::Json).
    Glm,
    /// The header of a message that is a call, and the arguments.
    Message,
}

impl Opener {
    /// Whether an object with name and arguments may follow.
    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::JsonOrName | Self::Python | Self::Glm)
    }

    /// Whether the function's name may follow.
    pub(super) fn is_named(self) -> bool {
        matches!(self, Self::JsonOrName | Self::Gemma | Self::Deepseek | Self::Python | Self::Glm)
    }
}

/// Stands between the parts of a call of DeepSeek's.
pub(super) const DEEPSEEK_SEPARATOR: &str = "<｜tool▁sep｜>";

/// Stands before the identifier of a call of Mistral's.
pub(super) const MISTRAL_ID: &str = "[CALL_ID]";
/// Stands before its arguments.
pub(super) const MISTRAL_ARGUMENTS: &str = "[ARGS]";

/// Stands before the name of a parameter, which is followed by lines with its value.
pub(super) const LINES_PARAMETER: &str = "<parameter=";

/// The markup of a format.
pub(super) fn of(format: ToolFormat) -> &'static [(&'static str, Mark)] {
    match format {
        // Models trained on the one write the other now and then.
        ToolFormat::Hermes | ToolFormat::QwenXml => &[
            ("<tool_call>", Mark::Opener(Opener::Json)),
            ("</tool_call>", Mark::Closer),
            ("<|tool_call|>", Mark::Opener(Opener::Json)),
            ("<|/tool_call|>", Mark::Closer),
            ("<|action_start|>", Mark::Opener(Opener::Json)),
            ("<|plugin|>", Mark::Opener(Opener::Json)),
            ("<|action_end|>", Mark::Closer),
            ("<function=", Mark::Opener(Opener::Xml)),
            ("<function name=", Mark::Opener(Opener::Xml)),
            ("</function>", Mark::Closer),
            (LINES_PARAMETER, Mark::Parameter),
            ("</parameter>", Mark::ParameterEnd),
            ("<param name=", Mark::Parameter),
            ("</param>", Mark::ParameterEnd),
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
            ("<｜DSML｜function_calls>", Mark::Opener(Opener::Deepseek)),
            ("<｜DSML｜invoke name=", Mark::Opener(Opener::Xml)),
            ("<｜DSML｜parameter name=", Mark::Parameter),
            ("</｜DSML｜parameter>", Mark::ParameterEnd),
            ("</｜DSML｜invoke>", Mark::Closer),
            ("</｜DSML｜function_calls>", Mark::Closer),
            ("```", Mark::Fence),
        ],
        ToolFormat::Glm => &[
            ("<tool_call>", Mark::Opener(Opener::Glm)),
            ("<arg_key>", Mark::Key),
            ("</arg_key>", Mark::KeyEnd),
            ("<arg_value>", Mark::Value),
            ("</arg_value>", Mark::ParameterEnd),
            ("</tool_call>", Mark::Closer),
            // Ends the turn of a call, and begins the next one if there are several.
            ("<|assistant|>", Mark::Closer),
            ("<|observation|>", Mark::Closer),
        ],
        ToolFormat::Python => &[
            ("<|tool_call_start|>", Mark::Opener(Opener::Python)),
            ("<|tool_call_end|>", Mark::Closer),
            ("```", Mark::Fence),
        ],
        ToolFormat::Harmony => &[
            ("<|start|>", Mark::Header),
            ("<|channel|>", Mark::Header),
            ("<|constrain|>", Mark::Header),
            ("<|message|>", Mark::Message),
            ("<|end|>", Mark::MessageEnd),
            ("<|return|>", Mark::MessageEnd),
            ("<|call|>", Mark::MessageEnd),
        ],
        ToolFormat::Json => &[("```", Mark::Fence)],
    }
}
