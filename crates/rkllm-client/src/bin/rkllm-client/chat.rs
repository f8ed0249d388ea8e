//! `rkllm-client chat`: a conversation in the terminal.

use std::process::ExitCode;

use anyhow::Context;
use futures_util::TryStreamExt;
use rkllm_client::Client;
use rkllm_client::api::{ChatRequest, Finish, Message};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::ctrl_c;

use crate::screen::Screen;
use crate::server::Server;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    /// How the model shall behave.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Randomness of the answers; 0 always takes the likeliest word.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    temperature: Option<f64>,
    /// Longest answer, in tokens.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(i64).range(1..), allow_negative_numbers = true)]
    max_new_tokens: Option<i64>,
    /// Answer at once, without thinking first.
    #[arg(long)]
    no_thinking: bool,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = args.server.client()?;
    let mut conversation = Conversation::new(args);
    let screen = Screen::new();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    if screen.is_interactive() {
        screen.note("Ctrl-C cancels an answer, /reset forgets the conversation, /quit ends it")?;
    }
    loop {
        screen.prompt()?;
        let line = tokio::select! {
            line = lines.next_line() => line.context("cannot read a line of text from standard input")?,
            pressed = ctrl_c() => {
                pressed?;
                screen.leave_prompt()?;
                return Ok(ExitCode::from(INTERRUPTED));
            }
        };
        match line.as_deref().map(str::trim) {
            None => {
                screen.leave_prompt()?;
                return Ok(ExitCode::SUCCESS);
            }
            Some("/quit") => return Ok(ExitCode::SUCCESS),
            Some("/reset") => conversation.reset(),
            Some("") => {}
            Some(question) => match conversation.ask(&client, question, &screen).await {
                // A person decides what to do next; a script has to know.
                Err(error) if screen.is_interactive() => crate::complain(&error),
                outcome => outcome?,
            },
        }
    }
}

/// The turns so far, and how to ask for the next.
struct Conversation {
    system: Option<String>,
    request: ChatRequest,
}

/// How an answer ended.
enum End {
    Complete(Option<Finish>),
    Cancelled,
}

impl Conversation {
    fn new(args: Args) -> Self {
        let request = ChatRequest {
            enable_thinking: args.no_thinking.then_some(false),
            temperature: args.temperature,
            max_new_tokens: args.max_new_tokens,
            ..ChatRequest::default()
        };
        let mut conversation = Self { system: args.system, request };
        conversation.reset();
        conversation
    }

    fn reset(&mut self) {
        self.request.messages = self.system.iter().map(Message::system).collect();
    }

    /// Shows the answer to `question` as it comes and keeps both; a question that got no word of an answer is forgotten.
    async fn ask(
        &mut self,
        client: &Client,
        question: &str,
        screen: &Screen,
    ) -> anyhow::Result<()> {
        self.request.messages.push(Message::user(question));
        let mut answer = Message::assistant("");
        let end = tokio::select! {
            finish = show(client, &self.request, &mut answer, screen) => finish.map(End::Complete),
            // Leaving the stream closes the connection, which cancels the generation.
            pressed = ctrl_c() => pressed.map(|()| End::Cancelled).map_err(Into::into),
        };
        if answer.content.is_empty() {
            if answer.reasoning.is_some() {
                screen.end_thoughts()?;
            }
            self.request.messages.pop();
        } else {
            screen.print("\n")?;
            self.request.messages.push(answer);
        }
        match end? {
            End::Complete(Some(finish)) => screen.finish(&finish)?,
            End::Complete(None) => {}
            End::Cancelled => screen.note("cancelled")?,
        }
        Ok(())
    }
}

/// Prints an answer as it comes and appends it to `answer`, where it stays if the person cancels.
async fn show(
    client: &Client,
    request: &ChatRequest,
    answer: &mut Message,
    screen: &Screen,
) -> anyhow::Result<Option<Finish>> {
    let mut deltas = client.chat_stream(request).await?;
    let mut finish = None;
    while let Some(delta) = deltas.try_next().await? {
        if let Some(thought) = &delta.reasoning {
            screen.thought(thought)?;
            answer.reasoning.get_or_insert_default().push_str(thought);
        }
        if !delta.content.is_empty() {
            if answer.content.is_empty() && answer.reasoning.is_some() {
                screen.end_thoughts()?;
            }
            screen.print(&delta.content)?;
            answer.content.push_str(&delta.content);
        }
        finish = delta.finish.or(finish);
    }
    Ok(finish)
}
