//! The queries of an upload and of a status page.

use portcullis_web_service::codec::{
    QueryProblem, read_deployment_query, read_upload_query, write_upload_query,
};
use portcullis_web_service::message::{FileName, UploadTarget};

use crate::samples::{JOB, job};

fn read(query: &str) -> Result<String, QueryProblem> {
    read_upload_query(query).map(|target| {
        assert_eq!(target.job, job());
        target.file.to_string()
    })
}

#[test]
fn values_stand_bare_or_in_quotes_in_any_order() {
    for (query, file) in [
        (
            format!("filename=ExportedFiles.cab&remoteJobId={JOB}"),
            "ExportedFiles.cab",
        ),
        (
            format!("remoteJobId={JOB}&filename=ExportedFiles.cab"),
            "ExportedFiles.cab",
        ),
        (
            format!("filename=%22ExportedFiles.cab%22&remoteJobId=%22{JOB}%22"),
            "ExportedFiles.cab",
        ),
        (
            format!("FileName=a.cab&REMOTEJOBID={}", JOB.to_uppercase()),
            "a.cab",
        ),
        (format!("filename=a%20b.cab&remoteJobId={JOB}&"), "a b.cab"),
        (format!("filename=a+b.cab&remoteJobId={JOB}"), "a b.cab"),
        (
            format!("filename=a%2Bb%26c%3D%25.cab&remoteJobId={JOB}"),
            "a+b&c=%.cab",
        ),
        (
            format!("filename=%C3%A9t%C3%A9.cab&remoteJobId={JOB}"),
            "été.cab",
        ),
    ] {
        assert_eq!(read(&query).as_deref(), Ok(file), "{query}");
    }
}

#[test]
fn what_is_no_upload_is_refused() {
    use QueryProblem::{Invalid, Missing, Repeated, Unknown};
    let good = format!("filename=a.cab&remoteJobId={JOB}");
    let named = |name: &str| format!("filename={name}&remoteJobId={JOB}");
    for (query, problem) in [
        (String::new(), Missing("filename")),
        ("filename=a.cab".into(), Missing("remoteJobId")),
        (format!("remoteJobId={JOB}"), Missing("filename")),
        (format!("{good}&filename=b.cab"), Repeated("filename")),
        (format!("{good}&RemoteJobID={JOB}"), Repeated("remoteJobId")),
        (format!("{good}&overwrite=1"), Unknown),
        (format!("{good}&%zz=1"), Unknown),
        (
            "filename=a.cab&remoteJobId=1".into(),
            Invalid("remoteJobId"),
        ),
        (
            format!("filename=a.cab&remoteJobId={{{JOB}}}"),
            Invalid("remoteJobId"),
        ),
        (
            format!("filename=a.cab&remoteJobId=%22{JOB}"),
            Invalid("remoteJobId"),
        ),
        (named(""), Invalid("filename")),
        (named("%22%22"), Invalid("filename")),
        (named("%22"), Invalid("filename")),
        (named(".."), Invalid("filename")),
        (named("../a.cab"), Invalid("filename")),
        (named("..%2Fa.cab"), Invalid("filename")),
        (named("..%5Ca.cab"), Invalid("filename")),
        (named("%2Fetc%2Fpasswd"), Invalid("filename")),
        (named("C%3Aa.cab"), Invalid("filename")),
        (named("a.cab%00.txt"), Invalid("filename")),
        (named("a.cab%0D%0A"), Invalid("filename")),
        (named("nul.cab"), Invalid("filename")),
        (named("a%"), Invalid("filename")),
        (named("a%4"), Invalid("filename")),
        (named("a%zz"), Invalid("filename")),
        (named("a%u0041"), Invalid("filename")),
        (named("%FF"), Invalid("filename")),
        // An overlong form of a slash, which is not UTF-8.
        (named("..%C0%AFa.cab"), Invalid("filename")),
        (named(&"a".repeat(256)), Invalid("filename")),
    ] {
        assert_eq!(read(&query), Err(problem), "{query}");
    }
    // Decoded once and no more: this is a strange name, but no path.
    assert_eq!(read(&named("..%252Fa.cab")), Err(Invalid("filename")));
    assert_eq!(read(&named("a%252Fb.cab")).as_deref(), Ok("a%2Fb.cab"));
}

#[test]
fn what_is_written_is_percent_encoded_without_quotes() {
    let file = FileName::new("Exported Files (é)+1.cab").unwrap();
    let written = write_upload_query(&UploadTarget { file, job: job() });
    assert_eq!(
        written,
        format!("filename=Exported%20Files%20%28%C3%A9%29%2B1.cab&remoteJobId={JOB}")
    );
}

#[test]
fn names_are_compared_after_decoding() {
    let query = format!("%66ilename=a.cab&remote%4Aob%49d={JOB}");
    assert_eq!(read(&query).as_deref(), Ok("a.cab"));
    let name = read_deployment_query("%6Aob=nightly");
    assert_eq!(name.as_deref(), Ok("nightly"));
    let twice = read_deployment_query("%256Aob=nightly");
    assert_eq!(twice, Err(QueryProblem::Unknown));
}
