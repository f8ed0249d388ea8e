//! Whether a model that can think before it answers shall.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::invalid;
use super::names::Names;
use crate::error::Error;
use crate::generate::Request;

/// The variable of chat templates that switches thinking.
const SWITCH: &str = "enable_thinking";
/// The variable of chat templates that says how much to think.
const EFFORT: &str = "reasoning_effort";

/// `reasoning`.
#[derive(Debug, Deserialize)]
pub(super) struct Reasoning {
    pub(super) effort: Option<String>,
}

/// Everything in a request that is about thinking.
#[derive(Debug, Default)]
pub(super) struct Thinking {
    pub(super) reasoning_effort: Option<String>,
    pub(super) reasoning: Option<Reasoning>,
    pub(super) chat_template_kwargs: Option<Map<String, Value>>,
}

impl Thinking {
    /// Tells the request. The template's own switch comes before an effort; an effort is also a
    /// variable for templates that know more than on and off.
    pub(super) fn tell(self, request: &mut Request, names: &mut Names) -> Result<(), Error> {
        let mut kwargs = self.chat_template_kwargs.unwrap_or_default();
        let nested = self.reasoning.and_then(|reasoning| reasoning.effort);
        let effort = match (self.reasoning_effort, nested) {
            (Some(effort), _) => Some((effort, "reasoning_effort")),
            (None, effort) => effort.map(|effort| (effort, "reasoning.effort")),
        };
        if let Some((effort, field)) = effort {
            let on = effort != "none";
            request.enable_thinking = Some(on);
            names.say(SWITCH, field);
            if on {
                kwargs.entry(EFFORT).or_insert(Value::String(effort));
            }
        }
        match kwargs.remove(SWITCH) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(on)) => {
                request.enable_thinking = Some(on);
                names.say(SWITCH, "chat_template_kwargs.enable_thinking");
            }
            Some(_) => {
                let field = "chat_template_kwargs.enable_thinking";
                return Err(invalid(field, format!("{field} is no boolean; send true or false")));
            }
        }
        request.template_kwargs = kwargs;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(thinking: Value) -> (Option<bool>, Value, String) {
        let text = |name: &str| thinking[name].as_str().map(str::to_owned);
        let reasoning = thinking["reasoning"].as_str().map(str::to_owned);
        let thinking = Thinking {
            reasoning_effort: text("reasoning_effort"),
            reasoning: Some(Reasoning { effort: reasoning }),
            chat_template_kwargs: thinking["kwargs"].as_object().cloned(),
        };
        let (mut request, mut names) = (Request::default(), Names::default());
        thinking.tell(&mut request, &mut names).unwrap();
        let name = names.wire(SWITCH).to_owned();
        (request.enable_thinking, Value::Object(request.template_kwargs), name)
    }

    #[test]
    fn efforts_switch_thinking_and_reach_the_template() {
        assert_eq!(told(json!({})), (None, json!({}), SWITCH.into()));
        let off = told(json!({"reasoning_effort": "none"}));
        assert_eq!(off, (Some(false), json!({}), "reasoning_effort".into()));
        let high = told(json!({"reasoning": "high"}));
        let kwargs = json!({"reasoning_effort": "high"});
        assert_eq!(high, (Some(true), kwargs, "reasoning.effort".into()));
    }

    #[test]
    fn the_switch_of_the_template_wins() {
        let told = told(json!({"reasoning_effort": "high",
            "kwargs": {"enable_thinking": false, "tone": "dry"}}));
        let kwargs = json!({"tone": "dry", "reasoning_effort": "high"});
        assert_eq!(told, (Some(false), kwargs, "chat_template_kwargs.enable_thinking".into()));
    }

    #[test]
    fn a_switch_has_two_positions() {
        let kwargs = Map::from_iter([(SWITCH.to_owned(), json!("maybe"))]);
        let thinking = Thinking { chat_template_kwargs: Some(kwargs), ..Thinking::default() };
        let error = thinking.tell(&mut Request::default(), &mut Names::default()).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("chat_template_kwargs.enable_thinking"));
    }
}
