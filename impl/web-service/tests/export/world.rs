//! A source, an exporter, and an importer into a site.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_web_service::message::{Guid, IncludeSecurity, NewJob, UserInfoDateTime};
use portcullis_web_service::work::manifest::SitePath;
use portcullis_web_service::work::{
    ExportFailure, ExportOrder, Exporter as _, ImportLimits, ImportOrder, Importer as _, JobKind,
    RunId, SiteImporter, SiteName, StoredFile, TreeExporter,
};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

const SERVER: &str = "http://target";
const SITE: &str = "/sites/news";
const SOURCE: &str = "news";

pub(crate) const JOB: Guid = Guid::from_bits(0xC0FFEE);
pub(crate) const PATH: Guid = Guid::from_bits(0xBEEF);

/// What is in a directory, by path: the octets of files, nothing for folders.
pub(crate) type Tree = BTreeMap<String, Option<Vec<u8>>>;

pub(crate) struct World {
    folder: TempDir,
    pub(crate) exporter: TreeExporter,
    importer: SiteImporter,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("source")).unwrap();
        let site = (SiteName::new(SERVER, SITE), folder.path().join("site"));
        let depot = folder.path().join("depot");
        Self {
            exporter: exporter(folder.path()),
            importer: SiteImporter::new(depot, [site].into(), ImportLimits::default()),
            folder,
        }
    }

    /// The exporter crashes, and another one starts.
    pub(crate) fn restart(&mut self) {
        self.exporter = exporter(self.folder.path());
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    /// Where the packages are.
    pub(crate) fn runs(&self) -> PathBuf {
        self.folder.path().join("exports/runs")
    }

    pub(crate) fn put(&self, path: &str, octets: &[u8]) {
        let path = self.source().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }

    /// What was placed into the site.
    pub(crate) fn placed(&self) -> Tree {
        let mut tree = tree(&self.folder.path().join("site"));
        tree.retain(|path, _| !path.starts_with(".portcullis"));
        tree
    }

    pub(crate) fn mark(&self, path: &str) {
        let path = SitePath::new(path).unwrap();
        self.exporter.mark(SOURCE, &path).unwrap();
    }

    pub(crate) async fn export(&self, order: &ExportOrder) -> Vec<StoredFile> {
        self.exporter.export(order).await.unwrap()
    }

    /// Uploads and imports the packages of a run: how many objects were placed.
    pub(crate) async fn import(&self, order: &ExportOrder, files: Vec<StoredFile>) -> u32 {
        let job = Guid::from_bits(u128::from(order.run.number));
        let depot = self.folder.path().join("depot").join(job.to_string());
        fs::create_dir_all(&depot).unwrap();
        for file in &files {
            let octets = self.read(order.run, file).await.unwrap();
            assert_eq!(u64::try_from(octets.len()).unwrap(), file.octets);
            fs::write(depot.join(file.name.as_str()), octets).unwrap();
        }
        let import = ImportOrder {
            job,
            order: NewJob {
                description: String::new(),
                source_id: JOB,
                destination_server_url: SERVER.to_owned(),
                destination_site_collection: SITE.to_owned(),
                include_security: IncludeSecurity::None,
                include_user_info_date_time: UserInfoDateTime::None,
                enable_event_receivers: false,
                file_compression: order.is_compressed,
            },
            files,
        };
        self.importer.verify(&import).await.unwrap();
        let count = self.importer.decompress(&import).await.unwrap();
        for number in 0..count {
            self.importer.place(&import, number).await.unwrap();
        }
        self.importer.clean(job).await;
        count
    }

    pub(crate) async fn read(
        &self,
        run: RunId,
        file: &StoredFile,
    ) -> Result<Vec<u8>, ExportFailure> {
        let mut package = self.exporter.open(run, &file.name).await?;
        let mut octets = Vec::new();
        package.read_to_end(&mut octets).await.unwrap();
        Ok(octets)
    }

    /// A whole deployment that succeeds: how many objects were placed.
    pub(crate) async fn deploy(&self, order: &ExportOrder) -> u32 {
        let files = self.export(order).await;
        let count = if files.is_empty() {
            0
        } else {
            self.import(order, files).await
        };
        self.exporter.deployed(order).await.unwrap();
        self.exporter.clean(order.run).await;
        assert!(!self.folder_of(order.run).exists());
        count
    }

    pub(crate) fn folder_of(&self, run: RunId) -> PathBuf {
        self.runs().join(run.to_string())
    }
}

fn exporter(folder: &Path) -> TreeExporter {
    let sources = BTreeMap::from([(SOURCE.to_owned(), folder.join("source"))]);
    TreeExporter::open(folder.join("exports"), sources).unwrap()
}

/// Run `number` of a job of that kind.
pub(crate) fn order(number: u64, kind: JobKind) -> ExportOrder {
    ExportOrder {
        run: RunId { job: JOB, number },
        path: PATH,
        source: SOURCE.to_owned(),
        kind,
        is_compressed: true,
        package_octets_max: 100_000,
    }
}

/// Everything below a directory.
pub(crate) fn tree(directory: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap();
            let content = if path.is_dir() {
                open.push(path.clone());
                None
            } else {
                Some(fs::read(&path).unwrap())
            };
            tree.insert(name.to_owned(), content);
        }
    }
    tree
}
