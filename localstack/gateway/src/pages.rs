//! The files of the site, as `npm run build` made them: from a folder, or built into the program.

use std::path::{Path, PathBuf};

use bytes::Bytes;

/// The console, the examples and the SDK, as they were when this program was built.
#[cfg(feature = "site")]
static BUILT_IN: include_dir::Dir<'_> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/../../sdk-js/dist/console");

/// Where the files are.
pub enum Pages {
    /// Below that folder.
    Folder(PathBuf),
    /// In the program.
    #[cfg(feature = "site")]
    BuiltIn,
}

impl Pages {
    /// Below that folder, if one was named; otherwise what is built in.
    pub fn of(folder: Option<PathBuf>) -> Self {
        folder.map_or_else(Self::own, Self::Folder)
    }

    #[cfg(feature = "site")]
    fn own() -> Self {
        Self::BuiltIn
    }

    #[cfg(not(feature = "site"))]
    fn own() -> Self {
        Self::Folder(checkout("console"))
    }

    /// A file by its path below the root, which leads nowhere else.
    pub async fn read(&self, path: &Path) -> Option<Bytes> {
        match self {
            Self::Folder(root) => tokio::fs::read(root.join(path)).await.ok().map(Bytes::from),
            #[cfg(feature = "site")]
            Self::BuiltIn => BUILT_IN.get_file(path).map(|file| Bytes::from_static(file.contents())),
        }
    }
}

/// The files for captions: 42 MB, which most servers never send, so they are not built into the program. They are below that folder, if
/// one was named; else beside the program.
#[cfg(feature = "site")]
pub fn captions(folder: Option<PathBuf>) -> PathBuf {
    let beside = || std::env::current_exe().ok()?.parent().map(|folder| folder.join("captions"));
    folder.or_else(beside).unwrap_or_default()
}

/// The files for captions: below that folder, if one was named; else as they were built last.
#[cfg(not(feature = "site"))]
pub fn captions(folder: Option<PathBuf>) -> PathBuf {
    folder.unwrap_or_else(|| checkout("captions"))
}

/// What was built in the checkout that the program is started in, or in the one it was built from.
#[cfg(not(feature = "site"))]
fn checkout(name: &str) -> PathBuf {
    let here = Path::new("sdk-js/dist").join(name);
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&here);
    if here.is_dir() { here } else { built_from }
}

#[cfg(all(test, feature = "site"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_program_holds_its_console_its_examples_and_its_sdk() {
        for path in ["index.html", "app.js", "examples/basic.html", "sdk/tunrtc.js"] {
            assert!(Pages::of(None).read(Path::new(path)).await.is_some_and(|file| !file.is_empty()), "{path}");
        }
        assert!(Pages::of(None).read(Path::new("nothing")).await.is_none());
    }
}
