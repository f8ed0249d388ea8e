//! The line in front of a model: one request at a time, the others wait in order.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bounded line. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    depth: usize,
}

/// The right to run, given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// A place in the line or a turn already; given back when dropped.
pub(crate) enum Place {
    /// Nobody was in front.
    First(Turn),
    /// In line; holds one of the bounded places.
    Waiting(Pin<Box<dyn Future<Output = Turn> + Send>>, OwnedSemaphorePermit),
}

/// The line has no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// How many may wait.
    pub(crate) depth: usize,
}

impl Line {
    /// A line in which `depth` requests may wait while one runs; with 0 nobody waits.
    pub(crate) fn new(depth: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(1)), places: Arc::new(Semaphore::new(depth)), depth }
    }

    /// Takes a place, at once or not at all.
    pub(crate) fn enter(&self) -> Result<Place, Full> {
        // A turn that is given back goes to who waits longest, so a free one means nobody waits.
        if let Ok(permit) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(Place::First(Turn { _permit: permit }));
        }
        let permit =
            Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full { depth: self.depth })?;
        let turns = Arc::clone(&self.turns);
        let mut turn = Box::pin(async {
            Turn { _permit: turns.acquire_owned().await.expect("the line is never closed") }
        });
        // Whoever asks for a turn stands in line from the first poll on, not from the call.
        match turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Ok(Place::First(turn)),
            Poll::Pending => Ok(Place::Waiting(turn, permit)),
        }
    }

    /// Waits until everybody who is in line now has had a turn.
    pub(crate) async fn empty(&self) {
        drop(Arc::clone(&self.turns).acquire_owned().await);
    }
}

impl Place {
    /// Waits for the turn.
    pub(crate) async fn turn(self) -> Turn {
        match self {
            Self::First(turn) => turn,
            Self::Waiting(turn, _place) => turn.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_runs_and_depth_wait_and_the_next_is_refused() {
        let line = Line::new(1);
        let first = line.enter().unwrap();
        let _second = line.enter().unwrap();
        assert!(matches!(first, Place::First(_)));
        assert_eq!(line.enter().err(), Some(Full { depth: 1 }));
    }

    #[test]
    fn depth_zero_refuses_while_one_runs() {
        let line = Line::new(0);
        let first = line.enter().unwrap();
        assert!(line.enter().is_err());
        drop(first);
        assert!(line.enter().is_ok());
    }

    #[test]
    fn who_does_not_ask_for_the_turn_yet_keeps_the_place() {
        let line = Line::new(2);
        let first = line.enter().unwrap();
        let second = line.enter().unwrap();
        drop(first);
        let mut third = Box::pin(line.enter().unwrap().turn());
        assert!(poll(third.as_mut()).is_pending(), "the second was there before");
        let mut second = Box::pin(second.turn());
        assert!(poll(second.as_mut()).is_ready());
    }

    #[test]
    fn turns_come_in_order_and_leaving_frees_the_place() {
        let line = Line::new(2);
        let first = line.enter().unwrap();
        let mut second = Box::pin(line.enter().unwrap().turn());
        let mut third = Box::pin(line.enter().unwrap().turn());
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        assert!(line.enter().is_err());
        drop(second);
        let fourth = line.enter().unwrap();
        drop(first);
        assert!(poll(third.as_mut()).is_ready(), "the one in front left, so the third is next");
        drop((third, fourth));
        assert!(matches!(line.enter().unwrap(), Place::First(_)));
    }
}
