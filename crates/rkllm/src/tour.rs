//! A tour by example. Each one runs as written with a real library and model in place of the
//! `runtime` and `model` that its hidden lines set up.
//!
//! # Hello
//!
//! ```
//! # let script = rkllm_fake::Script::new();
//! # let runtime = rkllm::Runtime::open(rkllm_fake::library(rkllm::AbiGeneration::V1_3))?;
//! # let model = script.model();
//! use rkllm::Options;
//!
//! let mut session = runtime.load(model, &Options::default())?;
//! for token in session.generate("What is the capital of France?")? {
//!     print!("{}", token?.text); // leaving the loop ends the run
//! }
//! # Ok::<(), rkllm::Error>(())
//! ```
//!
//! # Stream to a closure
//!
//! Without a thread and a channel in between, and with a way to stop early.
//!
//! ```
//! # let script = rkllm_fake::Script::new();
//! # let runtime = rkllm::Runtime::open(rkllm_fake::library(rkllm::AbiGeneration::V1_3))?;
//! # let model = script.model();
//! use rkllm::{End, Flow, Options, RunOptions};
//!
//! let mut session = runtime.load(model, &Options::default())?;
//! let mut text = String::new();
//! let outcome = session.run("Tell me a story.", &RunOptions::default(), |token| {
//!     text.push_str(token.text);
//!     if text.len() > 8 { Flow::Stop } else { Flow::Continue }
//! })?;
//! assert_eq!(outcome.end, End::Stopped);
//! # Ok::<(), rkllm::Error>(())
//! ```
//!
//! # Conversation
//!
//! ```
//! # let script = rkllm_fake::Script::new();
//! # let runtime = rkllm::Runtime::open(rkllm_fake::library(rkllm::AbiGeneration::V1_3))?;
//! # let model = script.model();
//! use rkllm::{Options, RunOptions};
//!
//! let mut session = runtime.load(model, &Options::default())?;
//! let keep = RunOptions { keep_history: true, ..RunOptions::default() };
//! for question in ["My name is Anna.", "What is my name?"] {
//!     let answer = session.generate_with(question, keep.clone())?;
//!     let text = answer.map(|token| Ok(token?.text)).collect::<Result<String, rkllm::Error>>()?;
//!     println!("{question} {text}");
//! }
//! session.clear_history()?;
//! # Ok::<(), rkllm::Error>(())
//! ```
//!
//! # Embeddings
//!
//! The last hidden layer, one row per token; the last row stands for the whole text in most models
//! made for it.
//!
//! ```
//! # let script = rkllm_fake::Script::new();
//! # let runtime = rkllm::Runtime::open(rkllm_fake::library(rkllm::AbiGeneration::V1_3))?;
//! # let model = script.model();
//! use rkllm::Options;
//!
//! let mut session = runtime.load(model, &Options::default())?;
//! let states = session.hidden_states("A text to be compared with others.")?;
//! let vector = states.last().expect("a row per token");
//! assert_eq!(vector.len(), states.width);
//! # Ok::<(), rkllm::Error>(())
//! ```
//!
//! # Batch
//!
//! ```
//! # let script = rkllm_fake::Script::new();
//! # let runtime = rkllm::Runtime::open(rkllm_fake::library(rkllm::AbiGeneration::V1_3))?;
//! # let model = script.model();
//! use rkllm::{Options, RunOptions};
//!
//! let mut session = runtime.load(model, &Options { batch: 2, ..Options::default() })?;
//! let questions = vec!["What is 1 + 1?".into(), "What is 2 + 2?".into()];
//! let mut answers = [String::new(), String::new()];
//! for item in session.generate_batch(questions, RunOptions::default())? {
//!     let item = item?;
//!     answers[item.entry].push_str(&item.token.text);
//! }
//! # assert!(answers.iter().all(|answer| !answer.is_empty()));
//! # Ok::<(), rkllm::Error>(())
//! ```
//!
//! # Prompt cache
//!
//! What a long prompt costs once is kept in a file; the next process starts from it.
//!
//! ```
//! # let script = rkllm_fake::Script::new();
//! # let runtime = rkllm::Runtime::open(rkllm_fake::library(rkllm::AbiGeneration::V1_3))?;
//! # let model = script.model();
//! # let file = script.dir().join("prompt.cache");
//! use rkllm::{Options, RunOptions};
//!
//! let mut session = runtime.load(model, &Options::default())?;
//! let save = RunOptions { save_prompt_cache: Some(file.clone()), ..RunOptions::default() };
//! session.generate_with("A very long instruction.", save)?.for_each(drop);
//!
//! session.load_prompt_cache(&file)?; // in this process or another
//! session.generate("A very long instruction. And a question?")?.for_each(drop);
//! session.release_prompt_cache()?;
//! # Ok::<(), rkllm::Error>(())
//! ```
//!
//! # LoRA
//!
//! ```
//! # let script = rkllm_fake::Script::new();
//! # let runtime = rkllm::Runtime::open(rkllm_fake::library(rkllm::AbiGeneration::V1_3))?;
//! # let model = script.model();
//! # let adapter = script.dir().join("pirate.rkllm");
//! # std::fs::write(&adapter, "adapter").unwrap();
//! use rkllm::{Lora, Options, RunOptions};
//!
//! let mut session = runtime.load(model, &Options::default())?;
//! session.load_lora(&Lora { path: adapter, name: "pirate".into(), scale: 1.0 })?;
//! let pirate = RunOptions { lora: Some("pirate".into()), ..RunOptions::default() };
//! session.generate_with("Who are you?", pirate)?.for_each(drop);
//! # Ok::<(), rkllm::Error>(())
//! ```
//!
//! # Pictures
//!
//! A vision encoder, which is not part of RKLLM, turns a picture into rows of numbers.
//!
//! ```
//! # let script = rkllm_fake::Script::new();
//! # let runtime = rkllm::Runtime::open(rkllm_fake::library(rkllm::AbiGeneration::V1_3))?;
//! # let model = script.model();
//! use rkllm::{Images, MediaTags, Multimodal, Options};
//!
//! # let width = rkllm_fake::EMBEDDING_WIDTH;
//! # fn encode(width: usize) -> Vec<f32> { vec![0.5; 4 * width] }
//! let tags = MediaTags {
//!     start: "<|vision_start|>".into(),
//!     end: "<|vision_end|>".into(),
//!     content: "<|image_pad|>".into(),
//! };
//! let options = Options { image_tags: Some(tags), ..Options::default() };
//! let mut session = runtime.load(model, &options)?;
//! // SAFETY: the width that the model's card states.
//! unsafe { session.assume_embedding_width(width) };
//! let images = Images {
//!     data: encode(width), // four rows for one picture
//!     tokens: 4,
//!     count: 1,
//!     size: (448, 448),
//!     tags: None,
//! };
//! let prompt = "<image>What is in this picture?".into();
//! session.generate(Multimodal { prompt, images: Some(images), videos: None })?.for_each(drop);
//! # Ok::<(), rkllm::Error>(())
//! ```
