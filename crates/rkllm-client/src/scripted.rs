//! A server for tests that plays what it is told.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a connection once its answer is written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum After {
    Close,
    /// Wait until the client closes it.
    WaitForClient,
}

/// Answers one connection after the other, each with the next script.
pub(crate) struct Scripted {
    pub(crate) url: String,
    served: JoinHandle<Vec<String>>,
}

impl Scripted {
    pub(crate) async fn play<const N: usize>(scripts: [String; N], after: After) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let mut requests = Vec::new();
            for script in scripts {
                let (mut socket, _) = listener.accept().await.unwrap();
                requests.push(read_request(&mut socket).await);
                socket.write_all(script.as_bytes()).await.unwrap();
                if after == After::WaitForClient {
                    // An abrupt end is as good as an orderly one.
                    let _ = socket.read(&mut [0]).await;
                }
            }
            requests
        });
        Self { url, served }
    }

    /// The requests that came, after the last script was played.
    pub(crate) async fn requests(self) -> Vec<String> {
        self.served.await.unwrap()
    }
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut request = String::new();
    loop {
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() == length {
                return request;
            }
        }
        let mut buffer = [0; 1024];
        let count = socket.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the client left in the middle of its request");
        request.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
}
