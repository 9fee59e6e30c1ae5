//! A temporary folder with packages, a site, and an importer between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_web_service::message::{FileName, Guid, IncludeSecurity, NewJob, UserInfoDateTime};
use portcullis_web_service::work::cabinet::Compression;
use portcullis_web_service::work::manifest::{
    self, ContentObject, Digest, ObjectContent, SitePath,
};
use portcullis_web_service::work::pack::{PackOptions, pack};
use portcullis_web_service::work::{
    ImportFailure, ImportLimits, ImportOrder, Importer as _, SiteImporter, SiteName, StoredFile,
};
use tempfile::TempDir;

const SERVER: &str = "http://target";
const SITE: &str = "/sites/news";
const JOB: Guid = Guid::from_bits(0xC0FFEE);

pub(crate) struct World {
    folder: PathBuf,
    /// Removes the folder at the end, unless another process does.
    _kept: Option<TempDir>,
}

/// What is in a directory, by path: the octets of files, nothing for folders.
pub(crate) type Tree = BTreeMap<String, Option<Vec<u8>>>;

impl World {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("depot").join(JOB.to_string())).unwrap();
        Self {
            folder: folder.path().to_owned(),
            _kept: Some(folder),
        }
    }

    /// What another process has made.
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            _kept: None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Where the uploads of the job are.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.path().join("depot").join(JOB.to_string())
    }

    pub(crate) fn working(&self) -> PathBuf {
        self.path().join("depot").join(format!("{JOB}.work"))
    }

    pub(crate) fn site(&self) -> PathBuf {
        self.path().join("site")
    }

    /// What was placed into the site.
    pub(crate) fn placed(&self) -> Tree {
        let mut tree = tree(&self.site());
        tree.retain(|path, _| !path.starts_with("/.portcullis"));
        tree
    }

    /// How many files and folders there are in the working folder and the site.
    pub(crate) fn progress(&self) -> usize {
        fn count(folder: &Path) -> usize {
            // What is there may be gone when it is looked at.
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| 1 + count(&entry.path())).sum()
        }
        count(&self.working()) + count(&self.site())
    }

    pub(crate) fn upload(&self, name: &str, octets: &[u8]) {
        fs::write(self.uploads().join(name), octets).unwrap();
    }

    /// Another job with the same uploads as this world will have: none.
    pub(crate) fn clear(&self) {
        fs::remove_dir_all(self.uploads()).unwrap();
        fs::create_dir(self.uploads()).unwrap();
    }

    pub(crate) fn importer(&self) -> SiteImporter {
        self.importer_within(ImportLimits::default())
    }

    pub(crate) fn importer_within(&self, limits: ImportLimits) -> SiteImporter {
        let sites = BTreeMap::from([(SiteName::new("HTTP://Target/", SITE), self.site())]);
        SiteImporter::new(self.path().join("depot"), sites, limits)
    }

    pub(crate) fn order(&self, compression: Compression) -> ImportOrder {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.uploads()).unwrap() {
            let entry = entry.unwrap();
            files.push(StoredFile {
                name: FileName::new(entry.file_name().to_str().unwrap()).unwrap(),
                octets: entry.metadata().unwrap().len(),
            });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        ImportOrder {
            job: JOB,
            order: NewJob {
                description: String::new(),
                source_id: Guid::NIL,
                destination_server_url: SERVER.to_owned(),
                destination_site_collection: SITE.to_owned(),
                include_security: IncludeSecurity::None,
                include_user_info_date_time: UserInfoDateTime::None,
                enable_event_receivers: false,
                file_compression: compression == Compression::Mszip,
            },
            files,
        }
    }

    /// A whole import of what is uploaded.
    pub(crate) async fn import(&self, compression: Compression) -> Result<u32, ImportFailure> {
        import(&self.importer(), &self.order(compression)).await
    }

    /// Packs a directory of the given content and uploads the packages.
    pub(crate) fn pack(&self, content: &Tree, options: &PackOptions) {
        let source = self.path().join("source");
        lay_out(&source, content);
        pack(&source, &self.uploads(), options).unwrap();
        fs::remove_dir_all(source).unwrap();
    }
}

/// A whole import, phase by phase.
pub(crate) async fn import(
    importer: &SiteImporter,
    order: &ImportOrder,
) -> Result<u32, ImportFailure> {
    importer.verify(order).await?;
    let count = importer.decompress(order).await?;
    for number in 0..count {
        importer.place(order, number).await?;
    }
    importer.clean(order.job).await;
    Ok(count)
}

/// Everything below a directory; a link is what it leads to in words.
pub(crate) fn tree(directory: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap();
            // An import that was given up may still be about to tidy up after itself.
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            let content = if metadata.is_dir() {
                open.push(path.clone());
                None
            } else if metadata.is_symlink() {
                let to = fs::read_link(&path).unwrap();
                Some(format!("-> {}", to.display()).into_bytes())
            } else {
                let Ok(octets) = fs::read(&path) else {
                    continue;
                };
                Some(octets)
            };
            tree.insert(format!("/{name}"), content);
        }
    }
    tree
}

/// Makes a directory with that content.
pub(crate) fn lay_out(directory: &Path, content: &Tree) {
    fs::create_dir_all(directory).unwrap();
    for (path, octets) in content {
        let path = directory.join(path.trim_start_matches('/'));
        match octets {
            None => fs::create_dir_all(path).unwrap(),
            Some(octets) => fs::write(path, octets).unwrap(),
        }
    }
}

/// A site of two folders and three files, one of which is empty.
pub(crate) fn news() -> Tree {
    let file = |octets: &[u8]| Some(octets.to_vec());
    Tree::from([
        ("/default.aspx".to_owned(), file(b"<%@ Page %>")),
        ("/news".to_owned(), None),
        ("/news/empty.txt".to_owned(), file(b"")),
        ("/news/images".to_owned(), None),
        ("/news/images/logo.png".to_owned(), file(&[7; 70_000])),
    ])
}

/// The object numbered `id` at `path`, with the file `name` when it has content.
pub(crate) fn object(id: u128, path: &str, file: Option<(&str, &[u8])>) -> ContentObject {
    ContentObject {
        id: Guid::from_bits(id),
        path: SitePath::new(path).unwrap(),
        content: match file {
            None => ObjectContent::Folder,
            Some((name, octets)) => ObjectContent::File {
                file: FileName::new(name).unwrap(),
                octets: u64::try_from(octets.len()).unwrap(),
                sha256: Digest::of(octets),
            },
        },
    }
}

/// The manifest of objects.
pub(crate) fn manifest(objects: &[ContentObject]) -> Vec<u8> {
    manifest::write(objects).unwrap()
}
