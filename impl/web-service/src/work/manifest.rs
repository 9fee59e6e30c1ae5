//! The manifest of a content package: which objects there are, in the order of placing.
//!
//! Ours. The product's packages have another one (MS-PRIMEPF), and no compatibility is claimed.

mod digest;
mod site_path;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use portcullis_xml::{Document, ElementReader, Limits, WriteError, Writer, XmlError};
use serde::{Deserialize, Serialize};

use crate::message::{FileName, Guid};
pub use digest::{Digest, DigestError};
pub use site_path::{SITE_PATH_OCTETS_MAX, SitePath, SitePathProblem};

/// The namespace of a manifest.
pub const NAMESPACE: &str = "urn:portcullis:content-package:1";

/// The name of the file that is the manifest, in one of the cabinets of a job.
pub const FILE_NAME: &str = "manifest.xml";

/// Attributes of one object at most, and a declaration.
const ATTRIBUTES_MAX: usize = 7;

/// One thing that an import places into a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentObject {
    /// What it is, whatever its path is called.
    pub id: Guid,
    /// Where it belongs.
    pub path: SitePath,
    /// What is there.
    pub content: ObjectContent,
}

/// What an object consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectContent {
    /// A folder; what is in it are objects of their own.
    Folder,
    /// A file.
    File {
        /// Its name in the cabinets of the job.
        file: FileName,
        /// Its length.
        octets: u64,
        /// The digest of its octets.
        sha256: Digest,
    },
}

/// Why a manifest is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestProblem {
    /// The document cannot be read, or is another.
    #[error("the document cannot be read: {0}")]
    Xml(XmlError),
    /// A value is not one of its kind.
    #[error("the value of an attribute cannot be read")]
    Value,
    /// A path may not be used.
    #[error("a path that may not be used: {0}")]
    Path(SitePathProblem),
    /// Two objects have the same id.
    #[error("two objects of one id")]
    SameId,
    /// Two paths are the same, or differ in case only.
    #[error("two objects in one place")]
    SamePlace,
    /// What an object is in is no folder that comes before it.
    #[error("an object outside the folders before it")]
    NoFolder,
    /// An object's file is in no package, or belongs to another object already.
    #[error("an object without a file of its own")]
    NoFile,
    /// An object's file has another length or digest.
    #[error("an object's file is not as the manifest says")]
    Differs,
    /// A file of a package belongs to no object.
    #[error("a file without an object")]
    Unlisted,
}

impl From<XmlError> for ManifestProblem {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

/// Reads a manifest, hands each object to `take` in the order of placing, and returns their number.
///
/// # Errors
/// The first rule that it breaks, or whatever `take` returns.
pub fn read<E: From<ManifestProblem>>(
    document: &[u8],
    objects_max: u32,
    mut take: impl FnMut(ContentObject) -> Result<(), E>,
) -> Result<u32, E> {
    let elements_max = usize::try_from(objects_max).unwrap_or(usize::MAX);
    let limits = Limits::transfer_part()
        .with_depth_max(2)
        .with_elements_max(elements_max.saturating_add(1))
        .with_attributes_max(ATTRIBUTES_MAX);
    let document = Document::parse(document, &limits).map_err(ManifestProblem::Xml)?;
    let root = document.expect_root(NAMESPACE, "package");
    let mut root = root.map_err(ManifestProblem::Xml)?;
    let mut order = Order::default();
    let mut count = 0_u32;
    while let Some(element) = root
        .optional_child("object")
        .map_err(ManifestProblem::Xml)?
    {
        let object = object(element)?;
        order.check(&object)?;
        take(object)?;
        count = count.saturating_add(1);
    }
    root.finish().map_err(ManifestProblem::Xml)?;
    Ok(count)
}

/// Writes a manifest of objects, which are in an order that [`read`] takes.
///
/// # Errors
/// When a path has a character that XML cannot carry.
pub fn write(objects: &[ContentObject]) -> Result<Vec<u8>, WriteError> {
    let mut writer = Writer::new();
    writer.open("package").attribute("xmlns", NAMESPACE);
    for object in objects {
        writer.open("object").attribute("id", object.id);
        writer.attribute("path", &object.path);
        match &object.content {
            ObjectContent::Folder => writer.attribute("kind", "folder"),
            ObjectContent::File {
                file,
                octets,
                sha256,
            } => writer
                .attribute("kind", "file")
                .attribute("file", file)
                .attribute("octets", octets)
                .attribute("sha256", sha256),
        };
        writer.close();
    }
    writer.close();
    writer.finish()
}

fn object(mut element: ElementReader<'_>) -> Result<ContentObject, ManifestProblem> {
    let id = element.parse_attribute("id")?;
    let path = SitePath::new(element.attribute("path")?).map_err(ManifestProblem::Path)?;
    let content = match element.attribute("kind")? {
        "folder" => ObjectContent::Folder,
        "file" => ObjectContent::File {
            file: element.parse_attribute("file")?,
            octets: number(element.attribute("octets")?)?,
            sha256: element.parse_attribute("sha256")?,
        },
        _ => return Err(ManifestProblem::Value),
    };
    element.finish()?;
    Ok(ContentObject { id, path, content })
}

/// A number in the one way in which it can be written.
fn number(text: &str) -> Result<u64, ManifestProblem> {
    let number: u64 = text.parse().map_err(|_| ManifestProblem::Value)?;
    if number.to_string() == text {
        Ok(number)
    } else {
        Err(ManifestProblem::Value)
    }
}

/// What came before, as far as it decides whether an object may come now.
#[derive(Default)]
struct Order {
    ids: BTreeSet<Guid>,
    places: BTreeSet<Digest>,
    folders: BTreeSet<Digest>,
}

impl Order {
    fn check(&mut self, object: &ContentObject) -> Result<(), ManifestProblem> {
        if !self.ids.insert(object.id) {
            return Err(ManifestProblem::SameId);
        }
        let place = object.path.key();
        if !self.places.insert(place) {
            return Err(ManifestProblem::SamePlace);
        }
        if let Some(above) = object.path.parent()
            && !self.folders.contains(&above.key())
        {
            return Err(ManifestProblem::NoFolder);
        }
        if object.content == ObjectContent::Folder {
            self.folders.insert(place);
        }
        Ok(())
    }
}
