//! Claims about any message and about any octets.

use proptest::prelude::*;

use portcullis_web_service::codec::{
    Answer, Call, SoapVersion, fault_status, read_answer, read_request, read_upload_query,
    write_request, write_response, write_upload_query,
};
use portcullis_web_service::config::Compat;
use portcullis_web_service::message::{
    FileName, Guid, IncludeSecurity, JobStatus, NewJob, RemoteJobStatus, Request, Response,
    UploadTarget, UserInfoDateTime, VirtualServer,
};
use portcullis_xml::is_character;

fn version() -> impl Strategy<Value = SoapVersion> {
    prop::sample::select(SoapVersion::ALL.to_vec())
}

fn guid() -> impl Strategy<Value = Guid> {
    any::<u128>().prop_map(Guid::from_bits)
}

/// Any text that XML can say.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        any::<char>().prop_filter("legal", |c| is_character(*c)),
        0..40,
    )
    .prop_map(|letters| letters.into_iter().collect())
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn new_job() -> impl Strategy<Value = NewJob> {
    (
        text(),
        guid(),
        text(),
        text(),
        one_of(IncludeSecurity::ALL),
        one_of(UserInfoDateTime::ALL),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|fields| NewJob {
            description: fields.0,
            source_id: fields.1,
            destination_server_url: fields.2,
            destination_site_collection: fields.3,
            include_security: fields.4,
            include_user_info_date_time: fields.5,
            enable_event_receivers: fields.6,
            file_compression: fields.7,
        })
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::GetVirtualServersInformation),
        text()
            .prop_map(|virtual_server_url| Request::GetSiteCollectionNames { virtual_server_url }),
        text().prop_map(|client_version| Request::GetRemoteAdminServerUrl { client_version }),
        new_job().prop_map(Request::CreateJob),
        guid().prop_map(|job| Request::RunJob { job }),
        guid().prop_map(|job| Request::GetJobStatus { job }),
        guid().prop_map(|job| Request::CancelJob { job }),
        guid().prop_map(|job| Request::DeleteJob { job }),
        guid().prop_map(|source_job| Request::DeleteImportLogs { source_job }),
    ]
}

fn status() -> impl Strategy<Value = RemoteJobStatus> {
    let counts = (any::<u32>(), any::<u32>(), any::<u32>());
    (one_of(JobStatus::ALL), counts, text()).prop_map(|(status, counts, status_message)| {
        RemoteJobStatus {
            status,
            error_count: counts.0,
            warning_count: counts.1,
            imported_object_count: counts.2,
            status_message,
        }
    })
}

fn response() -> impl Strategy<Value = Response> {
    let server = (text(), text()).prop_map(|(name, url)| VirtualServer { name, url });
    prop_oneof![
        prop::collection::vec(server, 0..4).prop_map(Response::GetVirtualServersInformation),
        prop::collection::vec(text(), 0..4).prop_map(Response::GetSiteCollectionNames),
        text().prop_map(Response::GetRemoteAdminServerUrl),
        guid().prop_map(Response::CreateJob),
        Just(Response::RunJob),
        status().prop_map(Response::GetJobStatus),
        Just(Response::CancelJob),
        Just(Response::DeleteJob),
        Just(Response::DeleteImportLogs),
    ]
}

proptest! {
    #[test]
    fn a_request_written_is_the_request_read(version in version(), request in request()) {
        let written = write_request(version, &request);
        for compat in [Compat::Strict, Compat::Aspnet] {
            let action = request.operation().soap_action();
            let content_type = Some(version.content_type());
            let call = read_request(content_type, Some(&action), written.as_bytes(), compat);
            prop_assert_eq!(call, Ok(Call { version, request: request.clone() }));
        }
    }

    #[test]
    fn a_response_written_is_the_response_read(version in version(), response in response()) {
        let written = write_response(version, &response);
        let answer = read_answer(written.as_bytes());
        prop_assert_eq!(answer, Ok((version, Answer::Response(response))));
    }

    #[test]
    fn an_upload_target_written_is_the_target_read(name in "[^/\\\\]{1,40}", job in guid()) {
        if let Ok(file) = FileName::new(&name) {
            let target = UploadTarget { file, job };
            prop_assert_eq!(read_upload_query(&write_upload_query(&target)), Ok(target));
        }
    }

    #[test]
    fn no_query_names_a_file_elsewhere(query in any::<String>()) {
        let job = Guid::NIL;
        for query in [query.clone(), format!("filename={query}&remoteJobId={job}")] {
            if let Ok(target) = read_upload_query(&query) {
                prop_assert!(!target.file.as_str().contains(['/', '\\', ':', '\0']));
            }
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        for compat in [Compat::Strict, Compat::Aspnet] {
            let call = read_request(Some("text/xml"), None, &octets, compat);
            if let Err(portcullis_web_service::codec::Unread::Fault(version, fault)) = call {
                prop_assert!([400, 500].contains(&fault_status(version, &fault, compat)));
            }
        }
        prop_assert!(read_answer(&octets).is_err());
    }
}
