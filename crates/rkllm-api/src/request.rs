//! What a client sends.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Format, Message, Role, Stop, Tool, ToolChoice, finite, null};

/// Declares a struct with the fields that tune generation after its own ones.
///
/// They are flat in every struct, not a flattened inner struct: serde's `flatten` loses error positions and hides from the server
/// which fields nobody read.
macro_rules! tunable {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Randomness of the choice of the next token; 0 always takes the likeliest.
            #[serde(serialize_with = "finite::serialize", skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 2))]
            pub temperature: Option<f64>,
            /// Choose among the likeliest tokens whose probabilities add up to this.
            #[serde(serialize_with = "finite::serialize", skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
            pub top_p: Option<f64>,
            /// Choose among this many of the likeliest tokens.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1_000_000))]
            pub top_k: Option<i64>,
            /// Most tokens to produce; `max_tokens` is read as well.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 2_147_483_647))]
            pub max_new_tokens: Option<i64>,
            /// Factor against tokens that appeared already; 1 is none.
            #[serde(serialize_with = "finite::serialize", skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "openapi", schema(minimum = 0.01, maximum = 10))]
            pub repeat_penalty: Option<f64>,
            /// Penalty for a token, per time that it appeared already; 0 is none.
            #[serde(serialize_with = "finite::serialize", skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "openapi", schema(minimum = -2, maximum = 2))]
            pub frequency_penalty: Option<f64>,
            /// Penalty for a token that appeared already, however often; 0 is none.
            #[serde(serialize_with = "finite::serialize", skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "openapi", schema(minimum = -2, maximum = 2))]
            pub presence_penalty: Option<f64>,
            /// Start of the random numbers: the same seed gives the same answer.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub seed: Option<i64>,
            /// Strings that end the answer where they appear; they are not part of it.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub stop: Option<Stop>,
        }

        // Read by way of a struct with both names of `max_new_tokens`: as an alias the second one would be a duplicate field, even
        // where one of them is `null`.
        const _: () = {
            #[derive(Deserialize)]
            struct Wire {
                $($(#[$field_meta])* $field: $type,)*
                temperature: Option<f64>,
                top_p: Option<f64>,
                top_k: Option<i64>,
                max_new_tokens: Option<i64>,
                max_tokens: Option<i64>,
                repeat_penalty: Option<f64>,
                frequency_penalty: Option<f64>,
                presence_penalty: Option<f64>,
                seed: Option<i64>,
                stop: Option<Stop>,
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let wire = Wire::deserialize(deserializer)?;
                    Ok(Self {
                        $($field: wire.$field,)*
                        temperature: wire.temperature,
                        top_p: wire.top_p,
                        top_k: wire.top_k,
                        max_new_tokens: either(wire.max_new_tokens, wire.max_tokens)?,
                        repeat_penalty: wire.repeat_penalty,
                        frequency_penalty: wire.frequency_penalty,
                        presence_penalty: wire.presence_penalty,
                        seed: wire.seed,
                        stop: wire.stop,
                    })
                }
            }
        };
    };
}

/// The limit under either of its names.
fn either<E: Error>(new: Option<i64>, old: Option<i64>) -> Result<Option<i64>, E> {
    match (new, old) {
        (Some(new), Some(old)) if new != old => Err(E::custom(format_args!(
            "max_new_tokens is {new} and max_tokens is {old}, but they mean the same: leave one out"
        ))),
        (new, old) => Ok(new.or(old)),
    }
}

/// Gives requests an accessor for all their tuning fields at once.
macro_rules! tuning_of {
    ($($name:ident),*) => {$(
        impl $name {
            /// The fields that tune generation, apart from the rest.
            #[must_use]
            pub fn tuning(&self) -> Tuning {
                Tuning {
                    temperature: self.temperature,
                    top_p: self.top_p,
                    top_k: self.top_k,
                    max_new_tokens: self.max_new_tokens,
                    repeat_penalty: self.repeat_penalty,
                    frequency_penalty: self.frequency_penalty,
                    presence_penalty: self.presence_penalty,
                    seed: self.seed,
                    stop: self.stop.clone(),
                }
            }
        }
    )*};
}

tunable! {
    /// The fields that tune generation, common to all requests; `None` leaves the choice to the server.
    pub struct Tuning {}
}

tunable! {
    /// Body of `POST /generate`: continue one prompt.
    ///
    /// ```
    /// # use rkllm_api::GenerateRequest;
    /// let request = GenerateRequest {
    ///     prompt: "Tell me a story".into(),
    ///     max_new_tokens: Some(100),
    ///     ..GenerateRequest::default()
    /// };
    /// assert_eq!(
    ///     serde_json::to_string(&request).unwrap(),
    ///     r#"{"prompt":"Tell me a story","role":"user","stream":false,"max_new_tokens":100}"#,
    /// );
    /// ```
    pub struct GenerateRequest {
        /// The model, by name; the one that the server was started with if not said.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        /// The text to answer.
        pub prompt: String,
        /// Who says it; the user if not said.
        #[serde(default, deserialize_with = "null::as_default")]
        pub role: Role,
        /// What the answer's text must look like; `None`: as the model likes.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub format: Option<Format>,
        /// Whether a model that can think before it answers shall do so; `None` leaves the choice to the server.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub enable_thinking: Option<bool>,
        /// Whether the answer comes as server-sent events.
        #[serde(default, deserialize_with = "null::as_default")]
        pub stream: bool,
    }
}

tunable! {
    /// Body of `POST /chat`: answer the last turn of a conversation.
    pub struct ChatRequest {
        /// The model, by name; the one that the server was started with if not said.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        /// The conversation, oldest turn first.
        pub messages: Vec<Message>,
        /// The functions that the model may call.
        #[serde(default, deserialize_with = "null::as_default", skip_serializing_if = "Vec::is_empty")]
        pub tools: Vec<Tool>,
        /// Which of them the answer calls; `None`: those that the model thinks right.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub tool_choice: Option<ToolChoice>,
        /// What the answer's text must look like; `None`: as the model likes.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub format: Option<Format>,
        /// Whether a model that can think before it answers shall do so; `None` leaves the choice to the server.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub enable_thinking: Option<bool>,
        /// Whether the answer comes as server-sent events.
        #[serde(default, deserialize_with = "null::as_default")]
        pub stream: bool,
    }
}

tuning_of!(GenerateRequest, ChatRequest);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolFunction;
    use crate::format::tests::format;
    use crate::message::tests::{message, role};
    use crate::stop::tests::stop;
    use crate::tool::tests::tool;
    use crate::tool_choice::tests::tool_choice;
    use proptest::option::of;
    use proptest::prelude::*;
    use serde_json::{Map, from_str, from_value, json, to_string, to_value};

    fn full() -> GenerateRequest {
        GenerateRequest {
            model: Some("qwen3".into()),
            prompt: "Hello".into(),
            role: Role::System,
            format: Some(Format::Json),
            enable_thinking: Some(false),
            stream: true,
            temperature: Some(0.5),
            top_p: Some(0.25),
            top_k: Some(40),
            max_new_tokens: Some(100),
            repeat_penalty: Some(1.5),
            frequency_penalty: Some(0.125),
            presence_penalty: Some(-0.5),
            seed: Some(-7),
            stop: Some(Stop::Many(vec!["\n".into(), "User:".into()])),
        }
    }

    #[test]
    fn wire_format_of_generate() {
        insta::assert_json_snapshot!(full(), @r#"
        {
          "model": "qwen3",
          "prompt": "Hello",
          "role": "system",
          "format": "json",
          "enable_thinking": false,
          "stream": true,
          "temperature": 0.5,
          "top_p": 0.25,
          "top_k": 40,
          "max_new_tokens": 100,
          "repeat_penalty": 1.5,
          "frequency_penalty": 0.125,
          "presence_penalty": -0.5,
          "seed": -7,
          "stop": [
            "\n",
            "User:"
          ]
        }
        "#);
    }

    #[test]
    fn wire_format_of_chat() {
        let request = ChatRequest {
            messages: vec![Message::system("Be brief."), Message::user("Hi")],
            tools: vec![Tool::function(ToolFunction {
                name: "weather".into(),
                ..ToolFunction::default()
            })],
            tool_choice: Some(ToolChoice::Required),
            format: Some(Format::Schema(Map::from_iter([("type".into(), "object".into())]))),
            stop: Some(Stop::One("\n".into())),
            ..ChatRequest::default()
        };
        insta::assert_json_snapshot!(request, @r#"
        {
          "messages": [
            {
              "role": "system",
              "content": "Be brief."
            },
            {
              "role": "user",
              "content": "Hi"
            }
          ],
          "tools": [
            {
              "type": "function",
              "function": {
                "name": "weather"
              }
            }
          ],
          "tool_choice": "required",
          "format": {
            "type": "object"
          },
          "stream": false,
          "stop": "\n"
        }
        "#);
    }

    #[test]
    fn null_is_the_same_as_absent() {
        let bare: GenerateRequest = from_value(json!({"prompt": "x"})).unwrap();
        let mut nulls = to_value(full()).unwrap();
        for (name, value) in nulls.as_object_mut().unwrap() {
            *value = if name == "prompt" { json!("x") } else { json!(null) };
        }
        assert_eq!(from_value::<GenerateRequest>(nulls).unwrap(), bare);
        assert_eq!(bare, GenerateRequest { prompt: "x".into(), ..Default::default() });
    }

    #[test]
    fn max_tokens_is_max_new_tokens() {
        let request: ChatRequest = from_value(json!({"messages": [], "max_tokens": 9})).unwrap();
        assert_eq!(request.max_new_tokens, Some(9));
        let both = |old, new| {
            let body = json!({"messages": [], "max_tokens": old, "max_new_tokens": new});
            from_value::<ChatRequest>(body).map(|request| request.max_new_tokens)
        };
        assert_eq!(both(json!(9), json!(9)).unwrap(), Some(9));
        assert_eq!(both(json!(9), json!(null)).unwrap(), Some(9));
        assert_eq!(both(json!(null), json!(9)).unwrap(), Some(9));
        assert_eq!(both(json!(null), json!(null)).unwrap(), None);
        insta::assert_snapshot!(both(json!(8), json!(9)).unwrap_err(), @"max_new_tokens is 9 and max_tokens is 8, but they mean the same: leave one out");
    }

    #[test]
    fn what_is_required_is_named() {
        insta::assert_snapshot!(from_str::<GenerateRequest>("{}").unwrap_err(), @"missing field `prompt` at line 1 column 2");
        insta::assert_snapshot!(from_str::<ChatRequest>("{}").unwrap_err(), @"missing field `messages` at line 1 column 2");
    }

    #[test]
    fn an_error_inside_a_list_has_its_position() {
        let body = "{\"messages\": [\n{\"role\": \"user\", \"content\": 7}]}";
        insta::assert_snapshot!(from_str::<ChatRequest>(body).unwrap_err(), @"invalid type: integer `7`, expected a string at line 2 column 29");
    }

    #[test]
    fn a_number_that_is_none_is_not_sent_as_null() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let request = ChatRequest { temperature: Some(number), ..ChatRequest::default() };
            let error = to_string(&request).unwrap_err().to_string();
            assert!(error.contains("give a finite one"), "{error}");
        }
    }

    #[test]
    fn unknown_fields_are_not_refused() {
        assert!(from_value::<GenerateRequest>(json!({"prompt": "x", "colour": 1})).is_ok());
    }

    #[test]
    fn tuning_is_the_flat_fields() {
        let tuning = to_value(full().tuning()).unwrap();
        let whole = to_value(full()).unwrap();
        assert_eq!(tuning.as_object().unwrap().len(), 9);
        for (name, value) in tuning.as_object().unwrap() {
            assert_eq!(&whole[name], value, "{name}");
        }
    }

    fn number() -> impl Strategy<Value = Option<f64>> {
        // Sixteenths have few decimals, which the JSON parser reads back exactly.
        of(any::<i16>().prop_map(|n| f64::from(n) / 16.0))
    }

    prop_compose! {
        fn tuning()(
            reals in [number(), number(), number(), number(), number()],
            integers: [Option<i64>; 3],
            stop in of(stop()),
        ) -> Tuning {
            let [temperature, top_p, repeat_penalty, frequency_penalty, presence_penalty] = reals;
            let [top_k, max_new_tokens, seed] = integers;
            Tuning {
                temperature, top_p, top_k, max_new_tokens, repeat_penalty, frequency_penalty,
                presence_penalty, seed, stop,
            }
        }
    }

    proptest! {
        #[test]
        fn generate_round_trip(
            (prompt, role, stream) in (any::<String>(), role(), any::<bool>()),
            enable_thinking: Option<bool>,
            format in of(format()),
            tuning in tuning(),
        ) {
            let request = GenerateRequest {
                prompt, role, format, enable_thinking, stream,
                temperature: tuning.temperature,
                top_k: tuning.top_k,
                seed: tuning.seed,
                stop: tuning.stop,
                ..Default::default()
            };
            let json = to_string(&request).unwrap();
            prop_assert_eq!(from_str::<GenerateRequest>(&json).unwrap(), request);
        }

        #[test]
        fn chat_round_trip(
            messages in prop::collection::vec(message(), 0..4),
            tools in prop::collection::vec(tool(), 0..3),
            (tool_choice, format) in (of(tool_choice()), of(format())),
            tuning in tuning(),
        ) {
            let request = ChatRequest {
                messages, tools, tool_choice, format,
                top_p: tuning.top_p,
                max_new_tokens: tuning.max_new_tokens,
                repeat_penalty: tuning.repeat_penalty,
                frequency_penalty: tuning.frequency_penalty,
                presence_penalty: tuning.presence_penalty,
                ..Default::default()
            };
            let json = to_string(&request).unwrap();
            prop_assert_eq!(from_str::<ChatRequest>(&json).unwrap(), request);
        }
    }
}
