//! The child's way to the server: one socket, many threads that write to it.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::worker::protocol::{FromChild, encode};

/// Messages that come faster than this travel together: each write costs about a microsecond and
/// wakes the server, which at full speed is more than all the rest.
const RUSH: Duration = Duration::from_micros(50);

/// Sends messages in the order in which they are handed over. Clones share the socket.
///
/// A message that comes alone is written by its sender at once, as another thread would first have
/// to wake up. Messages in a rush are left to a thread that writes as many at a time as there are.
#[derive(Clone, Debug)]
pub(super) struct Outbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    more: Condvar,
    socket: UnixStream,
}

#[derive(Debug)]
struct State {
    /// Frames that nobody is writing yet.
    pending: Vec<u8>,
    /// Somebody is writing; they will write what is pending as well.
    writing: bool,
    written: Instant,
}

impl Outbox {
    /// An outbox and the thread that serves it, which ends with the process.
    pub(super) fn start(socket: UnixStream) -> std::io::Result<Self> {
        let state = State { pending: Vec::new(), writing: false, written: Instant::now() - RUSH };
        let outbox =
            Self(Arc::new(Shared { state: Mutex::new(state), more: Condvar::new(), socket }));
        let served = outbox.clone();
        std::thread::Builder::new().name("outbox".into()).spawn(move || served.serve())?;
        Ok(outbox)
    }

    /// Hands a message over. A server that is gone is noticed by whoever reads from it.
    pub(super) fn send(&self, message: &FromChild) {
        let mut state = self.0.state.lock();
        encode(message, &mut state.pending);
        if state.writing {
            return;
        }
        if state.written.elapsed() < RUSH {
            self.0.more.notify_one();
            return;
        }
        self.write(state);
    }

    /// Writes until nothing is pending.
    fn write(&self, mut state: MutexGuard<'_, State>) {
        state.writing = true;
        let mut batch = Vec::new();
        while !state.pending.is_empty() {
            std::mem::swap(&mut batch, &mut state.pending);
            MutexGuard::unlocked(&mut state, || {
                // Without a server there is nobody to tell.
                let _ = (&self.0.socket).write_all(&batch);
            });
            batch.clear();
        }
        state.pending = batch;
        state.writing = false;
        state.written = Instant::now();
    }

    fn serve(&self) {
        loop {
            let mut state = self.0.state.lock();
            while state.pending.is_empty() || state.writing {
                self.0.more.wait(&mut state);
            }
            self.write(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use bytes::BytesMut;

    use super::*;
    use crate::generate::Event;
    use crate::worker::protocol::decode;

    #[test]
    fn everything_arrives_once_and_in_order() {
        const COUNT: usize = 20_000;
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::start(ours).unwrap();
        let senders: Vec<_> = (0..2)
            .map(|id| {
                let outbox = outbox.clone();
                std::thread::spawn(move || {
                    for number in 0..COUNT {
                        let event = Event::Text(number.to_string());
                        outbox.send(&FromChild::Event { id, event });
                    }
                })
            })
            .collect();
        let (mut buffer, mut piece) = (BytesMut::new(), [0; 4096]);
        let mut expected = [0, 0];
        while expected != [COUNT, COUNT] {
            let read = theirs.read(&mut piece).unwrap();
            buffer.extend_from_slice(&piece[..read]);
            while let Some(message) = decode::<FromChild>(&mut buffer).unwrap() {
                let FromChild::Event { id, event: Event::Text(text) } = message else {
                    panic!("another message");
                };
                let next = &mut expected[id as usize];
                assert_eq!(text, next.to_string());
                *next += 1;
            }
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }
}
