//! The models directory: models come, are copied and go.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::download::blocking;
use super::fault::storage;
use super::folder::{Folder, is_path};
use super::pull::COMPANIONS;
use super::source;
use super::stage::{self, File, Plan};
use super::toml::{Changes, SettingsFile};
use crate::error::{Code, Error};

/// Where contents stand that are no model yet, by digest. Hidden, so that nobody looks for models there.
const BLOBS: &str = ".blobs";
/// Folders below one another that are copied with a model.
const MAX_DEPTH: usize = 4;

/// The models directory. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    root: PathBuf,
    /// Held while something in the directory changes its place.
    changing: Arc<Mutex<()>>,
}

/// What a new model is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// A model of the models directory, by its name.
    Model(String),
    /// Uploaded contents: name of the file and sha256 in hexadecimal.
    Blobs(Vec<(String, String)>),
}

/// A model that a client wants made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Creation {
    pub(crate) name: String,
    pub(crate) base: Base,
    pub(crate) changes: Changes,
}

/// A model that came from the hub.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) folder: Folder,
    pub(super) files: Vec<File>,
}

/// A model in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// A file that stands alone.
    File(PathBuf),
    /// A folder with everything that belongs to the model.
    Folder(PathBuf),
}

impl Store {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, changing: Arc::default() }
    }

    /// Where the content with this digest stands, or will.
    pub(super) fn blob(&self, digest: &str) -> PathBuf {
        self.root.join(BLOBS).join(digest)
    }

    /// Makes the folder for contents.
    pub(super) async fn make_blobs(&self) -> Result<(), Error> {
        let folder = self.root.join(BLOBS);
        let made = folder.clone();
        let made = blocking(move || fs::create_dir_all(made)).await;
        made.map_err(|error| storage("make", &folder, &error))
    }

    /// Gives a model another name as well. Its file takes no more room on the disk.
    ///
    /// # Errors
    /// When the model is not in the directory, the name cannot be a folder's, or the disk refuses.
    pub(crate) async fn copy(&self, model: &str, destination: &str) -> Result<(), Error> {
        let base = Base::Model(model.to_owned());
        let changes = Changes::default();
        self.create(Creation { name: destination.to_owned(), base, changes }).await
    }

    /// Makes a model from another one or from uploaded contents. One of the same name is replaced.
    ///
    /// # Errors
    /// As [`copy`](Self::copy), and when an uploaded content is not there.
    pub(crate) async fn create(&self, creation: Creation) -> Result<(), Error> {
        let store = self.clone();
        blocking(move || {
            let _changing = store.changing.lock();
            let folder = Folder::for_model(&creation.name)?;
            let (files, mut settings) = match &creation.base {
                Base::Model(name) => store.files_of(&store.find(name)?)?,
                Base::Blobs(blobs) => (store.files_from(blobs)?, SettingsFile::default()),
            };
            settings.only_alias(folder.alias.as_deref());
            settings.change(creation.changes);
            stage::put(&store.root, Plan { path: folder.path, files, settings })
        })
        .await
    }

    /// Deletes a model and what stands in its folder.
    ///
    /// # Errors
    /// When the model is not in the directory or the disk refuses.
    pub(crate) async fn delete(&self, model: &str) -> Result<(), Error> {
        let (store, model) = (self.clone(), model.to_owned());
        blocking(move || {
            let _changing = store.changing.lock();
            let entry = store.find(&model)?;
            let deleted = match &entry {
                Entry::Folder(path) => stage::remove(&store.root, path),
                Entry::File(path) => fs::remove_file(path)
                    .and_then(|()| absent_is_fine(fs::remove_file(stage::checksum(path)))),
            };
            let (Entry::Folder(path) | Entry::File(path)) = &entry;
            deleted.map_err(|error| storage("delete", path, &error))
        })
        .await
    }

    /// Whether this content is already the model of that folder; then the model has the folder's
    /// alias from now on. Refuses a folder that is another model's.
    pub(super) async fn admit(
        &self,
        folder: &Folder,
        file: &str,
        sha256: &str,
    ) -> Result<bool, Error> {
        let (store, folder, file) = (self.clone(), folder.clone(), file.to_owned());
        let sha256 = sha256.to_owned();
        blocking(move || {
            let _changing = store.changing.lock();
            let path = store.root.join(&folder.path);
            if !path.exists() {
                return Ok(false);
            }
            let mut settings = SettingsFile::read(&path)?;
            let alias = folder.alias.as_deref().unwrap_or(&folder.path);
            let file = path.join(file);
            let known = fs::read_to_string(stage::checksum(&file)).unwrap_or_default();
            if file.exists() && known.split_whitespace().next() == Some(sha256.as_str()) {
                settings.add_alias(alias);
                stage::write_settings(&path, &settings)?;
                return Ok(true);
            }
            if settings.has_alias(alias) {
                return Ok(false);
            }
            Err(Error::invalid(format!(
                "{} is another model already; delete or rename it, then pull again",
                path.display()
            )))
        })
        .await
    }

    /// Puts a model that was fetched in its place; settings that its folder has stay.
    pub(super) async fn install(&self, fetched: Fetched) -> Result<(), Error> {
        let store = self.clone();
        blocking(move || {
            let _changing = store.changing.lock();
            let Fetched { folder, files } = fetched;
            let mut settings = SettingsFile::read(&store.root.join(&folder.path))?;
            settings.add_alias(folder.alias.as_deref().unwrap_or(&folder.path));
            stage::put(&store.root, Plan { path: folder.path, files, settings })
        })
        .await
    }

    /// The model that the registry calls `name`: a folder, or a file beside the folders.
    fn find(&self, name: &str) -> Result<Entry, Error> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !name.is_empty() && Path::new(name).components().all(plain) {
            let folder = self.root.join(name);
            if folder.is_dir() {
                return Ok(Entry::Folder(folder));
            }
            let files = source::MODELS.map(|ending| self.root.join(format!("{name}{ending}")));
            if let Some(file) = files.into_iter().find(|file| file.is_file()) {
                return Ok(Entry::File(file));
            }
        }
        Err(Error::new(
            Code::Unsupported,
            format!(
                "model '{name}' has no folder and no file of its own in {}, so it cannot be copied or \
                 deleted here",
                self.root.display()
            ),
        ))
    }

    /// What belongs to a model.
    fn files_of(&self, entry: &Entry) -> Result<(Vec<File>, SettingsFile), Error> {
        let mut files = Vec::new();
        match entry {
            Entry::Folder(folder) => {
                gather(folder, "", &mut files).map_err(|error| storage("read", folder, &error))?;
                Ok((files, SettingsFile::read(folder)?))
            }
            Entry::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                files.push(File { from: path.clone(), name, moved: false, sha256: None });
                Ok((files, SettingsFile::default()))
            }
        }
    }

    fn files_from(&self, blobs: &[(String, String)]) -> Result<Vec<File>, Error> {
        let file = |(name, sha256): &(String, String)| {
            if !is_path(name) || !is_uploadable(name) {
                return Err(Error::invalid(format!(
                    "{name:?} cannot be the name of a model's file; use letters, digits, '.', '_' and \
                     '-', without folders, ending in .gguf, .rkllm, or the name of a tokenizer file"
                )));
            }
            let from = self.blob(&format!("sha256-{sha256}"));
            if !from.is_file() {
                return Err(Error::invalid(format!(
                    "no content sha256:{sha256} for {name}; upload it to /api/blobs first"
                )));
            }
            Ok(File { from, name: name.clone(), moved: true, sha256: Some(sha256.clone()) })
        };
        blobs.iter().map(file).collect()
    }
}

/// Whether clients may give content to a file of this name. Settings are not among them: they name
/// libraries to load and files to read.
fn is_uploadable(name: &str) -> bool {
    let is_model = name.ends_with(".gguf") || name.ends_with(".rkllm");
    !name.contains('/') && (is_model || COMPANIONS.contains(&name))
}

/// The files of a folder and those below it, but for its settings.
fn gather(folder: &Path, above: &str, files: &mut Vec<File>) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || (above.is_empty() && name == super::toml::FILE) {
            continue;
        }
        let name = format!("{above}{name}");
        if !path.is_dir() {
            files.push(File { from: fs::canonicalize(&path)?, name, moved: false, sha256: None });
        } else if above.matches('/').count() < MAX_DEPTH {
            gather(&path, &format!("{name}/"), files)?;
        }
    }
    Ok(())
}

/// What is not there need not be deleted.
pub(super) fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Tuning;

    struct Models {
        store: Store,
        root: tempfile::TempDir,
    }

    impl Models {
        fn new(files: &[&str]) -> Self {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                let path = root.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, file).unwrap();
            }
            Self { store: Store::new(root.path().to_owned()), root }
        }

        fn read(&self, path: &str) -> String {
            fs::read_to_string(self.root.path().join(path)).unwrap()
        }

        fn has(&self, path: &str) -> bool {
            self.root.path().join(path).exists()
        }

        async fn refused(&self, model: &str, name: &str) -> String {
            self.store.copy(model, name).await.unwrap_err().message
        }
    }

    #[tokio::test]
    async fn a_copy_has_all_files_and_its_own_name() {
        let models = Models::new(&["base/m.gguf", "base/lora/a.gguf", "base/.hidden"]);
        let settings = "aliases = [\"old\"]\nsystem = \"x\"\n";
        fs::write(models.root.path().join("base/model.toml"), settings).unwrap();
        models.store.copy("base", "copy:v2").await.unwrap();
        assert_eq!(models.read("copy-v2/m.gguf"), "base/m.gguf");
        assert_eq!(models.read("copy-v2/lora/a.gguf"), "base/lora/a.gguf");
        assert!(!models.has("copy-v2/.hidden") && !models.has(".new"));
        assert_eq!(models.read("copy-v2/model.toml"), "aliases = [\"copy:v2\"]\nsystem = \"x\"\n");
        models.store.delete("base").await.unwrap();
        assert!(!models.has("base"));
        assert_eq!(models.read("copy-v2/m.gguf"), "base/m.gguf");
    }

    #[tokio::test]
    async fn a_model_that_is_a_file_is_copied_and_deleted_as_well() {
        let models = Models::new(&["m.rkllm", "m.rkllm.sha256", "n.gguf"]);
        models.store.copy("m", "me/copy").await.unwrap();
        assert_eq!(models.read("me/copy/m.rkllm"), "m.rkllm");
        assert!(!models.has("me/copy/model.toml"), "there is nothing to say");
        models.store.delete("m").await.unwrap();
        models.store.delete("me/copy").await.unwrap();
        assert!(!models.has("m.rkllm") && !models.has("m.rkllm.sha256") && !models.has("me"));
        assert!(models.has("n.gguf"));
    }

    #[tokio::test]
    async fn a_model_can_be_made_anew_from_itself() {
        let models = Models::new(&["base/m.gguf"]);
        let create = async |temperature| {
            let sampling = Tuning { temperature, ..Tuning::default() };
            let changes = Changes { system: Some("Arr".into()), sampling, context_length: None };
            let base = Base::Model("base".into());
            models.store.create(Creation { name: "base".into(), base, changes }).await.unwrap();
        };
        create(Some(0.5)).await;
        create(None).await;
        assert_eq!(models.read("base/m.gguf"), "base/m.gguf");
        let settings = "system = \"Arr\"\n\n[sampling]\ntemperature = 0.5\n";
        assert_eq!(models.read("base/model.toml"), settings);
    }

    #[tokio::test]
    async fn places_that_are_not_free_are_refused() {
        let models = Models::new(&["base/m.gguf", "many/a/m.gguf", "old/m.rkllm", "old/Modelfile"]);
        assert!(models.refused("base", "../out").await.starts_with("invalid model name"));
        assert!(models.refused("base", "base/x").await.contains("is a model, which cannot have"));
        assert!(models.refused("base", "many").await.contains("is a folder of other models"));
        assert!(models.refused("old", "new:v1").await.contains("Modelfile"));
        models.store.copy("old", "new").await.unwrap();
        for name in ["../base", "/etc", "", "nothing", "."] {
            assert!(
                models.refused(name, "x").await.contains("has no folder and no file"),
                "{name}"
            );
            models.store.delete(name).await.unwrap_err();
        }
    }

    #[tokio::test]
    async fn uploads_become_models() {
        let models = Models::new(&[]);
        let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let upload = models.store.upload(digest).unwrap();
        let pieces = |pieces: Vec<Result<&'static str, Error>>| {
            futures_util::stream::iter(
                pieces.into_iter().map(|piece| piece.map(bytes::Bytes::from)),
            )
        };
        let wrong = upload.receive(pieces(vec![Ok("hullo")])).await.unwrap_err().message;
        assert!(wrong.starts_with("digest mismatch"), "{wrong}");
        let cut = vec![Ok("hel"), Err(Error::invalid("gone"))];
        assert_eq!(upload.receive(pieces(cut)).await.unwrap_err().message, "gone");
        assert!(!upload.exists().await);
        let create = async |file: &str| {
            let blobs = vec![(file.to_owned(), digest["sha256:".len()..].to_owned())];
            let (base, changes) = (Base::Blobs(blobs), Changes::default());
            models.store.create(Creation { name: "mine".into(), base, changes }).await
        };
        assert!(create("m.gguf").await.unwrap_err().message.contains("upload it to /api/blobs"));
        upload.receive(pieces(vec![Ok("hel"), Ok("lo")])).await.unwrap();
        assert!(upload.exists().await);
        for name in ["../m.gguf", "/m.gguf", "model.toml", ""] {
            assert!(
                create(name).await.unwrap_err().message.contains("cannot be the name"),
                "{name}"
            );
        }
        create("m.gguf").await.unwrap();
        assert_eq!(models.read("mine/m.gguf"), "hello");
        assert!(models.read("mine/m.gguf.sha256").starts_with("2cf24dba"));
        assert!(!upload.exists().await, "it takes no room twice");
        assert!(models.store.upload("sha256:../../x").is_err());
    }
}
