//! Takes the files of Swagger UI that `/docs` serves out of the crate that carries them, and packs them. It needs no network.

use std::error::Error;
use std::fs::File;
use std::io::{self, Cursor};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// Where each lies below the folder of the release.
const FILES: [&str; 4] = ["dist/swagger-ui-bundle.js", "dist/swagger-ui.css", "LICENSE", "NOTICE"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for below in FILES {
        let is_wanted = |path: &str| path.split_once('/').is_some_and(|(_release, rest)| rest == below);
        let place = (0..archive.len())
            .find(|at| archive.name_for_index(*at).and_then(Result::ok).is_some_and(|path| is_wanted(&path)));
        let place = place.ok_or_else(|| format!("Swagger UI has no {below}"))?;
        let name = below.rsplit('/').next().unwrap_or(below);
        let mut packed = GzEncoder::new(File::create(out.join(format!("{name}.gz")))?, Compression::best());
        io::copy(&mut archive.by_index(place)?, &mut packed)?;
        packed.finish()?;
    }
    Ok(())
}
