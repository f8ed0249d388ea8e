//! Numbers as clients send them: with a fraction where there is none, or as a text.

use serde_json::Value;

use crate::error::Error;

/// A number; `null` is none.
pub(super) fn real(name: &str, value: Option<&Value>) -> Result<Option<f64>, Error> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match number.filter(|number| number.is_finite()) {
        Some(number) => Ok(Some(number)),
        None => Err(refused(name, value, "a number")),
    }
}

/// An integer; `null` is none.
pub(super) fn integer(name: &str, value: Option<&Value>) -> Result<Option<i64>, Error> {
    let exact = match value {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    if exact.is_some() {
        return Ok(exact);
    }
    match real(name, value).map_err(|_| refused(name, value, "an integer"))? {
        None => Ok(None),
        // Every integer of this size is exact in the format that it came in.
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(Some(number as i64)),
        Some(_) => Err(refused(name, value, "an integer")),
    }
}

fn refused(name: &str, value: Option<&Value>, wanted: &str) -> Error {
    let value = match value {
        Some(value @ (Value::Number(_) | Value::Bool(_) | Value::String(_))) => {
            value.to_string().chars().take(40).collect()
        }
        Some(Value::Array(_)) => "a list".to_owned(),
        _ => "an object".to_owned(),
    };
    let mut error = Error::invalid(format!("{name} is {value}; send {wanted}"));
    error.param = Some(name.to_owned());
    error
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_means_a_number_is_one() {
        for value in [json!(40), json!(40.0), json!("40"), json!(" 40.0 ")] {
            assert_eq!(integer("top_k", Some(&value)).unwrap(), Some(40), "{value}");
            assert_eq!(real("top_k", Some(&value)).unwrap(), Some(40.0), "{value}");
        }
        assert_eq!(integer("seed", Some(&json!(i64::MAX))).unwrap(), Some(i64::MAX));
        assert_eq!(real("x", Some(&Value::Null)).unwrap(), None);
        assert_eq!(integer("x", None).unwrap(), None);
    }

    #[test]
    fn anything_else_is_named() {
        let said = |value| integer("top_k", Some(&value)).unwrap_err().message;
        insta::assert_snapshot!(said(json!(40.5)), @"top_k is 40.5; send an integer");
        insta::assert_snapshot!(said(json!("many")), @r#"top_k is "many"; send an integer"#);
        insta::assert_snapshot!(said(json!([1])), @"top_k is a list; send an integer");
        insta::assert_snapshot!(said(json!(true)), @"top_k is true; send an integer");
        insta::assert_snapshot!(said(json!(1e300)), @"top_k is 1e+300; send an integer");
        let said = real("temperature", Some(&json!("nan"))).unwrap_err().message;
        insta::assert_snapshot!(said, @r#"temperature is "nan"; send a number"#);
    }
}
