//! The thread that listens to the server: prepares requests and ends runs while the model works.

use std::collections::HashMap;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

use bytes::BytesMut;
use parking_lot::Mutex;
use rkllm::Aborter;

use super::load::Loaded;
use super::outbox::Outbox;
use super::task::{self, Task};
use crate::error::Error;
use crate::shutdown::leave;
use crate::worker::protocol::{FromChild, Id, ToChild, decode};
use crate::worker::spec::ModelSpec;
use crate::worker::work::Work;

/// What the server wants of the thread with the model.
pub(super) enum Order {
    Run { id: Id, task: Task, cancelled: Arc<AtomicBool> },
    Stop,
}

/// What the two threads share. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Current {
    /// Set once the model is in memory.
    pub(super) loaded: Arc<OnceLock<Arc<Loaded>>>,
    /// The run under way.
    pub(super) running: Arc<Mutex<Option<(Id, Aborter)>>>,
}

/// The model to load and where to take orders from.
pub(super) type Load = (ModelSpec, Receiver<Order>);

/// The state of the thread.
pub(super) struct Control {
    socket: UnixStream,
    outbox: Outbox,
    current: Current,
    loads: Sender<Load>,
    orders: Option<Sender<Order>>,
    prepared: HashMap<Id, Task>,
    /// The order given last, which may be under way.
    latest: Option<(Id, Arc<AtomicBool>)>,
}

impl Control {
    pub(super) fn new(
        socket: UnixStream,
        outbox: Outbox,
        current: Current,
        loads: Sender<Load>,
    ) -> Self {
        Self {
            socket,
            outbox,
            current,
            loads,
            orders: None,
            prepared: HashMap::new(),
            latest: None,
        }
    }

    /// Listens until the server is gone, then ends the process: nobody wants its work any more, and
    /// waiting for the runtime could take for ever.
    pub(super) fn serve(mut self) -> ! {
        let listened = catch_unwind(AssertUnwindSafe(|| self.listen()));
        leave(if listened.is_ok() { 0 } else { 101 })
    }

    fn listen(&mut self) {
        let mut buffer = BytesMut::new();
        let mut piece = vec![0; 64 << 10];
        loop {
            match decode(&mut buffer) {
                Ok(Some(message)) => self.take(message),
                Ok(None) => match self.socket.read(&mut piece) {
                    Ok(0) | Err(_) => return,
                    Ok(read) => buffer.extend_from_slice(&piece[..read]),
                },
                Err(error) => {
                    eprintln!("E worker: the server sent {error}");
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: ToChild) {
        match message {
            ToChild::Load(spec) => {
                let (orders, receiver) = channel();
                self.orders = Some(orders);
                // The main thread waits for this, or the process is about to end.
                let _ = self.loads.send((*spec, receiver));
            }
            ToChild::Prepare { id, owner, work } => {
                let answer = match self.prepare(id, owner, *work) {
                    Ok(message) => message,
                    Err(error) => FromChild::Refused { id, error },
                };
                self.outbox.send(&answer);
            }
            ToChild::Run { id } => {
                let Some(task) = self.prepared.remove(&id) else {
                    return;
                };
                let cancelled = Arc::<AtomicBool>::default();
                self.latest = Some((id, Arc::clone(&cancelled)));
                self.order(Order::Run { id, task, cancelled });
            }
            ToChild::Forget { id } => self.forget(id),
            ToChild::Ping => self.outbox.send(&FromChild::Pong),
            ToChild::Stop => {
                if let Some((id, _)) = self.latest.clone() {
                    self.forget(id);
                }
                self.order(Order::Stop);
            }
        }
    }

    fn prepare(&mut self, id: Id, owner: Option<u64>, work: Work) -> Result<FromChild, Error> {
        let loaded = self.current.loaded.get().ok_or_else(|| {
            Error::new(crate::error::Code::InferenceFailed, "the model is not loaded yet")
        })?;
        if !work.needs_turn() {
            return Ok(FromChild::Output { id, output: task::at_once(loaded, work)? });
        }
        let (task, prepared) = task::prepare(loaded, work, owner)?;
        self.prepared.insert(id, task);
        Ok(FromChild::Prepared { id, prepared })
    }

    fn forget(&mut self, id: Id) {
        self.prepared.remove(&id);
        let Some((latest, cancelled)) = &self.latest else {
            return;
        };
        if *latest != id {
            return;
        }
        cancelled.store(true, Ordering::Relaxed);
        let running = self.current.running.lock();
        if let Some((running, aborter)) = running.as_ref()
            && *running == id
        {
            aborter.abort();
        }
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // Without a receiver the process is about to end.
            let _ = orders.send(order);
        }
    }
}
