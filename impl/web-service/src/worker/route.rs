//! What a request target asks for.

use percent_encoding::percent_decode_str;

use crate::message::{DEPLOYMENT_LIST_PATH, DEPLOYMENT_PATH, SERVICE_PATH, UPLOAD_PATH};

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The remote import service.
    Service,
    /// The page that takes uploads.
    Upload,
    /// The page that lists the deployments of this farm.
    Deployments,
    /// The page that shows one of them.
    Deployment,
    /// Nothing.
    Nowhere,
}

impl Place {
    /// What is at a path, percent-encoded or not, in upper or lower case (CD-42).
    pub(super) fn at(path: &str) -> Self {
        let decoded = |text| percent_decode_str(text).decode_utf8().ok();
        let Some(path) = decoded(path) else {
            return Self::Nowhere;
        };
        let is = |place| decoded(place).is_some_and(|place| place.eq_ignore_ascii_case(&path));
        // CD-1, CD-39
        if is(SERVICE_PATH) {
            Self::Service
        } else if is(UPLOAD_PATH) {
            Self::Upload
        } else if is(DEPLOYMENT_LIST_PATH) {
            Self::Deployments
        } else if is(DEPLOYMENT_PATH) {
            Self::Deployment
        } else {
            Self::Nowhere
        }
    }

    /// The methods that are answered there.
    pub(super) const fn allow(self) -> &'static str {
        match self {
            Self::Service => "GET, HEAD, POST",
            Self::Upload => "POST",
            Self::Deployments | Self::Deployment => "GET, HEAD",
            Self::Nowhere => "",
        }
    }
}

/// Whether a request target has nothing but the characters of RFC 3986: no raw quote, no raw space,
/// no percent sign without two digits (CD-42).
pub(super) fn is_legal(target: &str) -> bool {
    let mut octets = target.bytes();
    while let Some(octet) = octets.next() {
        let is_legal = match octet {
            b'%' => {
                let mut is_digit = || octets.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            _ => octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&octet),
        };
        if !is_legal {
            return false;
        }
    }
    true
}

/// Whether a query asks for the service description: `?WSDL`, percent-encoded or not, in any case,
/// whatever its value.
pub(super) fn wants_description(query: Option<&str>) -> bool {
    let is_it = |parameter: &str| {
        let name = parameter.split('=').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8();
        name.is_ok_and(|name| name.eq_ignore_ascii_case("wsdl"))
    };
    query.is_some_and(|query| query.split('&').any(is_it))
}

/// The service's address as the client reached it, from its `Host` field; `None` when that is no
/// name or address with or without a port.
pub(super) fn reached_at(host: &str, scheme: &str) -> Option<String> {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b".-_:[]".contains(&octet);
    if host.is_empty() || host.len() > 255 || !host.bytes().all(is_plain) {
        return None;
    }
    Some(format!("{scheme}://{host}{SERVICE_PATH}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_decoded_and_without_regard_to_case() {
        for path in [
            SERVICE_PATH,
            "/_VTI_ADM/contentdeploymentremoteimport.ASMX",
            "/%5Fvti_adm/ContentDeploymentRemoteImport.asm%78",
        ] {
            assert_eq!(Place::at(path), Place::Service, "{path}");
        }
        for path in [
            UPLOAD_PATH,
            "/_ADMIN/content%20deployment/deploymentUPLOAD.aspx",
        ] {
            assert_eq!(Place::at(path), Place::Upload, "{path}");
        }
        for path in [DEPLOYMENT_LIST_PATH, "/_ADMIN/deploymentjobs.aspx"] {
            assert_eq!(Place::at(path), Place::Deployments, "{path}");
        }
        assert_eq!(Place::at(DEPLOYMENT_PATH), Place::Deployment);
        for path in [
            "/",
            "",
            "*",
            "/_admin/Content+Deployment/DeploymentUpload.aspx",
            "/_admin/Content%2520Deployment/DeploymentUpload.aspx",
            "/_admin/Content%20Deployment/DeploymentUpload.aspx/",
            "/_vti_adm/../_vti_adm/ContentDeploymentRemoteImport.asmx",
            "/%ff",
        ] {
            assert_eq!(Place::at(path), Place::Nowhere, "{path}");
        }
    }

    #[test]
    fn a_target_with_a_raw_quote_or_space_is_not_legal() {
        for target in ["/a?b=%22c%22", "/_admin/Content%20Deployment/x", "*", ""] {
            assert!(is_legal(target), "{target}");
        }
        for target in [
            "/a?b=\"c\"",
            "/a b",
            "/a%2",
            "/a%zz",
            "/<a>",
            "/ä",
            "/a\u{7f}",
        ] {
            assert!(!is_legal(target), "{target}");
        }
    }

    #[test]
    fn the_description_is_asked_for_in_any_case() {
        for query in ["WSDL", "wsdl", "Wsdl=1", "a=b&wSDL", "%57SDL", "%77%73dl=1"] {
            assert!(wants_description(Some(query)), "{query}");
        }
        let others = [
            "",
            "op=CreateJob",
            "a=wsdl",
            "%2557SDL",
            "WSDL%3D1",
            "a%26WSDL",
            "WSDL%ff",
        ];
        for query in others.map(Some).into_iter().chain([None]) {
            assert!(!wants_description(query), "{query:?}");
        }
    }

    #[test]
    fn only_a_plain_host_becomes_part_of_the_address() {
        let address = reached_at("farm:8080", "http").unwrap();
        assert_eq!(address, format!("http://farm:8080{SERVICE_PATH}"));
        let address = reached_at("[::1]:443", "https").unwrap();
        assert_eq!(address, format!("https://[::1]:443{SERVICE_PATH}"));
        for host in ["", "a/b", "a\"b", "a b", "<a>", "a@b"] {
            assert_eq!(reached_at(host, "http"), None, "{host}");
        }
    }
}
