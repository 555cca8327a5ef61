//! Writes the API documents into the folder that is named: `make documents`.

use std::fs;
use std::io;
use std::path::Path;

use protocol::documents::{asyncapi, openapi, routes};

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "docs/api".to_owned());
    fs::create_dir_all(&folder)?;
    for (name, document) in [("openapi.json", openapi()), ("asyncapi.json", asyncapi()), ("routes.json", routes())] {
        fs::write(Path::new(&folder).join(name), format!("{document:#}\n"))?;
    }
    Ok(())
}
