//! The object that an answer is.

use serde::Serialize;
use serde_json::{Map, Value};

use super::body::{TextFormat, Truncation};
use super::output::{Item, Output};
use super::tools::EchoedTool;
use crate::error::{Code, Error};
use crate::generate::{Done, Finish, Timings};

/// What answers repeat of their request.
#[derive(Serialize)]
pub(super) struct Echo {
    background: bool,
    pub(super) instructions: Option<String>,
    pub(super) max_output_tokens: Option<i64>,
    model: String,
    pub(super) parallel_tool_calls: bool,
    pub(super) previous_response_id: Option<String>,
    pub(super) reasoning: EchoedReasoning,
    service_tier: &'static str,
    pub(super) store: bool,
    /// `null` where the model's own settings count.
    pub(super) temperature: Option<f64>,
    pub(super) text: EchoedText,
    pub(super) tool_choice: Value,
    pub(super) tools: Vec<EchoedTool>,
    top_logprobs: u32,
    pub(super) top_p: Option<f64>,
    pub(super) truncation: Truncation,
    user: Option<()>,
    pub(super) metadata: Map<String, Value>,
}

#[derive(Default, Serialize)]
pub(super) struct EchoedReasoning {
    pub(super) effort: Option<String>,
    pub(super) summary: Option<String>,
}

#[derive(Default, Serialize)]
pub(super) struct EchoedText {
    pub(super) format: TextFormat,
}

impl Echo {
    /// What a request for `model` says that says nothing else.
    pub(super) fn new(model: String) -> Self {
        Self {
            background: false,
            instructions: None,
            max_output_tokens: None,
            model,
            parallel_tool_calls: true,
            previous_response_id: None,
            reasoning: EchoedReasoning::default(),
            service_tier: "default",
            store: true,
            temperature: None,
            text: EchoedText::default(),
            tool_choice: Value::from("auto"),
            tools: Vec::new(),
            top_logprobs: 0,
            top_p: None,
            truncation: Truncation::Disabled,
            user: None,
            metadata: Map::new(),
        }
    }
}

/// What is the same in an answer from its beginning to its end.
pub(super) struct Draft {
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created_at: u64,
    pub(super) echo: Echo,
}

/// How far an answer is.
#[derive(Clone, Copy)]
pub(super) enum Progress<'a> {
    Begun,
    Done(&'a Done),
    Failed(&'a Error),
}

/// An answer as it stands in a body, in an event and in the store.
#[derive(Serialize)]
pub(super) struct Response<'a> {
    pub(super) id: &'a str,
    object: &'static str,
    created_at: u64,
    completed_at: Option<u64>,
    status: &'static str,
    error: Option<Failure<'a>>,
    incomplete_details: Option<Incomplete>,
    output: Vec<Item<'a>>,
    usage: Option<Usage>,
    #[serde(flatten)]
    echo: &'a Echo,
}

#[derive(Serialize)]
struct Failure<'a> {
    code: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct Incomplete {
    reason: &'static str,
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u32,
    input_tokens_details: InputDetails,
    output_tokens: u32,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u32,
    cache_write_tokens: u32,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u32,
}

impl Draft {
    pub(super) fn response<'a>(
        &'a self,
        progress: Progress<'a>,
        output: &'a Output,
    ) -> Response<'a> {
        let mut response = Response {
            id: &self.id,
            object: "response",
            created_at: self.created_at,
            completed_at: None,
            status: "in_progress",
            error: None,
            incomplete_details: None,
            output: output.items().collect(),
            usage: None,
            echo: &self.echo,
        };
        match progress {
            Progress::Begun => {}
            Progress::Done(done) => {
                response.usage = Some(Usage::from(done));
                if done.finish == Finish::Length {
                    response.status = "incomplete";
                    response.incomplete_details = Some(Incomplete { reason: "max_output_tokens" });
                } else {
                    response.status = "completed";
                    response.completed_at = Some(self.created_at + seconds(&done.timings));
                }
            }
            Progress::Failed(error) => {
                response.status = "failed";
                response.error = Some(Failure { code: code(error.code), message: &error.message });
            }
        }
        response
    }
}

/// What an answer took.
fn seconds(timings: &Timings) -> u64 {
    (timings.queue + timings.load + timings.prefill + timings.decode).as_secs()
}

/// The kind of failure, of those that clients know.
fn code(code: Code) -> &'static str {
    match (code, code.status().as_u16()) {
        (Code::ContextLengthExceeded, _) => "context_length_exceeded",
        (_, 429) => "rate_limit_exceeded",
        (_, 400..500) => "invalid_prompt",
        _ => "server_error",
    }
}

impl From<&Done> for Usage {
    fn from(done: &Done) -> Self {
        let usage = done.usage;
        Self {
            input_tokens: usage.prompt,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached,
                cache_write_tokens: 0,
            },
            output_tokens: usage.completion,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.thoughts },
            total_tokens: u64::from(usage.prompt) + u64::from(usage.completion),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::Show;
    use super::*;
    use crate::dialect::Collected;
    use crate::dialect::openai::scripted::collected;

    fn draft() -> Draft {
        let echo = Echo::new("m".to_owned());
        Draft { id: "resp_1".to_owned(), created_at: 1_760_000_000, echo }
    }

    fn whole(show: Show, collected: Collected) -> Value {
        let (draft, done) = (draft(), collected.done.clone());
        let output = Output::whole(&draft.id, show, collected);
        serde_json::to_value(draft.response(Progress::Done(&done), &output)).unwrap()
    }

    #[test]
    fn text() {
        insta::assert_json_snapshot!(whole(Show::default(), collected("Hello!", "", &[])));
    }

    #[test]
    fn thoughts_and_calls() {
        let answer = || collected("", "Hm.", &["weather", "time"]);
        insta::assert_json_snapshot!(whole(Show::default(), answer())["output"]);
        let summary = Show { summary: true };
        insta::assert_json_snapshot!(whole(summary, answer())["output"]);
    }

    #[test]
    fn an_empty_answer_is_an_empty_message() {
        let whole = whole(Show::default(), collected("", "", &[]));
        assert_eq!(whole["output"][0]["content"][0]["text"], "");
    }

    #[test]
    fn what_was_cut_is_incomplete() {
        let mut cut = collected("Hel", "Hm.", &[]);
        cut.done.finish = Finish::Length;
        let mut whole = whole(Show::default(), cut);
        let output = whole["output"].take();
        let states = [&output[0]["status"], &output[1]["status"]];
        assert_eq!(states, ["completed", "incomplete"]);
        assert_eq!(
            (&whole["status"], &whole["completed_at"]),
            (&"incomplete".into(), &Value::Null)
        );
        assert_eq!(whole["incomplete_details"]["reason"], "max_output_tokens");
        let mut thinking = collected("", "Hm", &[]);
        thinking.done.finish = Finish::Length;
        let output = self::whole(Show::default(), thinking)["output"].take();
        assert_eq!(
            (output.as_array().unwrap().len(), &output[0]["type"]),
            (1, &"reasoning".into())
        );
    }

    #[test]
    fn failures_have_codes_that_clients_know() {
        assert_eq!(code(Code::ContextLengthExceeded), "context_length_exceeded");
        assert_eq!(code(Code::RateLimited), "rate_limit_exceeded");
        assert_eq!(code(Code::InvalidRequest), "invalid_prompt");
        assert_eq!(code(Code::RuntimeCrashed), "server_error");
    }
}
