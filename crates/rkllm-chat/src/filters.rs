//! Filters about whose arguments Python and the engine disagree.

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

/// `value | default(text, boolean)`: the text where the value is undefined, or false and `boolean`
/// says that this counts. The engine's own filter takes no names of arguments.
pub(crate) fn default(
    value: Value,
    text: Option<Value>,
    boolean: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let named_text: Option<Value> = kwargs.get("default_value")?;
    let named_boolean: Option<Value> = kwargs.get("boolean")?;
    kwargs.assert_all_used()?;
    let boolean = boolean.or(named_boolean).is_some_and(|boolean| boolean.is_true());
    if value.is_undefined() || (boolean && !value.is_true()) {
        return Ok(text.or(named_text).unwrap_or_else(|| Value::from("")));
    }
    Ok(value)
}
