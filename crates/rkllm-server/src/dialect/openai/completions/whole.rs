//! Completions in one piece.

use serde::Serialize;

use crate::dialect::Collected;
use crate::dialect::openai::wire::{Head, Spent, Timings, Usage, finish};

/// The whole body.
#[derive(Serialize)]
pub(super) struct Completion<'a> {
    #[serde(flatten)]
    head: &'a Head,
    choices: Vec<Choice>,
    usage: Usage,
    timings: Timings,
}

#[derive(Serialize)]
struct Choice {
    index: usize,
    text: String,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

/// What stands before the answers.
pub(super) struct Echo<'a> {
    /// The prompts, or nothing.
    pub(super) prompts: &'a [String],
    /// Answers to each prompt.
    pub(super) n: u32,
}

/// All answers to all prompts.
pub(super) fn complete<'a>(
    head: &'a Head,
    echo: &Echo<'_>,
    collected: Vec<Collected>,
) -> Completion<'a> {
    let n = echo.n as usize;
    let mut spent = Spent::default();
    let mut choices = Vec::with_capacity(collected.len());
    for (index, answer) in collected.into_iter().enumerate() {
        spent.add(&answer.done, index.is_multiple_of(n));
        let mut text = echo.prompts.get(index / n).cloned().unwrap_or_default();
        text.push_str(&answer.thought);
        text.push_str(&answer.text);
        let finish_reason = finish(answer.done.finish);
        choices.push(Choice { index, text, logprobs: None, finish_reason });
    }
    Completion { head, choices, usage: Usage::from(&spent), timings: Timings::from(&spent) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::scripted;
    use crate::generate::Finish;

    #[test]
    fn two_prompts_are_echoed_and_answered_twice() {
        let answer = |text: &str| Collected {
            text: text.to_owned(),
            thought: String::new(),
            tool_calls: Vec::new(),
            done: scripted::facts(Finish::Length),
        };
        let echo = Echo { prompts: &["a".to_owned(), "b".to_owned()], n: 2 };
        let collected = ["1", "2", "3", "4"].map(answer).into();
        let head = scripted::head("text_completion");
        let whole = complete(&head, &echo, collected);
        insta::assert_snapshot!(serde_json::to_string_pretty(&whole).unwrap());
    }
}
