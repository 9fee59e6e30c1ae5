//! The query of an upload, which names a file.

use portcullis_web_service::codec::{read_upload_query, write_upload_query};

/// A query is refused, or it names one file within one folder and has one form that reads alike.
pub(crate) fn run(octets: &[u8]) {
    let Ok(query) = std::str::from_utf8(octets) else {
        return;
    };
    let Ok(target) = read_upload_query(query) else {
        return;
    };
    let name = target.file.as_str();
    assert!(!name.is_empty() && name != "." && name != "..");
    assert!(!name.contains(['/', '\\', ':', '\0', '"']));
    let written = write_upload_query(&target);
    assert!(
        written
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && octet != b'"')
    );
    assert_eq!(read_upload_query(&written).as_ref(), Ok(&target));
}
