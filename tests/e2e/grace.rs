//! What must happen within the time that the server has for ending.

use std::time::{Duration, Instant};

/// Time that answers under way have once the server was told to end.
const GRACE: Duration = Duration::from_secs(3);
/// A machine that is too slow this often will not become faster.
const ATTEMPTS: usize = 10;

/// Attempts something that the server's grace must be enough for. An attempt says what went wrong and
/// when the server was told to end: where the machine took longer than the grace, it is made again.
pub(crate) async fn within_grace(attempt: impl AsyncFn() -> Result<(), (String, Instant)>) {
    for _ in 0..ATTEMPTS {
        let Err((wrong, told)) = attempt().await else { return };
        assert!(told.elapsed() >= GRACE, "{wrong}");
    }
    panic!("the machine is too slow: it took longer than {GRACE:?} {ATTEMPTS} times");
}
