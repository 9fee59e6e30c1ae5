//! `pack`: a directory as packages that an import takes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use portcullis_web_service::work::cabinet::Compression;
use portcullis_web_service::work::pack::{PackOptions, pack};

use crate::scenario::{Amount, Unit};
use crate::serve::{Exit, complain, say, words_of};

/// Pack a directory into cabinets that an import farm takes.
///
/// Every file and directory becomes an object of the manifest, with an id that its path decides,
/// so that packing again updates what was imported before. The cabinets are uploaded for a job that
/// was created with the same compression, and any tool that knows cabinets can look into them.
#[derive(Clone, Debug, Args)]
pub struct PackArgs {
    /// The directory.
    directory: PathBuf,

    /// Where the cabinets go: ExportedFiles.cab, ExportedFiles2.cab and so on.
    #[arg(long, value_name = "DIRECTORY")]
    into: PathBuf,

    /// How they are compressed; `mszip` is for jobs with fileCompression, `none` for those without.
    #[arg(long, value_name = "METHOD", default_value = "mszip")]
    compression: Method,

    /// How large one cabinet becomes at most, such as "10 MiB". A larger file is not split.
    #[arg(long, value_name = "SIZE", value_parser = octets, default_value = "10000000 B")]
    file_max: u64,
}

/// How packages are compressed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    /// MSZIP, as `fileCompression` says.
    Mszip,
    /// Not at all.
    None,
}

fn octets(text: &str) -> Result<u64, String> {
    match Amount::parse(text, Unit::Octet) {
        Ok(amount) if !amount.is_range() && amount.low > 0 => Ok(amount.low),
        Ok(_) => Err("is not one size".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl PackArgs {
    /// Packs, and says what came of it.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let options = PackOptions {
            compression: match self.compression {
                Method::Mszip => Compression::Mszip,
                Method::None => Compression::Stored,
            },
            package_octets_max: self.file_max,
        };
        let exit = match pack(&self.directory, &self.into, &options) {
            Ok(packed) => {
                for package in &packed.packages {
                    say(&package.display().to_string());
                }
                say(&format!("{} objects", packed.object_count));
                Exit::Completed
            }
            Err(error) => complain(&format!("cannot pack {}", words_of(&error))),
        };
        exit.into()
    }
}
