//! What comes back in one piece.

use serde::{Deserialize, Serialize};

use crate::{FinishReason, Message, Timings, Usage};

/// The whole answer of `POST /generate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GenerateResponse {
    /// What the model wrote.
    pub text: String,
    /// What it thought before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Always `success`.
    pub status: SuccessStatus,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// How many tokens it took.
    pub usage: Usage,
    /// How long it took.
    pub timings: Timings,
}

/// The word in [`GenerateResponse::status`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuccessStatus {
    /// `success`
    #[default]
    Success,
}

/// The whole answer of `POST /chat`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChatResponse {
    /// The answers; there is one.
    pub choices: Vec<Choice>,
    /// How many tokens it took.
    pub usage: Usage,
    /// How long it took.
    pub timings: Timings,
}

/// One answer in a [`ChatResponse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Choice {
    /// The model's turn, ready to be appended to the conversation.
    pub message: Message,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::tests::{TIMINGS, USAGE, finish_reason, timings, usage};
    use crate::message::tests::message;
    use proptest::prelude::*;

    #[test]
    fn wire_format_of_generate() {
        let response = GenerateResponse {
            text: "Paris.".into(),
            reasoning: None,
            status: SuccessStatus::Success,
            finish_reason: FinishReason::Stop,
            usage: USAGE,
            timings: TIMINGS,
        };
        insta::assert_json_snapshot!(response, @r#"
        {
          "text": "Paris.",
          "status": "success",
          "finish_reason": "stop",
          "usage": {
            "prompt_tokens": 12,
            "completion_tokens": 5,
            "total_tokens": 17,
            "cached_tokens": 8
          },
          "timings": {
            "queue_ms": 0.25,
            "prefill_ms": 40.0,
            "decode_ms": 25.0,
            "prefill_tokens": 4,
            "decode_tokens": 5,
            "tokens_per_second": 200.0
          }
        }
        "#);
    }

    #[test]
    fn wire_format_of_chat() {
        let response = ChatResponse {
            choices: vec![Choice {
                message: Message::assistant("Paris."),
                finish_reason: FinishReason::Length,
            }],
            usage: USAGE,
            timings: TIMINGS,
        };
        insta::assert_json_snapshot!(response, @r#"
        {
          "choices": [
            {
              "message": {
                "role": "assistant",
                "content": "Paris."
              },
              "finish_reason": "length"
            }
          ],
          "usage": {
            "prompt_tokens": 12,
            "completion_tokens": 5,
            "total_tokens": 17,
            "cached_tokens": 8
          },
          "timings": {
            "queue_ms": 0.25,
            "prefill_ms": 40.0,
            "decode_ms": 25.0,
            "prefill_tokens": 4,
            "decode_tokens": 5,
            "tokens_per_second": 200.0
          }
        }
        "#);
    }

    proptest! {
        #[test]
        fn generate_round_trip(
            (text, reasoning) in any::<(String, Option<String>)>(),
            finish_reason in finish_reason(), usage in usage(), timings in timings(),
        ) {
            let status = SuccessStatus::Success;
            let response = GenerateResponse {
                text, reasoning, status, finish_reason, usage, timings,
            };
            let json = serde_json::to_string(&response).unwrap();
            prop_assert_eq!(serde_json::from_str::<GenerateResponse>(&json).unwrap(), response);
        }

        #[test]
        fn chat_round_trip(
            (message, finish_reason) in (message(), finish_reason()),
            (usage, timings) in (usage(), timings()),
        ) {
            let choices = vec![Choice { message, finish_reason }];
            let response = ChatResponse { choices, usage, timings };
            let json = serde_json::to_string(&response).unwrap();
            prop_assert_eq!(serde_json::from_str::<ChatResponse>(&json).unwrap(), response);
        }
    }
}
