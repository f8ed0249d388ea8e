//! Whether, and how hard, a model thinks before it answers.

use serde_json::Value;

use crate::error::Error;

/// What a request says of thinking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Think {
    pub(super) enabled: Option<bool>,
    /// `low`, `medium` or `high`, for templates that ask how hard.
    pub(super) effort: Option<&'static str>,
}

/// Reads `true`, `false`, `null` or a level.
pub(super) fn parse(value: Option<&Value>) -> Result<Think, Error> {
    let effort = match value {
        None | Some(Value::Null) => return Ok(Think::default()),
        Some(Value::Bool(enabled)) => return Ok(Think { enabled: Some(*enabled), effort: None }),
        Some(Value::String(level)) => match level.as_str() {
            "low" => Some("low"),
            "medium" => Some("medium"),
            // No template knows more than high.
            "high" | "max" => Some("high"),
            _ => None,
        },
        Some(_) => None,
    };
    if effort.is_some() {
        return Ok(Think { enabled: Some(true), effort });
    }
    let shown: String = match value {
        Some(value @ (Value::String(_) | Value::Number(_))) => {
            value.to_string().chars().take(40).collect()
        }
        _ => "that".to_owned(),
    };
    let mut error = Error::invalid(format!(
        "invalid think value: {shown} (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"
    ));
    error.param = Some("think".to_owned());
    Err(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn booleans_and_levels() {
        let think = |enabled, effort| Think { enabled, effort };
        assert_eq!(parse(None).unwrap(), think(None, None));
        assert_eq!(parse(Some(&json!(null))).unwrap(), think(None, None));
        assert_eq!(parse(Some(&json!(false))).unwrap(), think(Some(false), None));
        assert_eq!(parse(Some(&json!(true))).unwrap(), think(Some(true), None));
        assert_eq!(parse(Some(&json!("low"))).unwrap(), think(Some(true), Some("low")));
        assert_eq!(parse(Some(&json!("max"))).unwrap(), think(Some(true), Some("high")));
        insta::assert_snapshot!(parse(Some(&json!("x"))).unwrap_err(), @r#"invalid think value: "x" (must be "high", "medium", "low", "max", true, or false)"#);
        insta::assert_snapshot!(parse(Some(&json!([]))).unwrap_err(), @r#"invalid think value: that (must be "high", "medium", "low", "max", true, or false)"#);
    }
}
