use super::*;
use crate::message::FileNameProblem;

fn taken(text: &str) -> Result<Vec<ContentObject>, ManifestProblem> {
    let mut objects = Vec::new();
    let count = read(text.as_bytes(), 10, |object| {
        objects.push(object);
        Ok::<_, ManifestProblem>(())
    })?;
    assert_eq!(usize::try_from(count), Ok(objects.len()));
    Ok(objects)
}

fn package(objects: &str) -> String {
    format!(r#"<package xmlns="{NAMESPACE}">{objects}</package>"#)
}

/// The folder number `id` at `path`.
fn folder(id: u8, path: &str) -> String {
    format!(r#"<object id="{}" path="{path}" kind="folder"/>"#, guid(id))
}

/// The empty file number `id` at `path`, with attributes of the caller.
fn file(id: u8, path: &str, attributes: &str) -> String {
    let guid = guid(id);
    format!(r#"<object id="{guid}" path="{path}" kind="file" {attributes}/>"#)
}

fn guid(id: u8) -> Guid {
    Guid::from_bits(id.into())
}

fn content(octets: &str) -> String {
    let digest = Digest::of(b"");
    format!(r#"file="1.dat" octets="{octets}" sha256="{digest}""#)
}

#[test]
fn what_is_written_is_what_is_read() {
    let objects = [
        ContentObject {
            id: guid(1),
            path: SitePath::new("/news & more").unwrap(),
            content: ObjectContent::Folder,
        },
        ContentObject {
            id: guid(2),
            path: SitePath::new("/news & more/page.aspx").unwrap(),
            content: ObjectContent::File {
                file: FileName::new("00000000.dat").unwrap(),
                octets: 3,
                sha256: Digest::of(b"abc"),
            },
        },
    ];
    let text = String::from_utf8(write(&objects).unwrap()).unwrap();
    insta::assert_snapshot!(text.replace("/>", "/>\n"), @r#"
    <package xmlns="urn:portcullis:content-package:1"><object id="00000000-0000-0000-0000-000000000001" path="/news &amp; more" kind="folder"/>
    <object id="00000000-0000-0000-0000-000000000002" path="/news &amp; more/page.aspx" kind="file" file="00000000.dat" octets="3" sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"/>
    </package>
    "#);
    assert_eq!(taken(&text).as_deref(), Ok(objects.as_slice()));
}

#[test]
fn a_manifest_that_breaks_a_rule_is_refused() {
    use ManifestProblem as Problem;
    let good = content("0");
    for (objects, problem) in [
        ([folder(1, "/a"), folder(1, "/b")], Problem::SameId),
        ([folder(1, "/a"), folder(2, "/A")], Problem::SamePlace),
        ([folder(1, "/a"), file(2, "/a", &good)], Problem::SamePlace),
        ([folder(1, "/a"), folder(2, "/b/c")], Problem::NoFolder),
        ([folder(1, "/a/b"), folder(2, "/a")], Problem::NoFolder),
        ([file(1, "/a", &good), folder(2, "/a/b")], Problem::NoFolder),
        (
            [folder(1, "/a"), file(2, "/b", &content("+0"))],
            Problem::Value,
        ),
        (
            [folder(1, "/a"), file(2, "/b", &content("00"))],
            Problem::Value,
        ),
        (
            [folder(1, "/a"), folder(2, "b")],
            Problem::Path(SitePathProblem::Relative),
        ),
        (
            [folder(1, "/a"), folder(2, "/")],
            Problem::Path(SitePathProblem::Name(FileNameProblem::Empty)),
        ),
        (
            [folder(1, "/a"), folder(2, "/a/../b")],
            Problem::Path(SitePathProblem::Name(FileNameProblem::Edge)),
        ),
        (
            [folder(1, "/a"), folder(2, "/.portcullis")],
            Problem::Path(SitePathProblem::Name(FileNameProblem::Edge)),
        ),
    ] {
        let text = package(&objects.concat());
        assert_eq!(taken(&text), Err(problem), "{text}");
    }
}

#[test]
fn what_the_schema_does_not_know_is_refused() {
    let namespace = package("").replace(":1", ":2");
    let unknown = folder(1, "/a").replace("kind", r#"colour="red" kind"#);
    let folder_with_octets = folder(1, "/a").replace("kind", r#"octets="1" kind"#);
    for text in [
        String::new(),
        "<package/>".to_owned(),
        namespace,
        package("text"),
        package("<folder/>"),
        package(&unknown),
        package(&folder_with_octets),
        package(&file(1, "/a", "")),
        package(&folder(1, "/a").replace("/>", "><object/></object>")),
        package(&folder(1, "/a").replace("0001", "000g")),
    ] {
        let refused = matches!(taken(&text), Err(ManifestProblem::Xml(_)));
        assert!(refused, "{text}");
    }
    let kind = package(&folder(1, "/a").replace("folder", "link"));
    assert_eq!(taken(&kind), Err(ManifestProblem::Value));
}

#[test]
fn there_are_no_more_objects_than_allowed() {
    let ten: String = (0..10).map(|id| folder(id, &format!("/{id}"))).collect();
    assert_eq!(taken(&package(&ten)).map(|objects| objects.len()), Ok(10));
    let eleven = package(&(ten + &folder(10, "/10")));
    assert!(matches!(taken(&eleven), Err(ManifestProblem::Xml(_))));
}

#[test]
fn a_path_knows_what_it_is_in() {
    let path = SitePath::new("/a/B/c").unwrap();
    let above = path.parent().unwrap();
    assert_eq!(above.as_str(), "/a/B");
    assert_eq!(above.key(), SitePath::new("/A/b").unwrap().key());
    assert_eq!(above.parent().unwrap().parent(), None);
    let long = format!("/{}", "x/".repeat(200));
    assert_eq!(SitePath::new(&long), Err(SitePathProblem::TooLong));
}
