//! What a deploying farm exports, run after run, and what its imports make of a site.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use portcullis_web_service::message::{FileName, Guid};
use portcullis_web_service::work::cabinet::Compression;
use portcullis_web_service::work::manifest::SitePath;
use portcullis_web_service::work::{
    ExportFailure, ExportOrder, Exporter as _, JobKind, RunId, StoredFile, TreeExporter,
};
use tokio::io::AsyncReadExt as _;

use crate::world::{Tree, World, lay_out, news};

const PATH: Guid = Guid::from_bits(0xFA7);
const SOURCE: &str = "a name with / and ..";

/// A source, its exporter, and the site that it is deployed to.
struct Source {
    world: World,
    run: u64,
}

impl Source {
    fn new(content: &Tree) -> Self {
        let world = World::new();
        lay_out(&world.path().join("tree"), content);
        Self { world, run: 0 }
    }

    fn tree(&self) -> PathBuf {
        self.world.path().join("tree")
    }

    fn exports(&self) -> PathBuf {
        self.world.path().join("exports")
    }

    fn exporter(&self) -> TreeExporter {
        let sources = BTreeMap::from([(SOURCE.to_owned(), self.tree())]);
        TreeExporter::open(self.exports(), sources).unwrap()
    }

    fn order(&self, kind: JobKind) -> ExportOrder {
        ExportOrder {
            run: RunId {
                job: Guid::from_bits(1),
                number: self.run,
            },
            path: PATH,
            source: SOURCE.to_owned(),
            kind,
            is_compressed: true,
            package_octets_max: 10_000_000,
        }
    }

    async fn export(&mut self, kind: JobKind) -> Result<Vec<StoredFile>, ExportFailure> {
        self.run += 1;
        self.exporter().export(&self.order(kind)).await
    }

    /// Exports, imports and says so: how many objects came.
    async fn deploy(&mut self, kind: JobKind) -> u32 {
        let packages = self.export(kind).await.unwrap();
        if packages.is_empty() {
            return 0;
        }
        let order = self.order(kind);
        self.world.clear();
        for package in packages {
            let mut octets = Vec::new();
            let opened = self.exporter().open(order.run, &package.name).await;
            opened.unwrap().read_to_end(&mut octets).await.unwrap();
            assert_eq!(u64::try_from(octets.len()), Ok(package.octets));
            self.world.upload(package.name.as_str(), &octets);
        }
        let count = self.world.import(Compression::Mszip).await.unwrap();
        self.exporter().deployed(&order).await.unwrap();
        self.exporter().clean(order.run).await;
        // As after a crash between the end and its record.
        self.exporter().deployed(&order).await.unwrap();
        count
    }

    fn write(&self, path: &str, octets: &[u8]) {
        fs::write(self.tree().join(path), octets).unwrap();
    }
}

#[tokio::test]
async fn an_incremental_export_has_what_is_new_or_changed_and_the_folders_above() {
    let mut source = Source::new(&news());
    assert_eq!(
        source.deploy(JobKind::Incremental).await,
        5,
        "nothing was deployed yet"
    );
    assert_eq!(source.deploy(JobKind::Incremental).await, 0);
    source.write("default.aspx", b"<%@ Page Language=\"C#\" %>");
    fs::create_dir(source.tree().join("news/2010")).unwrap();
    source.write("news/2010/first.txt", b"first");
    assert_eq!(source.deploy(JobKind::Incremental).await, 4);
    assert_eq!(source.world.placed(), crate::world::tree(&source.tree()));
    assert_eq!(source.deploy(JobKind::Incremental).await, 0);
    assert_eq!(source.deploy(JobKind::Full).await, 7);
}

#[tokio::test]
async fn what_did_not_arrive_is_exported_again() {
    let mut source = Source::new(&news());
    source.deploy(JobKind::Full).await;
    source.write("default.aspx", b"changed");
    for _ in 0..2 {
        assert_eq!(source.export(JobKind::Incremental).await.unwrap().len(), 1);
    }
    assert_eq!(source.deploy(JobKind::Incremental).await, 1);
    assert_eq!(source.deploy(JobKind::Incremental).await, 0);
}

#[tokio::test]
async fn a_file_that_was_only_touched_is_read_and_not_exported() {
    let mut source = Source::new(&news());
    source.deploy(JobKind::Full).await;
    let octets = fs::read(source.tree().join("default.aspx")).unwrap();
    source.write("default.aspx", &octets);
    assert_eq!(source.deploy(JobKind::Incremental).await, 0);
}

#[tokio::test]
async fn a_quick_deployment_has_what_is_marked_and_forgets_the_marks_when_it_has_arrived() {
    let mut source = Source::new(&news());
    source.deploy(JobKind::Full).await;
    assert_eq!(
        source.deploy(JobKind::QuickDeploy).await,
        0,
        "nothing is marked"
    );
    source.write("news/empty.txt", b"no more");
    source.write("default.aspx", b"not for now");
    let mark = SitePath::new("/news/empty.txt").unwrap();
    source.exporter().mark(SOURCE, &mark).unwrap();
    assert_eq!(source.export(JobKind::QuickDeploy).await.unwrap().len(), 1);
    assert_eq!(
        source.deploy(JobKind::QuickDeploy).await,
        2,
        "the file and its folder"
    );
    assert_eq!(
        source.world.placed()["/news/empty.txt"].as_deref(),
        Some(&b"no more"[..])
    );
    assert_eq!(
        source.world.placed()["/default.aspx"],
        news()["/default.aspx"]
    );
    assert_eq!(source.deploy(JobKind::QuickDeploy).await, 0);
    assert_eq!(
        source.deploy(JobKind::Incremental).await,
        1,
        "the other file"
    );

    let nothing = SitePath::new("/nothing").unwrap();
    assert!(source.exporter().mark(SOURCE, &nothing).is_err());
    let other = source.exporter().mark("other", &mark);
    assert_eq!(other, Err(ExportFailure::UnknownSource));
}

#[tokio::test]
async fn what_cannot_be_exported_is_named_and_leaves_nothing() {
    let mut source = Source::new(&news());
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("default.aspx", source.tree().join("link")).unwrap();
        let failure = source.export(JobKind::Full).await.unwrap_err();
        assert!(failure.to_string().ends_with("link is a link"), "{failure}");
        fs::remove_file(source.tree().join("link")).unwrap();
    }
    let run = source.order(JobKind::Full).run;
    let package = FileName::new("ExportedFiles.cab").unwrap();
    let opened = source.exporter().open(run, &package).await;
    assert_eq!(opened.err(), Some(ExportFailure::Gone));
    let mut order = source.order(JobKind::Full);
    order.source = "other".to_owned();
    let exported = source.exporter().export(&order).await;
    assert_eq!(exported, Err(ExportFailure::UnknownSource));
}

#[tokio::test]
async fn half_an_export_is_removed_and_a_repeated_one_begins_anew() {
    let mut source = Source::new(&news());
    let first = source.export(JobKind::Full).await.unwrap();
    let runs = source
        .exports()
        .join("runs")
        .join(Guid::from_bits(1).to_string());
    fs::create_dir(runs.join("2.part")).unwrap();
    fs::write(runs.join("2.part/ExportedFiles.cab"), b"half").unwrap();
    fs::write(runs.join("1/ExportedFiles9.cab"), b"stale").unwrap();
    let exporter = source.exporter();
    assert!(!runs.join("2.part").exists());
    let again = exporter.export(&source.order(JobKind::Full)).await.unwrap();
    assert_eq!(again, first);
    assert!(!runs.join("1/ExportedFiles9.cab").exists());
}

/// CD-46
#[tokio::test]
async fn a_file_beyond_the_limit_makes_its_package_grow() {
    let mut source = Source::new(&news());
    source.write("large.bin", &[0; 200_000]);
    source.run += 1;
    let mut order = source.order(JobKind::Full);
    order.package_octets_max = 50_000;
    order.is_compressed = false;
    let packages = source.exporter().export(&order).await.unwrap();
    assert!(packages.len() > 1, "{packages:?}");
    let over = packages.iter().filter(|package| package.octets > 50_000);
    // The large one, and the larger one of the news.
    assert_eq!(over.count(), 2, "{packages:?}");
}

#[tokio::test]
async fn hundreds_of_files_go_in_order() {
    let mut content = Tree::new();
    for number in 0..300 {
        content.insert(
            format!("/{number}.txt"),
            Some(number.to_string().into_bytes()),
        );
    }
    let mut source = Source::new(&content);
    assert_eq!(source.deploy(JobKind::Full).await, 300);
    source.write("150.txt", b"other");
    assert_eq!(source.deploy(JobKind::Incremental).await, 1);
    assert_eq!(source.world.placed(), crate::world::tree(&source.tree()));
}
