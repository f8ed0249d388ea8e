//! Which server, and what it wants to know first.

use std::env;

use rkllm_client::{ApiKey, Client, Error, Options};

/// Where the server is.
#[derive(clap::Args)]
pub(crate) struct Server {
    /// Address of the server; the environment variable RKLLM_URL gives it as well.
    #[arg(long, default_value_t = default_url())]
    pub(crate) url: String,
    /// Key of the server, if it wants one; better given in the environment variable RKLLM_API_KEY, as other users can see what is
    /// typed here.
    #[arg(long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
}

impl Server {
    pub(crate) fn client(&self) -> Result<Client, Error> {
        Client::with_options(&self.url, &self.options())
    }

    /// How to connect to it.
    pub(crate) fn options(&self) -> Options {
        Options { api_key: self.key().map(ApiKey::new), ..Options::default() }
    }

    /// The key, if there is one.
    pub(crate) fn key(&self) -> Option<String> {
        self.api_key.clone().or_else(|| variable("RKLLM_API_KEY"))
    }
}

fn default_url() -> String {
    variable("RKLLM_URL").unwrap_or_else(|| "http://127.0.0.1:5000".to_owned())
}

/// An empty variable counts as unset, which clap's own reading of the environment would not; nor does that keep a key out of the
/// text of `--help`.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|said| !said.is_empty())
}
