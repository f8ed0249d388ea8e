//! What a server has to do, one method per check.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures_util::TryStreamExt;
use rkllm_client::api::{
    ChatRequest, ErrorBody, Finish, GenerateRequest, Health, Message, Role, Timings, Usage,
};
use rkllm_client::{Client, DeltaStream};

use crate::server::Server;

/// Longest time to refuse a request, for which no model is needed.
const REFUSAL: Duration = Duration::from_secs(30);

/// Whether a check passed, with the speed of the generation if there was one.
pub(crate) type Outcome = anyhow::Result<Option<Speed>>;

/// How much was generated and how fast.
#[derive(Debug, PartialEq)]
pub(crate) struct Speed {
    tokens: u32,
    per_second: f64,
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} tokens   {:>7.1} tokens/s", self.tokens, self.per_second)
    }
}

pub(crate) struct Checks {
    client: Client,
    /// Sends what the typed client cannot: mistakes.
    raw: reqwest::Client,
    base: String,
    key: Option<String>,
    max_new_tokens: u32,
}

impl Checks {
    pub(crate) fn new(
        client: Client,
        server: &Server,
        max_new_tokens: u32,
    ) -> anyhow::Result<Self> {
        let raw = reqwest::Client::builder().no_proxy().timeout(REFUSAL).build()?;
        let base = server.url.trim_end_matches('/').to_owned();
        Ok(Self { client, raw, base, key: server.key(), max_new_tokens })
    }

    pub(crate) async fn health(&self) -> Outcome {
        let health = self.client.health().await?;
        ensure!(health.status == Health::HEALTHY, "the server says it is `{}`", health.status);
        Ok(None)
    }

    pub(crate) async fn generate(&self) -> Outcome {
        let answer = self.client.generate(&self.prompt()).await?;
        let said = answer.reasoning.unwrap_or_default() + &answer.text;
        self.speed(&said, answer.usage, answer.timings)
    }

    pub(crate) async fn generate_stream(&self) -> Outcome {
        self.stream(self.client.generate_stream(&self.prompt()).await?).await
    }

    pub(crate) async fn chat(&self) -> Outcome {
        let answer = self.client.chat(&self.conversation()).await?;
        let [choice] = &answer.choices[..] else {
            bail!("there are {} choices, not one", answer.choices.len());
        };
        ensure!(choice.message.role == Role::Assistant, "the {} answers", choice.message.role);
        let thoughts = choice.message.reasoning.as_deref().unwrap_or_default();
        let said = [thoughts, &choice.message.content].concat();
        self.speed(&said, answer.usage, answer.timings)
    }

    pub(crate) async fn chat_stream(&self) -> Outcome {
        self.stream(self.client.chat_stream(&self.conversation()).await?).await
    }

    /// A mistake in a body has to be answered with status 400 and an error object.
    pub(crate) async fn refused(&self, path: &str, body: &'static str) -> Outcome {
        let request = self
            .raw
            .post(format!("{}/{path}", self.base))
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body);
        error_object(self.keyed(request), 400).await
    }

    /// An unknown path has to be answered with status 404 and an error object.
    pub(crate) async fn not_found(&self) -> Outcome {
        let request = self.raw.get(format!("{}/no/such/path", self.base));
        error_object(self.keyed(request), 404).await
    }

    fn keyed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    fn prompt(&self) -> GenerateRequest {
        GenerateRequest {
            prompt: "Hello, how are you?".into(),
            max_new_tokens: Some(self.max_new_tokens.into()),
            ..GenerateRequest::default()
        }
    }

    fn conversation(&self) -> ChatRequest {
        ChatRequest {
            messages: vec![
                Message::system("You are a helpful assistant."),
                Message::user("What is the capital of France?"),
            ],
            max_new_tokens: Some(self.max_new_tokens.into()),
            ..ChatRequest::default()
        }
    }

    /// Reads a stream, which ends well only at its end mark.
    async fn stream(&self, mut deltas: DeltaStream) -> Outcome {
        let mut text = String::new();
        let mut finish: Option<Finish> = None;
        while let Some(delta) = deltas.try_next().await? {
            ensure!(finish.is_none(), "something follows the last piece of the answer");
            text.push_str(delta.reasoning.as_deref().unwrap_or_default());
            text.push_str(&delta.content);
            finish = delta.finish;
        }
        let finish = finish.context("the last piece says no finish_reason, usage and timings")?;
        self.speed(&text, finish.usage, finish.timings)
    }

    /// An answer has to have text, be it thoughts that reached the limit, and numbers that agree with each other and with the request.
    fn speed(&self, text: &str, usage: Usage, timings: Timings) -> Outcome {
        let (tokens, limit) = (usage.completion_tokens, self.max_new_tokens);
        ensure!(!text.trim().is_empty(), "the answer is empty");
        ensure!(tokens > 0, "the answer has text, but usage counts no tokens");
        ensure!(
            tokens <= limit,
            "{tokens} tokens were produced, though at most {limit} were asked for"
        );
        let sum = usage.prompt_tokens.checked_add(tokens);
        ensure!(sum == Some(usage.total_tokens), "usage does not add up: {usage:?}");
        Ok(Some(Speed { tokens, per_second: timings.tokens_per_second }))
    }
}

async fn error_object(request: reqwest::RequestBuilder, expected: u16) -> Outcome {
    let response = request.send().await?;
    let status = response.status().as_u16();
    ensure!(status == expected, "answered with status {status}, not {expected}");
    let body: ErrorBody = response.json().await.context("the answer is no error object")?;
    ensure!(!body.error.trim().is_empty(), "the error object does not say what is wrong");
    ensure!(!body.code.is_empty(), "the error object has no code");
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: Usage =
        Usage { prompt_tokens: 3, completion_tokens: 8, total_tokens: 11, cached_tokens: 0 };

    fn check(text: &str, usage: Usage) -> Outcome {
        let server = Server { url: "http://127.0.0.1:1".into(), api_key: None };
        let timings = Timings { tokens_per_second: 20.0, ..Timings::default() };
        Checks::new(server.client()?, &server, 8)?.speed(text, usage, timings)
    }

    #[test]
    fn a_good_answer_has_a_speed() {
        let speed = check("Paris", USAGE).unwrap();
        assert_eq!(speed, Some(Speed { tokens: 8, per_second: 20.0 }));
    }

    #[test]
    fn answers_that_cannot_be_right_fail() {
        let failure = |text, usage| check(text, usage).unwrap_err().to_string();
        assert!(failure(" \n", USAGE).contains("empty"));
        let none = Usage { completion_tokens: 0, total_tokens: 3, ..USAGE };
        assert!(failure("Paris", none).contains("counts no tokens"));
        let many = Usage { completion_tokens: 9, total_tokens: 12, ..USAGE };
        assert!(failure("Paris", many).contains("at most 8"));
        let sum = Usage { total_tokens: 12, ..USAGE };
        assert!(failure("Paris", sum).contains("does not add up"));
    }
}
