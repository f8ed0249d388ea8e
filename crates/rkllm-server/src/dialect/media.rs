//! Pictures and the like in what functions returned. There they stand for good, and whoever runs the
//! functions did not ask for them: a refusal would end the conversation.

/// What the model reads in the place of `what`, for example `an image`.
pub(super) fn left_out(what: &str) -> String {
    format!("[{what}, which this model cannot take]")
}
