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

    /// The console page of the checkout that the program is started in, or of the one it was built from.
    #[cfg(not(feature = "site"))]
    fn own() -> Self {
        let here = PathBuf::from("sdk-js/dist/console");
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&here);
        Self::Folder(if here.is_dir() { here } else { built_from })
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
